"""A chart as a picture of its own: SVG with its style in it, and PNG where the extra for it is installed."""

import base64
import hashlib
import re
from typing import Final, Literal, get_args

from markupsafe import escape

from image_tracing_viewer.assets import FILES
from image_tracing_viewer.charts.chart import Cell, Chart, Panel, Table
from image_tracing_viewer.charts.figures import isolated
from image_tracing_viewer.charts.labels import fitted, width_of

Theme = Literal["auto", "light", "dark"]
THEMES: Final[tuple[Theme, ...]] = get_args(Theme)
WIDTH_DEFAULT: Final = 900
WIDTH_LEAST: Final = 320
WIDTH_MOST: Final = 2000

_EDGE: Final = 20
_NARROW: Final = 560
_ROW_HEIGHT: Final = 34
# Of texts, and in sizes of their font how wide names may be.
_FONT_SIZE: Final = 12
_NAME_WIDTH: Final = 12.5

_LIGHT_DARK: Final = re.compile(r"--([\w-]+): light-dark\((#\w+), (#\w+)\);")
_VARIABLE: Final = re.compile(r"var\(--([\w-]+)\)")
_MARKS: Final = FILES["charts.css"].decode()
_COLOURS: Final = {
    name: {"light": light, "dark": dark}
    for sheet in (FILES["viewer.css"].decode(), _MARKS)
    for name, light, dark in _LIGHT_DARK.findall(sheet)
}
_OWN_RULES: Final = """
text {
  font-family: -apple-system, "Segoe UI", Roboto, Inter, "Noto Sans", "Liberation Sans", "DejaVu Sans",
    sans-serif;
}
.sheet { fill: var(--surface); }
.plot rect.column { fill: none; }
.title { font-size: 16px; font-weight: 600; fill: var(--text); }
.told, .key { font-size: 12px; fill: var(--muted); }
.part { font-size: 12px; font-weight: 600; fill: var(--muted); }
.name { font-size: 13px; font-weight: 600; fill: var(--text); }
.cell { font-size: 13px; fill: var(--text); text-anchor: end; }
.head { font-size: 11px; fill: var(--muted); text-anchor: end; }
.name.head { text-anchor: start; font-weight: 400; }
.rule { stroke: var(--line); stroke-width: 1; }
.key-mark { fill: currentColor; }
.key-mark.hatched { fill: url(#hatch); }
.hatch-ground { fill: var(--bar-bad-ground); }
.hatch-line { fill: var(--bar-bad); }
.spark .line { fill: none; stroke: currentColor; stroke-width: 1.5; }
"""
# XML 1.0 has no way to write them, and half a surrogate pair no way into UTF-8.
_UNWRITABLE: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_HATCH: Final = (
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" class="hatch-ground"/>'
    '<rect width="2.2" height="6" class="hatch-line"/></pattern>'
)


def _rules(theme: Literal["light", "dark"]) -> str:
    """The rules with the theme's colours put in, since not every reader of SVG knows variables."""
    marks = re.sub(r"/\*.*?\*/|:root \{.*?\}", "", _MARKS, flags=re.DOTALL)
    return " ".join(_VARIABLE.sub(lambda name: _COLOURS[name[1]][theme], marks + _OWN_RULES).split())


STYLES: Final[dict[Theme, str]] = {
    "light": _rules("light"),
    "dark": _rules("dark"),
    "auto": f"{_rules('light')} @media (prefers-color-scheme: dark) {{ {_rules('dark')} }}",
}


def content_security_policy(theme: Theme) -> str:
    """The policy under which a picture may use its own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(STYLES[theme].encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"


def svg_of(chart: Chart, told: str, *, theme: Theme = "auto", width: int = WIDTH_DEFAULT) -> str:
    """The chart as an SVG document of this width in pixels; `told` says of which range it is."""
    parts: list[str] = []
    y: float = _EDGE + 14
    parts.append(_text("title", _EDGE, y, chart.title))
    for line in (chart.told, told):
        if line:
            y += 19
            parts.append(_text("told", _EDGE, y, fitted(line, (width - 2 * _EDGE) / _FONT_SIZE)))
    y += 20
    if chart.name == "models":
        rows, y = _rows(chart.tables[0], y, width)
        parts += rows
    for panel in chart.panels:
        drawn, y = _panel(panel, y, width)
        parts += drawn
    if not chart.panels and not chart.tables[0].rows:
        y += 24
        parts.append(_text("told", _EDGE, y, "None in this range"))
    height = round(y + _EDGE)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(f"{chart.title}. {chart.told}")}">'
        f"<style>{STYLES[theme]}</style><defs>{_HATCH}</defs>"
        f'<rect class="sheet" width="{width}" height="{height}"/>{"".join(parts)}</svg>'
    )
    return _UNWRITABLE.sub("\ufffd", svg)


def png_of(svg: str, *, scale: float = 2) -> bytes:
    """The SVG document as PNG, `scale` pixels for each of its own.

    Raises:
        ModuleNotFoundError: the extra `png` is not installed.
    """
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=scale))


def _panel(panel: Panel, y: float, width: int) -> tuple[list[str], float]:
    parts = []
    if panel.title:
        y += 18
        parts.append(_text("part", _EDGE, y, panel.title))
        y += 10
    has_ends = bool(panel.ends) and width > _NARROW
    left, right = {"time": (44, 184 if has_ends else 0), "amounts": (110, 104), "flow": (0, 0)}[panel.kind]
    ends = "".join(
        f'<svg class="end {end.key.style}" x="100%" overflow="visible"><path class="line" '
        f'd="M10 {end.y:.1f}h12"/><text x="28" y="{end.y + 4:.1f}">'
        f"{escape(isolated(end.label))}</text></svg>"
        for end in (panel.ends if has_ends else ())
    )
    parts.append(
        f'<svg class="plot" overflow="visible" x="{_EDGE + left}" y="{y:.1f}" '
        f'width="{width - 2 * _EDGE - left - right}" height="{panel.plot.height}">'
        f"{panel.plot.markup}{ends}</svg>"
    )
    y += panel.plot.height
    if panel.keys and not has_ends:
        drawn, y = _keys(panel, y + 18, width)
        parts += drawn
    return parts, y


def _keys(panel: Panel, y: float, width: int) -> tuple[list[str], float]:
    """The keys in a row, or in several where one is not enough; `y` is the base line of the first."""
    parts = []
    x: float = _EDGE
    for key in panel.keys:
        label = fitted(key.label, _NAME_WIDTH)
        wide = 16 + width_of(label) * _FONT_SIZE + 18
        if x > _EDGE and x + wide > width - _EDGE:
            x, y = _EDGE, y + 18
        parts.append(
            f'<rect class="key-mark {key.style}" x="{x:.0f}" y="{y - 9:.0f}" width="10" height="10" rx="3"/>'
        )
        parts.append(_text("key", x + 16, y, label))
        x += wide
    return parts, y


def _rows(table: Table, y: float, width: int) -> tuple[list[str], float]:
    """The table of models: its name, then as many of its columns as there is room for."""
    name_width = 190
    room = width - 2 * _EDGE - name_width
    wanted = [1, 2, 3, 4, 5, 6, 7, 8]
    widths = {at: 130 if table.columns[at].is_spark else 84 for at in wanted}
    while sum(widths[at] for at in wanted) > room:
        wanted.pop()
    y += 8
    parts = [_text("name head", _EDGE, y, table.columns[0].label)]
    places = {}
    x: float = _EDGE + name_width
    for at in wanted:
        x += widths[at]
        places[at] = x
        parts.append(_text("head", x, y, table.columns[at].label))
    for row in table.rows:
        parts.append(f'<line class="rule" x1="{_EDGE}" x2="{width - _EDGE}" y1="{y + 9}" y2="{y + 9}"/>')
        y += _ROW_HEIGHT
        name = row[0]
        parts.append(
            f'<rect class="key-mark {name.style}" x="{_EDGE}" y="{y - 9}" width="10" height="10" rx="3"/>'
        )
        parts.append(_text("name", _EDGE + 16, y, fitted(name.text, _NAME_WIDTH)))
        parts += [_cell(row[at], places[at], y) for at in wanted]
    return parts, y


def _cell(cell: Cell, x: float, y: float) -> str:
    if cell.spark is None:
        return _text("cell", x, y, cell.text)
    return (
        f'<svg class="spark {cell.style}" x="{x - 106:.0f}" y="{y - 18:.0f}" width="106" height="24">'
        f"{cell.spark}</svg>"
    )


def _text(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:.0f}" y="{y:.0f}">{escape(isolated(text))}</text>'
