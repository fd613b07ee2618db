"""Tables as Parquet, read back by pyarrow."""

import io
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import pyarrow
import pyarrow.parquet
import pytest

from image_tracing_postgres.table import Column, Kind
from image_tracing_viewer.export.parquet import parquet

MOMENT = datetime(2025, 10, 26, 10, 30, 0, 123_456, tzinfo=UTC)


def table_of(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Any:
    content = b"".join(piece.content for piece in parquet(columns, rows))
    return pyarrow.parquet.read_table(io.BytesIO(content))


def test_every_kind_of_cell_comes_back() -> None:
    columns = [Column(kind, kind) for kind in get_args(Kind)]
    row = ("=1", ["flux", "ü"], '{"a": 1}', -5, False, MOMENT)

    table = table_of(columns, [row, (None,) * 6])

    assert table.to_pylist() == [
        dict(zip(table.column_names, row, strict=True)),
        dict.fromkeys(table.column_names),
    ]
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"


def test_a_table_without_rows_has_its_columns() -> None:
    table = table_of([Column("id", "text"), Column("number", "integer")], [])

    assert (table.num_rows, table.column_names) == (0, ["id", "number"])


def test_rows_come_in_groups_that_memory_can_bear() -> None:
    pieces = list(parquet([Column("prompt", "text")], [("x" * 1_000_000,)] * 20))

    assert [piece.rows for piece in pieces] == [8, 8, 4, 0]
    file = pyarrow.parquet.ParquetFile(io.BytesIO(b"".join(piece.content for piece in pieces)))
    assert file.metadata.num_row_groups == 3


def test_a_file_without_its_end_cannot_be_read() -> None:
    *pieces, _ = parquet([Column("id", "text")], [("a",)])

    with pytest.raises(pyarrow.ArrowInvalid):
        pyarrow.parquet.read_table(io.BytesIO(b"".join(piece.content for piece in pieces)))


def test_without_pyarrow_the_extra_is_named_and_parquet_not_offered() -> None:
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from starlette.testclient import TestClient\n"
        "from image_tracing_postgres import Store\n"
        "from image_tracing_viewer import create_app\n"
        "from image_tracing_viewer.export import names_here\n"
        "client = TestClient(create_app(Store('host=127.0.0.1 port=9'), token=''), 'http://127.0.0.1:3000')\n"
        "print(*names_here(), client.get('/api/traceImage/export?format=parquet').text)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.startswith('csv jsonl json {"error":{"code":"missing_extra"')
    assert "pip install 'image-tracing[parquet]'" in done.stdout
