"""A table as Parquet."""

import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, Final

from image_tracing_postgres.table import Column
from image_tracing_viewer.export.piece import Piece

# Rows of one group are in memory together, as Python's values and as Arrow's.
_GROUP_CHARACTERS: Final = 8_000_000
_GROUP_ROWS: Final = 65_536


def parquet(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> Generator[Piece, None, None]:
    """The file in pieces, of a group of rows each; times in UTC to the microsecond, JSON as its text.

    Raises:
        ModuleNotFoundError: there is no pyarrow.
    """
    # Not at the head of the file: it takes 50 MB, and an extra brings it.
    import pyarrow
    import pyarrow.parquet

    types = {
        "text": pyarrow.string(),
        "texts": pyarrow.list_(pyarrow.string()),
        "json": pyarrow.string(),
        "integer": pyarrow.int64(),
        "boolean": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", tz="UTC"),
    }
    schema = pyarrow.schema([(column.name, types[column.kind]) for column in columns])
    return _pieces(schema, rows)


def _pieces(schema: Any, rows: Iterable[Sequence[Any]]) -> Generator[Piece, None, None]:
    import pyarrow
    import pyarrow.parquet

    file = _Written()
    writer = None
    for group in _groups(rows):
        # Begun with the first rows: what goes wrong before them can still be told.
        writer = writer or pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")
        cells = zip(*group, strict=True)
        arrays = [pyarrow.array(found, type=type_) for found, type_ in zip(cells, schema.types, strict=True)]
        writer.write_batch(pyarrow.RecordBatch.from_arrays(arrays, schema=schema))
        yield Piece(file.taken(), rows=len(group))
    writer = writer or pyarrow.parquet.ParquetWriter(file, schema)
    writer.close()
    yield Piece(file.taken())


def _groups(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    group: list[Sequence[Any]] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += sum(len(cell) for cell in row if isinstance(cell, str))
        if characters >= _GROUP_CHARACTERS or len(group) >= _GROUP_ROWS:
            yield group
            group, characters = [], 0
    if group:
        yield group


class _Written(io.RawIOBase):
    """A file that is only written to, from which its content is taken as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._parts.append(bytes(content))
        return len(self._parts[-1])

    def taken(self) -> bytes:
        """What was written since the last time."""
        content = b"".join(self._parts)
        self._parts.clear()
        return content
