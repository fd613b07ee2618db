"""Rows into the database: what came before, what comes twice and what comes in parts ends as one trace.

New traces are copied straight into the tables. Traces that are there already are merged row by row, and what
follows from a root and all of its attempts is derived anew.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from math import inf
from time import monotonic
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg

from image_tracing_postgres.connection import BoundedConnection
from image_tracing_postgres.rows import Rows, TraceRow
from image_tracing_postgres.spans import AttemptRow
from image_tracing_postgres.statements import statement
from image_tracing_postgres.summary_changes import slots_of_texts, slots_there, tell
from image_tracing_postgres.values import array

# Connections that could not have the table of foreign spans, and until when they need not ask again.
_without_table: Final[WeakKeyDictionary[BoundedConnection, float]] = WeakKeyDictionary()
_WITHOUT_TABLE_SECONDS: Final = 60.0
# Of the time until the connection's deadline.
_STATEMENT_SHARE: Final = 0.5


class UnseenError(Exception):
    """Another writer stored one of these traces while they were being locked."""


# Such a trace may also be locked already by who waits for one that is locked here.
_OTHERS: Final = (UnseenError, psycopg.errors.DeadlockDetected)


def save(connection: BoundedConnection, rows: Rows) -> None:
    """Store the rows before the connection's deadline, each trace with its attempts at once.

    Saving again changes nothing. The connection has to be in autocommit mode.

    Raises:
        psycopg.Error: some of the rows were not stored, or none; the same rows can be saved again.
    """
    updated_at = datetime.now(UTC).isoformat(timespec="microseconds")
    if rows.ids:
        _store(connection, rows, updated_at)
    if rows.ids or rows.foreign:
        _place(connection, rows, updated_at)


def _store(connection: BoundedConnection, rows: Rows, updated_at: str) -> None:
    there: Sequence[str] = []
    try:
        with _transaction(connection) as cursor:
            ids = "{" + ",".join(rows.ids) + "}"
            known = {row[0] for row in cursor.execute(statement("known"), {"ids": ids})}
            new = [trace_id for trace_id in rows.ids if trace_id not in known]
            if new:
                _copy(cursor, rows, new, updated_at)
                there = sorted(known)
            else:
                _merge(cursor, rows, rows.ids, updated_at)
    except (*_OTHERS, psycopg.errors.UniqueViolation, psycopg.errors.FeatureNotSupported):
        # Another writer stored one of these traces just now, and merging waits for such writers; or Row Level
        # Security holds for this role, which then must not copy.
        there = rows.ids
    while there:
        # A transaction of its own: in each the traces are locked in the order of their ids, and a writer that
        # holds one and waits for a smaller one could wait for ever.
        with suppress(*_OTHERS):
            with _transaction(connection) as cursor:
                _merge(cursor, rows, there, updated_at)
            return


def _place(connection: BoundedConnection, rows: Rows, updated_at: str) -> None:
    """Look whether spans of other instrumentations now have a place among the traces, or are in the way.

    After the commit: of two writers whose spans belong together, the later one sees both.
    """
    if not rows.foreign and _without_table.get(connection, 0.0) > monotonic():
        return
    otel_trace_ids = rows.otel_trace_ids
    try:
        if not rows.foreign:
            asked = {"otel_trace_ids": otel_trace_ids}
            if connection.execute(statement("foreign_spans"), asked).fetchone() is None:
                return
        # Late: most programs have no such spans.
        from image_tracing_postgres.foreign.settlement import keep, settle

        transaction = partial(_transaction, connection)
        if rows.foreign:
            with transaction() as cursor:
                keep(cursor, rows.foreign, updated_at)
        settle(transaction, otel_trace_ids, rows.foreign, updated_at)
    except psycopg.errors.InsufficientPrivilege:
        # A role that was given the two tables of old: each foreign attempt stays a generation of its own.
        _without_table[connection] = monotonic() + _WITHOUT_TABLE_SECONDS
    except psycopg.errors.UndefinedTable:
        # The schema of old: what is not foreign need not wait for the migration.
        if rows.foreign:
            raise
        _without_table[connection] = monotonic() + _WITHOUT_TABLE_SECONDS


@contextmanager
def _transaction(connection: BoundedConnection) -> Iterator[psycopg.Cursor[Any]]:
    # Reading is within the limit too: a client that goes away leaves its statement waiting for a lock. The
    # server's limit comes first, also for a statement that is not the first one: only it tells of a statement
    # that takes too long, and not of a connection that is gone.
    now = monotonic()
    with connection.transaction(), connection.cursor() as cursor:
        limit_statements(cursor, now + _STATEMENT_SHARE * (connection.deadline - now))
        yield cursor
        # A hint for open pages; it is lost behind pgbouncer, and they look for themselves as well.
        cursor.execute(statement("notify"))


def limit_statements(cursor: psycopg.Cursor[Any], deadline: float) -> None:
    """Let no statement of this transaction run past `deadline` (monotonic seconds)."""
    # 0 would mean no limit, and Postgres counts in a signed 32-bit number.
    milliseconds = max(1, min(int((deadline - monotonic()) * 1000), 2**31 - 1)) if deadline < inf else 0
    cursor.execute(statement("limit"), {"milliseconds": str(milliseconds)})


def _copy(cursor: psycopg.Cursor[Any], rows: Rows, ids: Sequence[str], updated_at: str) -> None:
    """Traces that are new. Rows are made while the server takes in the ones before."""
    attempts: list[tuple[Any, ...]] = []
    times: list[str] = []
    with cursor.copy(statement("copy_traces")) as copy:
        for trace_id in ids:
            made = rows.of(trace_id)
            if made is not None:
                trace, of_trace = made
                copy.write_row(copied(trace, updated_at))
                attempts += ((trace_id, *attempt) for attempt in of_trace)
                times.append(trace.created_at)
                times += [attempt.started_at for attempt in of_trace]
    if attempts:
        with cursor.copy(statement("copy_attempts")) as copy:
            for attempt in attempts:
                copy.write_row(attempt)
    tell(cursor, slots_of_texts(times))


def _merge(cursor: psycopg.Cursor[Any], rows: Rows, ids: Sequence[str], updated_at: str) -> None:
    """Traces that are there, or that another writer may be storing. Raises UnseenError."""
    made = [rows_of_trace for trace_id in ids if (rows_of_trace := rows.of(trace_id)) is not None]
    if not made:
        return
    # What these rows were counted under has to be known before they change, and nobody else may change them.
    locked = {str(row[0]) for row in cursor.execute(statement("lock_traces"), {"ids": ids})}
    slots = slots_there(cursor, locked)
    traces = [as_json(trace, "updated_at", updated_at) for trace, _ in made]
    for trace_id, was_there in cursor.execute(statement("merge_traces"), {"rows": f"[{','.join(traces)}]"}):
        if was_there and trace_id not in locked:
            raise UnseenError
    attempts = [as_json(attempt, "trace_id", trace.id) for trace, of_trace in made for attempt in of_trace]
    if attempts:
        cursor.execute(statement("merge_attempts"), {"rows": f"[{','.join(attempts)}]"})
    cursor.execute(statement("derive"), {"ids": ids})
    times = [trace.created_at for trace, _ in made]
    times += [attempt.started_at for _, of_trace in made for attempt in of_trace]
    tell(cursor, slots | slots_of_texts(times))


def copied(trace: TraceRow, updated_at: str) -> tuple[Any, ...]:
    """The values of a trace's row for COPY, in the order of sql/copy_traces.sql."""
    models = array(trace.models_tried)
    found = "{" + ",".join(trace.search_terms) + "}"
    return (*trace[:_MODELS_TRIED], models, *trace[_MODELS_TRIED + 1 : -1], found, updated_at)


_MODELS_TRIED: Final = TraceRow._fields.index("models_tried")
_JSON_COLUMNS: Final = frozenset({"request_data", "response_data", "options", "extras", "images"})


def as_json(row: TraceRow | AttemptRow, name: str, value: str) -> str:
    """The row as a JSON object, with one column more; JSON columns go in as they are."""
    columns = [f'"{name}":{json.dumps(value)}']
    for column, cell in zip(row._fields, row, strict=True):
        if cell is not None:
            written = cell if column in _JSON_COLUMNS else json.dumps(cell, ensure_ascii=False)
            columns.append(f'"{column}":{written}')
    return "{" + ",".join(columns) + "}"
