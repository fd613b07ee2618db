"""`GET /metrics`: the app's own requests, its spool, its database and what is in that, for Prometheus."""

from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from image_tracing_postgres.store import Store
from image_tracing_viewer.health import Health
from image_tracing_viewer.probe import DatabaseProbe
from image_tracing_viewer.product_figures import product_figures
from image_tracing_viewer.query import single_values

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_LABELS: Final = ("method", "route", "status")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The figures of one app, in a registry of its own: other apps of the process have theirs."""

    def __init__(self, health: Health, probe: DatabaseProbe, store: Store) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "image_tracing_viewer_requests",
            "Requests that the viewer answered.",
            _LABELS,
            registry=self._registry,
        )
        self._seconds = Histogram(
            "image_tracing_viewer_request_duration_seconds",
            "Time until an answer was sent, of a stream of events until it began.",
            _LABELS,
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_SpoolFigures(health))
        self._registry.register(_DatabaseFigures(probe, store))

    def count(self, *, method: str, route: str, status_code: int, seconds: float) -> None:
        """Take one answered request; `route` is the template of its path, never the path."""
        labels = (method if method in _METHODS else "other", route, f"{status_code // 100}xx")
        self._requests.labels(*labels).inc()
        self._seconds.labels(*labels).observe(seconds)

    def answer(self, accepted: str) -> Response:
        """All figures now, in the format that the Accept header `accepted` asks for."""
        encoded, media_type = choose_encoder(accepted)
        return Response(encoded(self._registry), headers={"content-type": media_type})


class Measured:
    """ASGI middleware: counts each answer of the app by method, route and class of status."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = monotonic()
        status_code, seconds = 0, None

        async def noting_send(message: Message) -> None:
            nonlocal status_code, seconds
            if message["type"] == "http.response.start":
                status_code = message["status"]
                # How long somebody looks at a page says nothing about the viewer.
                if any(value.startswith(b"text/event-stream") for _, value in message.get("headers", ())):
                    seconds = monotonic() - began
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        finally:
            if status_code:
                self._metrics.count(
                    method=scope["method"],
                    route=_template_of(scope, self._routes),
                    status_code=status_code,
                    seconds=monotonic() - began if seconds is None else seconds,
                )


class _SpoolFigures(Collector):
    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        look = self._health.look()
        if look is None:
            return
        state, backlog = look.state, look.backlog
        yield from _gauges(
            ("waiting_spans", "Spans that ended and are not in the database yet.", backlog.spans),
            ("waiting_bytes", "Records that are not in the database yet, in bytes.", state.waiting_bytes),
            ("oldest_seconds", "How long the oldest of them has waited.", backlog.oldest_age_seconds),
            ("segments", "Files of records.", state.segments),
            ("orphaned_segments", "Files of records whose process is dead.", state.orphans),
            ("unreadable_segments", "Files of records that the viewer may not read.", state.unreadable),
            ("quarantined", "Records set aside, since the database refuses them.", state.quarantined),
            ("used_bytes", "All files of the spool, in bytes.", state.used_bytes),
        )
        spans = CounterMetricFamily(
            "image_tracing_spool_spans",
            "What became of spans; damaged stretches of files count as one.",
            labels=("result",),
        )
        for reason, number in state.counts.items():
            spans.add_metric((reason,), number)
        yield spans


class _DatabaseFigures(Collector):
    def __init__(self, probe: DatabaseProbe, store: Store) -> None:
        self._probe = probe
        self._store = store

    def collect(self) -> Iterator[Metric]:
        is_up = self._probe.answers()
        yield GaugeMetricFamily(
            "image_tracing_database_up", "1 if the database answers within a second, else 0.", value=is_up
        )
        # A store would start an embedded database, and wait for one that is silent.
        if is_up:
            yield from product_figures(self._store)


def _gauges(*figures: tuple[str, str, float]) -> Iterable[Metric]:
    return [
        GaugeMetricFamily(f"image_tracing_spool_{name}", told, value=value) for name, told, value in figures
    ]


def _template_of(scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """The path of the route that the request is for, without what callers put into it."""
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return "none"


def metrics(request: Request) -> Response:
    """The figures, for Prometheus."""
    single_values(request.query_params, accepted=())
    found: Metrics = request.app.state.metrics
    return found.answer(request.headers.get("accept", ""))
