"""The dashboard's page, and each chart as a picture at an address of its own."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_viewer.charts.dashboard import CHARTS, Figures, chart_query_from
from image_tracing_viewer.charts.picture import (
    THEMES,
    WIDTH_DEFAULT,
    WIDTH_LEAST,
    WIDTH_MOST,
    Theme,
    content_security_policy,
    png_of,
    svg_of,
)
from image_tracing_viewer.charts.view import told_of, view_of
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.health import Health
from image_tracing_viewer.links import links_of
from image_tracing_viewer.query import shown
from image_tracing_viewer.rendering import rendered
from image_tracing_viewer.suggestions import suggestions

_PICTURE_NAMES: Final = ("theme", "width")


def stats_page(request: Request) -> Response:
    """The dashboard; with `partial=stats` only what changes while generations come in."""
    params = request.query_params
    links = links_of(request)
    store = request.app.state.store
    query, figures, problem = None, None, ""
    try:
        query = chart_query_from(params, datetime.now(UTC), also=("partial",))
        figures = Figures(store, query, links)
        query = replace(query, period=figures.period)
    except InvalidFilterError as error:
        problem = str(error)
    context = {
        "links": links,
        "view": view_of(params, query, links),
        "figures": figures,
        "charts": [figures.chart(name) for name in CHARTS] if figures and not figures.is_empty else [],
        "problem": problem[:1].upper() + problem[1:],
    }
    status_code = 400 if problem else 200
    if params.get("partial") == "stats":
        return rendered(request, "_stats.html", status_code=status_code, **context)
    health: Health = request.app.state.health
    return rendered(
        request,
        "stats.html",
        status_code=status_code,
        current="stats",
        strip=health.strip(),
        known=suggestions(store),
        **context,
    )


def picture(request: Request) -> Response:
    """One chart as `name.svg` or `name.png`."""
    params = request.query_params
    file_name = request.path_params["name"]
    name, _, kind = file_name.rpartition(".")
    if name not in CHARTS or kind not in ("svg", "png"):
        raise RequestError(
            404, f"there is no picture {shown(file_name)}; there are {', '.join(CHARTS)}, as .svg and .png"
        )
    query = chart_query_from(params, datetime.now(UTC), also=_PICTURE_NAMES)
    theme, width = _theme(params.get("theme")), _width(params.get("width"))
    figures = Figures(request.app.state.store, query, links_of(request))
    told = f"{told_of(figures.period)}, {figures.statistics.tz}, by {figures.statistics.bucket}"
    if kind == "svg":
        svg = svg_of(figures.chart(name), told, theme=theme, width=width)
        headers = {"Content-Security-Policy": content_security_policy(theme)}
        return Response(svg.encode(), media_type="image/svg+xml", headers=headers)
    svg = svg_of(figures.chart(name), told, theme="dark" if theme == "dark" else "light", width=width)
    try:
        return Response(png_of(svg), media_type="image/png")
    except ModuleNotFoundError:
        raise RequestError(
            404, f"PNG needs an extra: pip install 'image-tracing[png]'; {name}.svg works without"
        ) from None


def _theme(value: str | None) -> Theme:
    for theme in THEMES:
        if theme == (value or "auto"):
            return theme
    raise InvalidFilterError(f"theme must be one of {', '.join(THEMES)}; found {shown(value or '')}")


def _width(value: str | None) -> int:
    if not value:
        return WIDTH_DEFAULT
    if re.fullmatch("[0-9]{1,4}", value) and WIDTH_LEAST <= int(value) <= WIDTH_MOST:
        return int(value)
    raise InvalidFilterError(
        f"width must be a whole number of pixels from {WIDTH_LEAST} to {WIDTH_MOST}; found {shown(value)}"
    )
