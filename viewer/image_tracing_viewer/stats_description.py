"""The statistics in the OpenAPI description."""

from typing import Any, Final

from image_tracing_postgres.statistics.ranges import MAX_BUCKETS
from image_tracing_postgres.statistics.zones import BUCKETS

Json = dict[str, Any]

_COUNT: Final[Json] = {"type": "integer", "minimum": 0}
_RATE: Final[Json] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_NAME: Final[Json] = {"type": ["string", "null"]}
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}
_COUNTS: Final[Json] = {"type": "object", "additionalProperties": _COUNT}
_DURATIONS: Final[Json] = {"anyOf": [{"$ref": "#/components/schemas/Durations"}, {"type": "null"}]}

_GENERATION_FIGURES: Final[Json] = {
    "generations": _COUNT,
    "completed": _COUNT,
    "failed": _COUNT,
    "started": _COUNT,
    "success_rate": _RATE,
    "fallbacks": _COUNT,
    "fallback_rate": _RATE,
    "recovered": _COUNT,
    "wasted_ms": _COUNT,
    "time_to_picture_ms": _DURATIONS,
}
_ATTEMPT_FIGURES: Final[Json] = {
    "attempts": _COUNT,
    "succeeded": _COUNT,
    "attempt_success_rate": _RATE,
    "duration_ms": _DURATIONS,
    "images": _COUNT,
    "bytes": {"type": "integer"},
    "outcomes": _COUNTS,
    "error_classes": _COUNTS,
    "chances": _COUNT,
    "rescues": _COUNT,
    "recovery_rate": _RATE,
}


def stats_parameters() -> list[tuple[str, Json, str]]:
    """Name, schema and description of what the statistics take beside the filters."""
    return [
        (
            "bucket",
            {"type": "string", "enum": list(BUCKETS)},
            f"Length of the points over time, at most {MAX_BUCKETS}; chosen by the range if not given",
        ),
        (
            "tz",
            {"type": "string", "format": "time-zone", "default": "UTC"},
            "IANA name of the zone whose hours, days, weeks and months the points are",
        ),
    ]


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(properties: Json) -> Json:
    return {"type": "array", "items": _object(properties)}


_BY_MODEL: Final = _list({"model": _NAME, **_ATTEMPT_FIGURES})

STATS_SCHEMAS: Final[Json] = {
    "Durations": {
        **_object(
            {
                "mean": {"type": "number", "minimum": 0},
                "p50": _COUNT,
                "p90": _COUNT,
                "p95": _COUNT,
                "p99": _COUNT,
            }
        ),
        "description": "Milliseconds; percentiles by nearest rank, at most 1 % below the exact one",
    },
    "Statistics": _object(
        {
            "from": _MOMENT,
            "to": _MOMENT,
            "bucket": {"type": "string", "enum": list(BUCKETS)},
            "tz": {"type": "string"},
            "total": _object({**_GENERATION_FIGURES, **_ATTEMPT_FIGURES}),
            "by_model": _BY_MODEL,
            "by_provider": _list({"provider": _NAME, **_ATTEMPT_FIGURES}),
            "by_error_class": _list({"error_class": {"type": "string"}, "attempts": _COUNT}),
            "over_time": {
                **_list(
                    {
                        "start": _MOMENT,
                        "end": _MOMENT,
                        **_GENERATION_FIGURES,
                        **_ATTEMPT_FIGURES,
                        "by_model": _BY_MODEL,
                    }
                ),
                "maxItems": MAX_BUCKETS,
            },
            "fallback_depth": _list({"models_tried": _COUNT, "generations": _COUNT}),
            "flow": _list({"first_model": _NAME, "served_by": _NAME, "generations": _COUNT}),
            "left_out": {
                **_object(dict.fromkeys(("models", "providers", "error_classes", "flow"), _COUNT)),
                "description": "How many rarer ones there are beside the 200 listed",
            },
        }
    ),
}
