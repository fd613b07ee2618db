"""The ASGI app."""

import logging
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from image_tracing_postgres.settings import SettingError, settings_from_environment
from image_tracing_postgres.store import Store
from image_tracing_viewer import api, pages
from image_tracing_viewer.alerts import api as alerts_api
from image_tracing_viewer.alerts import pages as alerts_pages
from image_tracing_viewer.alerts.drawing import Drawing
from image_tracing_viewer.alerts.service import service_from_settings
from image_tracing_viewer.errors import HANDLERS, UnexpectedErrors
from image_tracing_viewer.events import Watcher
from image_tracing_viewer.freshness import Freshness
from image_tracing_viewer.health import Health
from image_tracing_viewer.hosts import AllowedHosts
from image_tracing_viewer.links import links_in
from image_tracing_viewer.metrics import Measured, Metrics
from image_tracing_viewer.probe import DatabaseProbe
from image_tracing_viewer.security import Guard
from image_tracing_viewer.tokens import LOGIN_PATH, Access, IngestAccess, Login

if sys.platform != "win32":
    # Windows has no spool: no locks that a dead process lets go of.
    from image_tracing_viewer import receiver
    from image_tracing_viewer.ingest import Ingest

_log = logging.getLogger("image_tracing_viewer")


def create_app(
    store: Store | None = None,
    *,
    dsn: str | None = None,
    token: str | None = None,
    ingest_token: str | None = None,
    host: str = "127.0.0.1",
    allowed_hosts: Iterable[str] = (),
    address: str = "",
) -> Starlette:
    """The viewer as an ASGI app, to be served alone or mounted at any prefix.

    `store`: where the traces are; else one for `dsn`, else for IMAGE_TRACING_DATABASE_URL, else the embedded
    Postgres. It connects at the first request. A store made here is closed when the app's lifespan ends.
    Within the lifespan the app also stores what processes left in the database's spool that are dead, and
    keeps the summaries of the statistics up to date.
    `dsn`: beside a `store`, where spans that are sent to the app go; None means the store's own database.
    `token`: what requests must hold; None means IMAGE_TRACING_TOKEN, and empty means none is needed.
    `ingest_token`: what those that send spans must hold instead; None means IMAGE_TRACING_INGEST_TOKEN, and
    empty means that `token` is theirs too.
    `host`: what the server is bound to; requests may name it beside loopback. `allowed_hosts`: further names,
    `*` for all, as for an app that is reached through a proxy or mounted in another one.
    `address`: where people reach the app, without a slash at its end, for the links in alerts;
    IMAGE_TRACING_VIEWER_URL goes before it. Alerts are evaluated and sent within the lifespan.
    """
    reading = store or Store(dsn)
    if token is None:
        token = settings_from_environment().token
    if ingest_token is None:
        ingest_token = settings_from_environment().ingest_token
    access = Access(token) if token else None
    ingest_access = IngestAccess(ingest_token) if ingest_token else None
    if store is not None and dsn is None:
        dsn = store.dsn
    ingest = Ingest(dsn) if sys.platform != "win32" else None

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if ingest is not None:
            _start(ingest)
        # A thread starts once, and a lifespan may run again.
        freshness = Freshness(reading)
        freshness.start()
        alerts.start()
        yield
        await run_in_threadpool(alerts.close)
        await run_in_threadpool(freshness.close)
        if ingest is not None:
            await run_in_threadpool(ingest.close)
        if store is None:
            reading.close()

    routes: list[BaseRoute] = [*alerts_api.routes, *alerts_pages.routes, *api.routes, *pages.routes]
    if sys.platform != "win32":
        routes += receiver.routes
    if access is not None:
        routes.append(Route(LOGIN_PATH, Login, name="login"))
    health = Health(dsn, lambda: None if ingest is None else ingest.problem)
    metrics = Metrics(health, DatabaseProbe(dsn), reading)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Measured, metrics=metrics, routes=routes),
            Middleware(
                Guard, hosts=AllowedHosts(host, allowed_hosts), access=access, ingest_access=ingest_access
            ),
            Middleware(UnexpectedErrors),
        ],
        exception_handlers=dict(HANDLERS),
        lifespan=lifespan,
    )
    alerts = service_from_settings(dsn, address=address, draw=Drawing(reading, links_in(app)))
    app.state.store = reading
    app.state.watcher = Watcher(reading)
    if ingest is not None:
        app.state.receiver = receiver.Receiver(ingest)
    app.state.alerts = alerts
    app.state.health = health
    app.state.metrics = metrics
    app.state.access = access
    app.state.ingest_access = ingest_access
    app.state.error_page = pages.error_page
    return app


def _start(ingest: "Ingest") -> None:
    """Store what dead processes left, as long as the app serves; the viewer does not depend on it."""
    try:
        ingest.start()
    except SettingError as error:
        _log.warning("spans of ended processes stay on disk: %s", error)
