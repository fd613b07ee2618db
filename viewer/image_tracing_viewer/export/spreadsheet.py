"""A table as CSV that spreadsheets open and do not run."""

import csv
import io
import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, Final

from image_tracing_postgres.table import Column, Kind
from image_tracing_viewer.export.piece import Piece
from image_tracing_viewer.formats import iso

_PIECE_CHARACTERS: Final = 262_144
_LINE_END: Final = "\r\n"
# What spreadsheets take for the beginning of a formula (CWE-1236), the full-width forms too.
_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20")


def spreadsheet(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Generator[Piece, None, None]:
    """The file in pieces: a line of names, then one a row, every cell in quotes.

    A cell of nothing is empty, one of JSON is its text.
    """
    cells = [_CELLS[column.kind] for column in columns]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator=_LINE_END)
    writer.writerow([column.name for column in columns])
    before, number = "", 0
    for row in rows:
        writer.writerow([cell(value) for cell, value in zip(cells, row, strict=True)])
        number += 1
        if buffer.tell() >= _PIECE_CHARACTERS:
            yield Piece((before + _taken(buffer)).encode(), rows=number)
            before, number = _LINE_END, 0
    if buffer.tell():
        yield Piece((before + _taken(buffer)).encode(), rows=number)
    yield Piece(_LINE_END.encode())


def harmless(text: str | None) -> str:
    """The text as a cell: with an apostrophe in front of what a spreadsheet would run as a formula."""
    if text is None:
        return ""
    if text[:1] in _FORMULA_STARTS or text.lstrip()[:1] in _FORMULA_STARTS:
        return "'" + text
    return text


def _taken(buffer: io.StringIO) -> str:
    """What was written, without its last line end; the buffer is empty then."""
    text = buffer.getvalue().removesuffix(_LINE_END)
    buffer.seek(0)
    buffer.truncate()
    return text


def _texts(texts: Sequence[str] | None) -> str:
    return "" if texts is None else json.dumps(texts, ensure_ascii=False)


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _boolean(value: bool | None) -> str:
    return "" if value is None else str(value).lower()


_CELLS: Final[Mapping[Kind, Callable[[Any], str]]] = {
    "text": harmless,
    "texts": _texts,
    # Begins with a bracket, a quote, a digit or a letter; a negative number stays one.
    "json": _plain,
    "integer": _plain,
    "boolean": _boolean,
    "time": iso,
}
