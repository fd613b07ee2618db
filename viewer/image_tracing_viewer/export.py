"""Export of a whole filtered range, streamed: JSON lines, a JSON array, or CSV that no spreadsheet runs."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from image_tracing_postgres.store import Store
from starlette.concurrency import iterate_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from image_tracing_postgres.records import Filters
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
# Python refuses to read longer whole numbers, to keep the time in bounds.
_DIGITS_MAX: Final = 4_000


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
    if query.format == "csv":
        documents = (_document(text) for text in texts)
        if query.of == "traces":
            return _csv(TRACE_COLUMNS, documents)
        return _csv(ATTEMPT_COLUMNS, (attempt for document in documents for attempt in _attempts(document)))
    if query.of == "attempts":
        texts = (
            json.dumps(attempt, ensure_ascii=False)
            for text in texts
            for attempt in _attempts(_document(text))
        )
    if query.format == "jsonl":
        return (text + "\n" for text in texts)
    return _array(texts)


def safe_cell(value: Any) -> Any:
    """The value as a cell: an apostrophe before text that a spreadsheet would run, JSON for nested values."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if (
        isinstance(value, str)
        and (value[:1] in _FORMULA_STARTS or value.lstrip()[:1] in _FORMULA_STARTS)
        and value
    ):
        return "'" + value
    return value


def _csv(columns: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_cell(row.get(column)) for column in columns])
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


def _attempts(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for attempt in document["image_generation_attempts"]:
        yield {"trace_id": document["id"], "lesson_id": document["lesson_id"], **attempt}


def _document(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text, parse_int=_whole_number, parse_float=_number)
    return document


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS_MAX else digits


def _number(text: str) -> float | str:
    """A number beyond a double stays the text it was."""
    number = float(text)
    return number if math.isfinite(number) else text


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
