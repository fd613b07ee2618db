"""The charts in the OpenAPI description."""

from typing import Any, Final

from image_tracing_viewer.charts.by_model import PERCENTILES
from image_tracing_viewer.charts.dashboard import CHARTS
from image_tracing_viewer.charts.period import BUCKETS_MOST, PRESET_DEFAULT, PRESETS
from image_tracing_viewer.charts.picture import THEMES, WIDTH_DEFAULT, WIDTH_LEAST, WIDTH_MOST

Json = dict[str, Any]

CHARTS_PATH: Final = "/api/traceImage/stats/charts/{name}"


def chart_name() -> Json:
    """The parameter in the path."""
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {
            "type": "string",
            "enum": [f"{name}.{kind}" for name in CHARTS for kind in ("svg", "png")],
        },
        "description": "The chart, as SVG or PNG; PNG needs the extra `png` of the distribution",
    }


def chart_parameters() -> list[tuple[str, Json, str]]:
    """Name, schema and description of what a picture takes beside what the statistics take."""
    width = {"type": "integer", "minimum": WIDTH_LEAST, "maximum": WIDTH_MOST, "default": WIDTH_DEFAULT}
    return [
        (
            "range",
            {"type": "string", "enum": list(PRESETS), "default": PRESET_DEFAULT},
            f"A range that ends now; from and to go before it. At most {BUCKETS_MOST} buckets",
        ),
        (
            "percentile",
            {"type": "string", "enum": list(PERCENTILES), "default": "p95"},
            "What the chart of durations shows",
        ),
        (
            "theme",
            {"type": "string", "enum": list(THEMES), "default": "auto"},
            "Colours; `auto` follows the reader's system in SVG, and is light in PNG",
        ),
        ("width", width, "Pixels; a PNG has two of its own for each"),
    ]
