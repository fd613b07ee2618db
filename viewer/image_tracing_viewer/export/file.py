"""An export as the pieces of a file, whose end tells that it is whole."""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Event
from typing import Final, Literal, get_args

from image_tracing_postgres.records import Filters
from image_tracing_postgres.store import Store
from image_tracing_postgres.streams import COLUMNS, Subject
from image_tracing_viewer.export.parquet import parquet
from image_tracing_viewer.export.piece import Piece
from image_tracing_viewer.export.spreadsheet import spreadsheet

Format = Literal["csv", "jsonl", "json", "parquet"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
NAMES: Final[Mapping[Format, str]] = {
    "csv": "CSV",
    "jsonl": "JSON Lines",
    "json": "JSON",
    "parquet": "Parquet",
}
MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/jsonl",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """Which rows, as what."""

    filters: Filters
    format: Format
    of: Subject


def names_here() -> Mapping[Format, str]:
    """The names of the formats for which everything is installed."""
    has_pyarrow = find_spec("pyarrow") is not None
    return {format_: name for format_, name in NAMES.items() if format_ != "parquet" or has_pyarrow}


def pieces(store: Store, query: ExportQuery, *, stop: Event | None = None) -> Generator[Piece, None, None]:
    """The file, newest trace first. The first piece has rows, if there are any; close what is not read whole.

    No piece but the last one ends as a whole file does: JSON Lines and CSV end with a line end, which comes
    with the next line or at the very end; a JSON array with its bracket, Parquet with its footer. `stop` ends
    it early, as it does the store's `lines`.

    Raises:
        ModuleNotFoundError: Parquet without pyarrow.
    """
    if query.format == "csv":
        return spreadsheet(COLUMNS[query.of], store.table(of=query.of, stop=stop, **query.filters))
    if query.format == "parquet":
        return parquet(COLUMNS[query.of], store.table(of=query.of, stop=stop, **query.filters))
    lines = store.lines(of=query.of, stop=stop, **query.filters)
    return _lines(lines) if query.format == "jsonl" else _array(lines)


def _lines(blocks: Iterable[bytes]) -> Generator[Piece, None, None]:
    end = b""
    for block in blocks:
        yield Piece(end + block[:-1], rows=block.count(b"\n"))
        end = b"\n"
    if end:
        yield Piece(end)


def _array(blocks: Iterable[bytes]) -> Generator[Piece, None, None]:
    before = b"["
    for block in blocks:
        # No text of JSON holds a line end: those between the lines are the only ones.
        yield Piece(before + block[:-1].replace(b"\n", b",\n"), rows=block.count(b"\n"))
        before = b",\n"
    yield Piece(b"[]\n" if before == b"[" else b"]\n")
