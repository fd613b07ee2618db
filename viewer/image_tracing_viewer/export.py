"""Export of a whole filtered range, streamed: JSON lines, a JSON array, or CSV that no spreadsheet runs."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from image_tracing_postgres.json_text import elements, members
from image_tracing_postgres.records import Filters
from image_tracing_postgres.store import Store
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.query import FILTER_NAMES, filters_from, shown, single_values

Format = Literal["csv", "jsonl", "json"]
Subject = Literal["traces", "attempts"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/jsonl",
    "json": "application/json",
}
TRACE_COLUMNS: Final = (
    "id",
    "lesson_id",
    "status",
    "model_used",
    "models_tried",
    "total_duration_ms",
    "request_data",
    "response_data",
    "error_message",
    "error_class",
    "created_at",
    "completed_at",
    "name",
    "service_name",
    "otel_trace_id",
    "otel_span_id",
    "is_stalled",
    "image_generation_attempts",
)
ATTEMPT_COLUMNS: Final = (
    "trace_id",
    "lesson_id",
    "number",
    "model",
    "provider",
    "prompt",
    "request",
    "response",
    "duration_ms",
    "success",
    "error",
    "error_class",
    "outcome",
    "timestamp",
    "otel_span_id",
    "images",
)
_CHUNK_CHARACTERS: Final = 65_536
# What spreadsheets take for the beginning of a formula (CWE-1236), the full-width forms too.
_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """Which traces, as what."""

    filters: Filters
    format: Format
    of: Subject


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
    chunks = _chunks(export_text(request.app.state.store, query))
    # The first rows are read before the answer begins, so that a database that is away still gives a 503.
    first = next(chunks, b"")
    return StreamingResponse(
        iterate_in_threadpool(_after(first, chunks)), headers=headers, media_type=media_type
    )


def export_text(store: Store, query: ExportQuery) -> Iterator[str]:
    """The file in pieces of text, each some lines or part of one."""
    texts = store.iter_json(**query.filters)
    columns: Sequence[str] = TRACE_COLUMNS
    if query.of == "attempts":
        texts = (attempt for text in texts for attempt in _attempts(text))
        columns = ATTEMPT_COLUMNS
    if query.format == "csv":
        return _csv(columns, texts)
    if query.format == "jsonl":
        return (text + "\n" for text in texts)
    return _array(texts)


def cell(text: str) -> str:
    """A JSON text as a cell: null is empty, an object or array stays JSON.

    A string that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    if text == "null":
        return ""
    if not text.startswith('"'):
        return text
    value: str = json.loads(text)
    if value[:1] in _FORMULA_STARTS or value.lstrip()[:1] in _FORMULA_STARTS:
        return "'" + value
    return value


def _csv(columns: Sequence[str], texts: Iterable[str]) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for text in texts:
        values = members(text)
        writer.writerow([cell(values.get(column, "null")) for column in columns])
        if buffer.tell() >= _CHUNK_CHARACTERS:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _array(texts: Iterable[str]) -> Iterator[str]:
    separator = "["
    for text in texts:
        yield separator + text
        separator = ",\n"
    yield "[]\n" if separator == "[" else "]\n"


def _attempts(text: str) -> Iterator[str]:
    """The attempts of a trace, each with the trace it belongs to."""
    trace = members(text)
    for attempt in elements(trace["image_generation_attempts"]):
        yield f'{{"trace_id": {trace["id"]}, "lesson_id": {trace["lesson_id"]}, {attempt[1:]}'


def _chunks(pieces: Iterable[str]) -> Iterator[bytes]:
    """The pieces joined to chunks worth a write each."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _CHUNK_CHARACTERS:
            yield "".join(held).encode("utf-8", "backslashreplace")
            held, size = [], 0
    if held:
        yield "".join(held).encode("utf-8", "backslashreplace")


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _one_of(choices: tuple[Any, ...], name: str, value: str) -> Any:
    if value in choices:
        return value
    raise RequestError(
        400, f"{name} must be one of {', '.join(choices)}; found {shown(value)}", code="invalid_parameter"
    )
