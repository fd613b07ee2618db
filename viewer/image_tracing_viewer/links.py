"""Where the pages and the API are, seen from one request: the app may be mounted at any prefix."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.requests import Request

from image_tracing_viewer import assets

# Stands where an id goes; no route has this text in its own path.
_ID = "ID"


@dataclass(frozen=True, slots=True)
class Links:
    """Paths with the prefix of the app, none with a host. An id follows each name that ends in `_base`."""

    traces: str
    trace_base: str
    stats: str
    alerts: str
    chart_base: str
    api: str
    api_trace_base: str
    events: str
    health: str
    exports: str
    login: str
    assets: str

    def asset(self, name: str) -> str:
        """The address of a static file of this version."""
        return self.assets + name

    def export(self, query: str, **options: str) -> str:
        """The export of everything that the list's query string matches."""
        pairs = [pair for pair in parse_qsl(query) if pair[0] not in ("limit", "offset", "cursor", "partial")]
        return f"{self.exports}?{urlencode([*options.items(), *pairs])}"

    def list_with(self, pairs: list[tuple[str, str]]) -> str:
        """The list with these parameters."""
        return f"{self.traces}?{urlencode(pairs)}" if pairs else self.traces

    def stats_with(self, pairs: list[tuple[str, str]]) -> str:
        """The dashboard with these parameters."""
        return f"{self.stats}?{urlencode(pairs)}" if pairs else self.stats


def links_of(request: Request) -> Links:
    """The links as this request's app has them.

    Names are looked up in the app itself: `request.url_for` would ask the outermost app, which knows none.
    """
    return links_in(request.app, request.scope.get("root_path", "").rstrip("/"))


def links_in(app: Starlette, root: str = "") -> Links:
    """The links below a prefix, without a request."""
    path = app.url_path_for
    return Links(
        traces=root + path("traces"),
        trace_base=root + path("trace", id=_ID).removesuffix(_ID),
        stats=root + path("stats"),
        alerts=root + path("alerts"),
        chart_base=root + path("api_chart", name=_ID).removesuffix(_ID),
        api=root + path("api_traces"),
        api_trace_base=root + path("api_trace", id=_ID).removesuffix(_ID),
        events=root + path("api_events"),
        health=f"{root}{path('traces')}?partial=health",
        exports=root + path("api_export"),
        login=f"{root}/login",
        assets=root + path("static", version=assets.VERSION, name=_ID).removesuffix(_ID),
    )
