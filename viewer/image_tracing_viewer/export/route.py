"""`GET /api/traceImage/export`."""

import logging
from collections.abc import Generator
from typing import Any, Final

import anyio
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from image_tracing_postgres.streams import SUBJECTS
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.export.file import FORMATS, MEDIA_TYPES, ExportQuery, pieces
from image_tracing_viewer.export.piece import Piece
from image_tracing_viewer.query import FILTER_NAMES, filters_from, shown, single_values

_log = logging.getLogger("image_tracing_viewer")

# Rows that were deleted are kept in the database as long as somebody reads them.
STALL_SECONDS: Final = 60.0


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
    try:
        made = pieces(request.app.state.store, query)
    except ModuleNotFoundError as error:
        raise RequestError(
            400,
            f"format={query.format} needs the Python package {error.name!r}, which the viewer does not have; "
            "install it there with: pip install 'image-tracing[parquet]', or choose another format",
            code="missing_extra",
        ) from error
    return ExportResponse(made, headers=headers, media_type=media_type)


class ExportResponse(StreamingResponse):
    """The pieces as they are made. Unfinished when they end early, or when nobody takes them for so long."""

    def __init__(
        self,
        made: Generator[Piece, None, None],
        *,
        stall_seconds: float = STALL_SECONDS,
        **more: Any,
    ) -> None:
        self._made = made
        self._stall_seconds = stall_seconds
        # The first rows are read before the answer begins, so that a database that is away still gives a 503.
        first = next(made, Piece(b""))
        super().__init__(iterate_in_threadpool(_contents(first, made)), **more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and then let the database go in any case."""

        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(self._stall_seconds):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            _log.warning("an export was cut: nobody took any of it for %g s", self._stall_seconds)
        finally:
            # Not left to the garbage collector, which would tell the database from the loop of all requests.
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(self._made.close)


def _contents(first: Piece, rest: Generator[Piece, None, None]) -> Generator[bytes, None, None]:
    yield first.content
    for piece in rest:
        yield piece.content


def _one_of(choices: tuple[Any, ...], name: str, value: str) -> Any:
    if value in choices:
        return value
    raise RequestError(
        400, f"{name} must be one of {', '.join(choices)}; found {shown(value)}", code="invalid_parameter"
    )
