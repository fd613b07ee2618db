"""Tables as CSV: what spreadsheets would run, and what is left of a file that was cut."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from image_tracing_postgres.table import Column, Kind
from image_tracing_viewer.export.spreadsheet import harmless, spreadsheet


@pytest.mark.parametrize("start", [*"=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20", " =", "\t\n@"], ids=ascii)
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", " ", "a=b", "5", "'"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("text", "=1", "'=1"),
        ("json", '{"a": "="}', '{"a": "="}'),
        ("json", '"=1"', '"=1"'),
        ("integer", -5, "-5"),
        ("boolean", True, "true"),
        ("texts", ["=a", "ü"], '["=a", "ü"]'),
        ("time", datetime(2025, 10, 26, 10, 30, tzinfo=UTC), "2025-10-26T10:30:00Z"),
        *((kind, None, "") for kind in ("text", "json", "integer", "boolean", "texts", "time")),
    ],
    ids=str,
)
def test_a_cell_is_what_the_api_writes(kind: Kind, value: Any, cell: str) -> None:
    pieces = spreadsheet([Column("name", kind)], [(value,)])

    file = io.StringIO(b"".join(piece.content for piece in pieces).decode(), newline="")

    assert list(csv.reader(file)) == [["name"], [cell]]


def test_a_line_end_comes_with_the_next_line_or_the_end() -> None:
    *pieces, end = spreadsheet([Column("name", "text")], [("x" * 100_000,)] * 6)

    assert len(pieces) == 2
    assert not any(piece.content.endswith(b"\n") for piece in pieces)
    assert (end.content, end.rows) == (b"\r\n", 0)
    assert [piece.rows for piece in pieces] == [3, 3]


def test_a_table_without_rows_is_its_heading() -> None:
    pieces = spreadsheet([Column("a", "text"), Column("b", "text")], [])

    assert b"".join(piece.content for piece in pieces) == b'"a","b"\r\n'
