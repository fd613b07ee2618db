"""The pages for people: the list, one generation, what went wrong, and the login."""

from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_viewer.assets import asset
from image_tracing_viewer.charts.pages import stats_page
from image_tracing_viewer.export import names_here
from image_tracing_viewer.health import Health
from image_tracing_viewer.links import links_of
from image_tracing_viewer.listing import LIMITS, form_of, is_wide, listing_of, refused_listing
from image_tracing_viewer.query import ERROR_CLASSES, OUTCOMES, STATUSES, Query, is_uuid, query_from
from image_tracing_viewer.rendering import rendered
from image_tracing_viewer.suggestions import suggestions
from image_tracing_viewer.trace_view import trace_view_of

_TITLES: Final = {
    400: "This request cannot be used",
    401: "This needs the token",
    403: "This is not allowed",
    404: "Nothing here",
    405: "This cannot be done here",
    421: "Another host was meant",
    500: "The viewer made a mistake",
    503: "The database does not answer",
}


def traces(request: Request) -> Response:
    """The list; for a refresh only its results with `partial=rows`, or the strip with `partial=health`."""
    params = request.query_params
    health: Health = request.app.state.health
    if params.get("partial") == "health":
        # It touches no database, so that it tells of one that is away.
        return rendered(request, "_health.html", strip=health.strip())
    links = links_of(request)
    store = request.app.state.store
    is_partial = params.get("partial") == "rows"
    query: Query | None = None
    try:
        query = query_from(params, also=("partial",))
        page = store.list(limit=query.limit, offset=query.offset, cursor=query.cursor, **query.filters)
        listing = listing_of(page, query, params, links=links, now=datetime.now(UTC))
    except InvalidFilterError as error:
        listing = refused_listing(str(error), params, links=links)
    status_code = 400 if listing.problem else 200
    if is_partial:
        return rendered(request, "_results.html", status_code=status_code, links=links, listing=listing)
    return rendered(
        request,
        "traces.html",
        status_code=status_code,
        links=links,
        current="traces",
        strip=health.strip(),
        listing=listing,
        form=form_of(params, query),
        form_is_wide=is_wide(params),
        query_string=request.url.query,
        export_formats=names_here(),
        known=suggestions(store),
        statuses=STATUSES,
        error_class_names=ERROR_CLASSES,
        outcome_names=OUTCOMES,
        limits=sorted({*LIMITS, query.limit} if query else LIMITS),
    )


def trace(request: Request) -> Response:
    """One generation; with `partial=trace` only what changes while it runs."""
    store = request.app.state.store
    id_ = request.path_params["id"]
    found = store.get(id_) if is_uuid(id_) else None
    if found is None:
        return error_page(
            request, 404, "There is no such generation. It may have been deleted, or its id is not whole."
        )
    neighbours = store.neighbours(found.id)
    view = trace_view_of(found, newer=neighbours.newer, older=neighbours.older, now=datetime.now(UTC))
    if request.query_params.get("partial") == "trace":
        return rendered(request, "_trace.html", view=view)
    health: Health = request.app.state.health
    return rendered(request, "trace.html", current="trace", view=view, strip=health.strip())


def error_page(request: Request, status_code: int, message: str) -> Response:
    """What went wrong, in a sentence, with a way on."""
    can_retry = status_code in (500, 503)
    health: Health = request.app.state.health
    return rendered(
        request,
        "error.html",
        status_code=status_code,
        title=_TITLES.get(status_code, "Something went wrong"),
        message_text=message[:1].upper() + message[1:],
        code=status_code,
        can_retry=can_retry,
        # Refused requests come without a token, and are told nothing.
        strip=health.strip(message) if can_retry else None,
        retry=request.url.path + (f"?{request.url.query}" if request.url.query else "") if can_retry else "",
    )


def login_page(
    request: Request, *, next_address: str = "", message: str | None = None, status_code: int = 200
) -> Response:
    """The form that asks for the token; `message` says why the last one was refused."""
    return rendered(
        request,
        "login.html",
        status_code=status_code,
        navigation=False,
        next_address=next_address,
        message_text=message,
    )


routes: Final[list[BaseRoute]] = [
    Route("/traceImage", traces, name="traces"),
    # Before the id, which would take it for one.
    Route("/traceImage/stats", stats_page, name="stats"),
    Route("/traceImage/{id}", trace, name="trace"),
    Route("/static/{version}/{name}", asset, name="static"),
]
