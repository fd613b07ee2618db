"""`GET /api/traceImage/export`."""

import logging
from collections.abc import Generator
from threading import Event
from typing import Any, Final

import anyio
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from image_tracing_postgres.errors import DatabaseUnavailableError
from image_tracing_postgres.streams import SUBJECTS
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.export.file import FORMATS, MEDIA_TYPES, ExportQuery, pieces
from image_tracing_viewer.export.piece import Piece
from image_tracing_viewer.own_threads import OwnThreads
from image_tracing_viewer.query import FILTER_NAMES, filters_from, shown, single_values

_log = logging.getLogger("image_tracing_viewer")

# Rows that were deleted are kept in the database as long as somebody reads them.
STALL_SECONDS: Final = 60.0
# What has to be taken in that time.
_SENT_BYTES: Final = 1_048_576
# Exports have threads of their own: those that wait for the database keep none from the pages.
_THREADS: Final = OwnThreads("image_tracing_exports", 8)


def export_query_from(params: QueryParams) -> ExportQuery:
    """The export that the parameters ask for; JSON lines of traces when they say nothing.

    Raises:
        InvalidFilterError: a parameter is unknown, repeated or invalid.
        RequestError: 400, the format or the subject is none of those that can be exported.
    """
    values = single_values(params, accepted=(*FILTER_NAMES, "format", "of"))
    filters = filters_from(params, also=("format", "of"))
    return ExportQuery(
        filters=filters,
        format=_one_of(FORMATS, "format", values.get("format", "jsonl")),
        of=_one_of(SUBJECTS, "of", values.get("of", "traces")),
    )


def export(request: Request) -> Response:
    """The whole filtered range, newest first, as a file to save."""
    query = export_query_from(request.query_params)
    headers = {"Content-Disposition": f'attachment; filename="image-{query.of}.{query.format}"'}
    media_type = MEDIA_TYPES[query.format]
    if request.method == "HEAD":
        return Response(headers=headers, media_type=media_type)
    stop = Event()
    try:
        made = pieces(request.app.state.store, query, stop=stop)
    except ModuleNotFoundError as error:
        raise RequestError(
            400,
            f"format={query.format} needs the Python package {error.name!r}, which the viewer does not have; "
            "install it there with: pip install 'image-tracing[parquet]', or choose another format",
            code="missing_extra",
        ) from error
    return ExportResponse(made, stop=stop, headers=headers, media_type=media_type)


class ExportResponse(StreamingResponse):
    """The pieces as they are made. Unfinished when they end early, or when nobody takes them for so long.

    `stop` is set when the client is gone, also while the first row is still looked for.
    """

    def __init__(
        self,
        made: Generator[Piece, None, None],
        *,
        stop: Event,
        stall_seconds: float = STALL_SECONDS,
        **more: Any,
    ) -> None:
        self._made = made
        self._stop = stop
        self._stall_seconds = stall_seconds
        super().__init__((), **more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and then let the database go in any case."""

        async def noting_receive() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._stop.set()
            return message

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(self._stall_seconds):
                await send(message)

        try:
            await super().__call__(scope, noting_receive, send_in_time)
        except TimeoutError:
            _log.warning("an export was cut: nobody took any of it for %g s", self._stall_seconds)
        except DatabaseUnavailableError:
            if not self._stop.is_set():
                raise
        finally:
            # Not left to the garbage collector, which would tell the database from the loop of all requests.
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._made.close)

    async def stream_response(self, send: Send) -> None:
        """Begin with the first rows, so that a database that is away still gives a 503."""
        piece = await self._next()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while piece is not None:
            piece = await self._next_while_sent(piece, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next_while_sent(self, piece: Piece, send: Send) -> Piece | None:
        """Send a piece, in parts of which each can be taken in time, while the one after it is made."""
        after: Piece | None = None
        failures: list[Exception] = []

        async def make() -> None:
            nonlocal after
            try:
                after = await self._next()
            except Exception as error:  # noqa: BLE001 - raised below, where no group is put around it
                failures.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(make)
            try:
                for start in range(0, len(piece.content), _SENT_BYTES):
                    body = piece.content[start : start + _SENT_BYTES]
                    await send({"type": "http.response.body", "body": body, "more_body": True})
            except Exception as error:  # noqa: BLE001 - as above
                failures.insert(0, error)
                self._stop.set()
        if failures:
            raise failures[0]
        return after

    async def _next(self) -> Piece | None:
        return await _THREADS.run(next, self._made, None)


def _one_of(choices: tuple[Any, ...], name: str, value: str) -> Any:
    if value in choices:
        return value
    raise RequestError(
        400, f"{name} must be one of {', '.join(choices)}; found {shown(value)}", code="invalid_parameter"
    )
