"""Whole ranges of traces or attempts, read in one snapshot, as fast as their reader takes them."""

import heapq
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from operator import itemgetter
from threading import BoundedSemaphore, Event
from time import monotonic
from typing import Any, Final, Literal, get_args

import psycopg

from image_tracing_postgres.connection import BoundedConnection
from image_tracing_postgres.errors import DatabaseUnavailableError, InvalidFilterError
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.statements import statement
from image_tracing_postgres.table import ATTEMPT_COLUMNS, TRACE_COLUMNS, Column

Subject = Literal["traces", "attempts"]

SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)

_BLOCK_BYTES: Final = 524_288
# Two processes of the server make the texts, whose place in the order their reader compares.
_HALVES: Final = (
    ("00000000-0000-0000-0000-000000000000", "7fffffff-ffff-ffff-ffff-ffffffffffff"),
    ("80000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
)
_WHOLE: Final = ((_HALVES[0][0], _HALVES[-1][1]),)
# Creation in microseconds, and the id as bytes: they compare as the database compares.
_PLACE_TYPES: Final = ("int8", "bytea")
# A server may have to sort a great many rows before it gives the first one.
_SILENCE_SECONDS: Final = 300.0
# To tell the server that a reader wants no more.
_END_SECONDS: Final = 5.0
# Without a second connection in this time, one does all the work.
_SECOND_SECONDS: Final = 3.0


class Streams:
    """Reads ranges over the connections of one store; a range holds one or two of them until its end.

    `places`: how many connections may be held at one time. What is not read to its end has to be closed. A
    range has the rows as they were at its beginning, and keeps nobody from writing. Once `stop` is set, from
    any thread, a reader that waits for the server gets a DatabaseUnavailableError.
    """

    def __init__(self, connections: Connections, *, places: int) -> None:
        self._connections = connections
        self._places = BoundedSemaphore(places)

    def lines(
        self, of: Subject, parameters: Mapping[str, Any], *, stop: Event | None = None
    ) -> Generator[bytes, None, None]:
        """JSON Lines in blocks of whole lines, newest trace first."""
        return _blocks(self._rows(_LINES[_checked(of)], ("bytea", *_PLACE_TYPES), parameters, stop))

    def rows(
        self, of: Subject, parameters: Mapping[str, Any], *, stop: Event | None = None
    ) -> Generator[tuple[Any, ...], None, None]:
        """The cells of the table's columns, newest trace first."""
        types = (*(column.postgres_type for column in COLUMNS[_checked(of)]), *_PLACE_TYPES)
        return (row[:-2] for row in self._rows(_TABLES[of], types, parameters, stop))

    def count(self, of: Subject, parameters: Mapping[str, Any]) -> int:
        """How many rows there are."""
        with self._connections.transaction() as cursor:
            row = cursor.execute(_COUNTS[_checked(of)], parameters).fetchone()
        return row[0] if row else 0

    def _rows(
        self, copy: bytes, types: Sequence[str], parameters: Mapping[str, Any], stop: Event | None
    ) -> Iterator[tuple[Any, ...]]:
        """The rows with their trace's place in the last two columns, in the order of these places."""
        with ExitStack() as stack:
            connections = self._in_one_snapshot(stack)
            lanes = []
            try:
                for connection, (first_id, last_id) in zip(
                    connections, _WHOLE if len(connections) == 1 else _HALVES, strict=True
                ):
                    connection.deadline = monotonic() + _SILENCE_SECONDS
                    connection.stop = stop
                    within = {**parameters, "first_id": first_id, "last_id": last_id}
                    copying = stack.enter_context(connection.cursor().copy(copy, within))
                    copying.set_types(types)
                    lanes.append(_rows_of(copying, connection))
                yield from heapq.merge(*lanes, key=itemgetter(-2, -1), reverse=True)
            except psycopg.errors.ConnectionTimeout:
                for connection in connections:
                    _abandon(connection)
                raise
            finally:
                for connection in connections:
                    connection.stop = None
                    connection.deadline = monotonic() + _END_SECONDS

    def _in_one_snapshot(self, stack: ExitStack) -> Sequence[BoundedConnection]:
        """One or two connections, in transactions that see the same rows."""
        first = stack.enter_context(self._transaction(wait_seconds=_SECOND_SECONDS))
        [(snapshot,)] = first.execute(statement("streams/snapshot")).fetchall()
        try:
            with ExitStack() as of_second:
                second = of_second.enter_context(self._transaction(wait_seconds=0, snapshot=snapshot))
                stack.push(of_second.pop_all())
                return [first, second]
        except DatabaseUnavailableError:
            # A pooler with one connection for us, say, or one that leads each to another server.
            return [first]

    @contextmanager
    def _transaction(
        self, *, wait_seconds: float, snapshot: str | None = None
    ) -> Iterator[BoundedConnection]:
        if not self._places.acquire(timeout=wait_seconds):
            raise DatabaseUnavailableError(
                "a free connection was wanted for a whole range of rows, all are reading other ranges; "
                "try again when these are done"
            )
        try:
            with (
                self._connections.connection(seconds=_SECOND_SECONDS) as connection,
                connection.transaction(),
            ):
                connection.execute(statement("streams/begin"))
                if snapshot is not None:
                    psycopg.ClientCursor(connection).execute(
                        statement("streams/share_snapshot"), {"snapshot": snapshot}
                    )
                connection.execute(statement("streams/settings"))
                yield connection
        finally:
            self._places.release()


def _abandon(connection: BoundedConnection) -> None:
    """Close it, and tell the server, which would go on to look for rows until it has one to send."""
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=_END_SECONDS)
    connection.close()


def _rows_of(copying: psycopg.Copy, connection: BoundedConnection) -> Iterator[tuple[Any, ...]]:
    while (row := copying.read_row()) is not None:
        # It is the server that must not keep silent; a reader may take its time.
        yield row
        connection.deadline = monotonic() + _SILENCE_SECONDS


def _blocks(rows: Iterable[tuple[Any, ...]]) -> Generator[bytes, None, None]:
    held: list[bytes] = []
    size = 0
    for text, *_ in rows:
        if text is None:
            continue
        held.append(text)
        size += len(text)
        if size >= _BLOCK_BYTES:
            yield _ended(held)
            held, size = [], 0
    if held:
        yield _ended(held)


def _ended(lines: list[bytes]) -> bytes:
    return b"\n".join((*lines, b""))


def _checked(of: object) -> Subject:
    for subject in SUBJECTS:
        if of == subject:
            return subject
    raise InvalidFilterError(f"of has to be one of {', '.join(SUBJECTS)}, not {of!r}")


_FROM_TRACES: Final = b"FROM image_traces AS trace"
_MEANT: Final = b"%s\nAND (\n%s)\n" % (statement("_filters"), statement("_meant"))


def _copy(columns: str, source: bytes, order: str) -> bytes:
    return b"COPY (\n%s\n%s\n%s%s%s) TO STDOUT (FORMAT binary)" % (
        statement(columns),
        source,
        _MEANT,
        statement("streams/half"),
        statement(order),
    )


COLUMNS: Final[Mapping[Subject, Sequence[Column]]] = {"traces": TRACE_COLUMNS, "attempts": ATTEMPT_COLUMNS}
_LINES: Final[Mapping[Subject, bytes]] = {
    "traces": _copy("_document", _FROM_TRACES, "streams/newest_traces"),
    "attempts": _copy("streams/lines_attempts", _FROM_TRACES, "streams/newest_traces"),
}
_TABLES: Final[Mapping[Subject, bytes]] = {
    "traces": _copy("streams/table_traces", _FROM_TRACES, "streams/newest_traces"),
    "attempts": _copy(
        "streams/table_attempts", statement("streams/from_attempts"), "streams/newest_attempts"
    ),
}
_COUNTS: Final[Mapping[Subject, bytes]] = {
    "traces": b"SELECT count(*)\n%s\n%s" % (_FROM_TRACES, _MEANT),
    "attempts": b"SELECT count(*)\n%s\n%s" % (statement("streams/from_attempts"), _MEANT),
}
