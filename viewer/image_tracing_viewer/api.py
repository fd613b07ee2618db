"""The routes of the REST API over the store."""

from typing import Literal
from uuid import UUID

from starlette.datastructures import QueryParams
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_viewer.charts.pages import picture
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.events import events
from image_tracing_viewer.export import export
from image_tracing_viewer.metrics import metrics
from image_tracing_viewer.openapi import document
from image_tracing_viewer.query import is_uuid, query_from, shown, single_values
from image_tracing_viewer.stats_api import stats


class Traces(HTTPEndpoint):
    """The traces together: to be listed and to be deleted."""

    def get(self, request: Request) -> Response:
        """The newest traces that match, as Postgres wrote their JSON."""
        query = query_from(request.query_params)
        store = request.app.state.store
        text = store.list_json(limit=query.limit, offset=query.offset, cursor=query.cursor, **query.filters)
        return Response(text, media_type="application/json")

    def delete(self, request: Request) -> Response:
        """Deletes one trace, or all of them, and says how many went."""
        target = deletion_from(request.query_params)
        store = request.app.state.store
        if target == "all":
            return JSONResponse({"success": True, "deleted": store.delete_all()})
        if not store.delete(target):
            raise RequestError(404, f"there is no trace {target}; nothing was deleted")
        return JSONResponse({"success": True, "deleted": 1})


def trace(request: Request) -> Response:
    """One trace."""
    single_values(request.query_params, accepted=())
    id_ = request.path_params["id"]
    text = request.app.state.store.get_json(id_) if is_uuid(id_) else None
    if text is None:
        raise RequestError(404, f"there is no trace {shown(id_)}; GET /api/traceImage lists those there are")
    return Response(text, media_type="application/json")


def deletion_from(params: QueryParams) -> UUID | Literal["all"]:
    """What is to be deleted; anything that could be read in two ways is refused.

    Raises:
        InvalidFilterError: neither or both of `id` and `deleteAll`, one of them twice or empty, or another
            value than a UUID or exactly `true`.
    """
    accepted = "give either id=<uuid> or deleteAll=true"
    given = params.multi_items()
    if len(given) != 1:
        raise InvalidFilterError(f"deleting takes exactly one parameter; found {len(given)}; {accepted}")
    [(name, value)] = given
    if name == "deleteAll" and value == "true":
        return "all"
    if name == "id" and is_uuid(value):
        return UUID(value)
    raise InvalidFilterError(f"cannot delete by {shown(name)}={shown(value)}; {accepted}")


async def health(_request: Request) -> Response:
    """That the process answers; it does not ask the database."""
    return JSONResponse({"status": "ok"})


async def openapi(request: Request) -> Response:
    """The description of this API."""
    state = request.app.state
    root_path: str = request.scope.get("root_path", "")
    has_token, has_ingest_token = state.access is not None, state.ingest_access is not None
    return JSONResponse(document(root_path, has_token=has_token, has_ingest_token=has_ingest_token))


async def home(request: Request) -> Response:
    """Leads to the list."""
    return RedirectResponse(request.url_for("traces").path)


# Fixed names come before the id, which would take them for one.
routes = [
    Route("/api/traceImage/stats", stats, name="api_stats"),
    Route("/api/traceImage/stats/charts/{name}", picture, name="api_chart"),
    Route("/api/traceImage/export", export, name="api_export"),
    Route("/api/traceImage/events", events, name="api_events"),
    Route("/api/traceImage/{id}", trace, name="api_trace"),
    Route("/api/traceImage", Traces, name="api_traces"),
    Route("/openapi.json", openapi, name="openapi"),
    Route("/healthz", health, name="health"),
    Route("/metrics", metrics, name="metrics"),
    Route("/", home, name="home"),
]
