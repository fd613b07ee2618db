"""Live events: one watcher per app asks the database what changed and tells every connected page."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import anyio
import psycopg
from anyio.to_thread import run_sync
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.store import Change, Store
from image_tracing_viewer.errors import printable
from image_tracing_viewer.query import single_values

_log = logging.getLogger("image_tracing_viewer")

POLL_SECONDS: Final = 1.0
# updated_at is set before its transaction commits, by the clocks of other machines: look back this far.
OVERLAP: Final = timedelta(seconds=10)
# As many as the store tells at once; there may be more.
_CHANGES_MAX: Final = 1_000
# A client that falls further behind is told to read the list again instead.
PENDING_MAX: Final = 500
_RETRY_SECONDS_MAX: Final = 10.0
# Under a flood of notifications the database is still asked only so often.
_REST_SECONDS: Final = 0.2


class Subscription:
    """What one client has still to be told. Changes of one trace collapse into the latest."""

    def __init__(self) -> None:
        self._pending: dict[UUID, Change] = {}
        self._must_reset = False
        self._wake = asyncio.Event()
        self.ending = anyio.Event()
        """Set when the server goes down; the events end then."""

    def add(self, change: Change) -> None:
        """Takes one change; beyond `PENDING_MAX` the client is told to read the list again."""
        if len(self._pending) >= PENDING_MAX and change.id not in self._pending:
            self.reset()
            return
        self._pending[change.id] = change
        self._wake.set()

    def reset(self) -> None:
        """Forgets what is pending: the client shall read the list again."""
        self._pending.clear()
        self._must_reset = True
        self._wake.set()

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """`trace` events with id, status and updated_at as JSON; `reset` when the list must be read again."""
        yield ServerSentEvent(comment="connected", retry=2_000)
        while await self._is_woken():
            self._wake.clear()
            changes, self._pending = self._pending, {}
            must_reset, self._must_reset = self._must_reset, False
            if must_reset:
                yield ServerSentEvent(event="reset", data="{}", id="reset")
            for change in changes.values():
                yield _event(change)

    async def _is_woken(self) -> bool:
        """Waits until there is something to tell; False when the server goes down."""
        waiting = [asyncio.create_task(self._wake.wait()), asyncio.create_task(self.ending.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return not self.ending.is_set()


class Watcher:
    """Asks the store what changed while anybody listens; `Store.wait_for_change` only makes it ask sooner.

    It runs on the event loop of its clients, so a mounted app needs no lifespan.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._subscriptions: set[Subscription] = set()
        self._task: asyncio.Task[None] | None = None

    async def events(self, subscription: Subscription) -> AsyncIterator[ServerSentEvent]:
        """The events of one client, until it goes."""
        self._subscriptions.add(subscription)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="image-tracing watcher")
        try:
            async for event in subscription.events():
                yield event
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions and self._task is not None:
                self._task.cancel()
                self._task = None

    @property
    def is_watching(self) -> bool:
        """Whether anybody listens, so that the database is asked."""
        return self._task is not None

    async def _watch(self) -> None:
        # Threads of its own: waiting must not use up those that answer requests.
        limiter = anyio.CapacityLimiter(1)
        asked_at = datetime.now(UTC)
        told: dict[UUID, datetime] = {}
        retry_seconds = POLL_SECONDS
        is_away = False
        while True:
            try:
                since = asked_at - OVERLAP
                now = datetime.now(UTC)
                changes = await run_sync(self._store.changes, since, abandon_on_cancel=True, limiter=limiter)
                asked_at = now
                if is_away:
                    is_away, retry_seconds = False, POLL_SECONDS
                    _log.info("live events: the database is back")
                    self._reset()
                if len(changes) >= _CHANGES_MAX:
                    self._reset()
                for change in changes:
                    if told.get(change.id) != change.updated_at:
                        told[change.id] = change.updated_at
                        self._tell(change)
                told = {id_: updated_at for id_, updated_at in told.items() if updated_at >= since}
                await asyncio.sleep(_REST_SECONDS)
                await run_sync(
                    self._store.wait_for_change, POLL_SECONDS, abandon_on_cancel=True, limiter=limiter
                )
            except (ImageTracingError, psycopg.Error) as error:
                if not is_away:
                    _log.warning("live events wait for the database: %s", printable(str(error)))
                is_away = True
                await asyncio.sleep(retry_seconds)
                retry_seconds = min(2 * retry_seconds, _RETRY_SECONDS_MAX)

    def _tell(self, change: Change) -> None:
        for subscription in self._subscriptions:
            subscription.add(change)

    def _reset(self) -> None:
        for subscription in self._subscriptions:
            subscription.reset()


async def events(request: Request) -> Response:
    """Server-sent events: a trace began or changed."""
    single_values(request.query_params, accepted=())
    if request.method == "HEAD":
        # A stream has no end that an answer without a body could wait for.
        return Response(media_type="text/event-stream")
    watcher: Watcher = request.app.state.watcher
    subscription = Subscription()
    if "last-event-id" in request.headers:
        subscription.reset()
    return EventSourceResponse(
        watcher.events(subscription),
        ping=15,
        send_timeout=30,
        shutdown_event=subscription.ending,
        shutdown_grace_period=0.5,
    )


def _event(change: Change) -> ServerSentEvent:
    updated_at = change.updated_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    data = {"id": str(change.id), "status": change.status, "updated_at": updated_at}
    return ServerSentEvent(event="trace", data=json.dumps(data), id=updated_at)
