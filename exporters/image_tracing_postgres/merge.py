"""Rows into the database: what came before, what comes twice and what comes in parts ends as one trace.

New traces are copied straight into the tables. Traces that are there already are staged and merged, and what
follows from a root and all of its attempts is derived anew.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import psycopg

from image_tracing_postgres.connection import BoundedConnection
from image_tracing_postgres.rows import Rows
from image_tracing_postgres.statements import statement


def save(connection: BoundedConnection, rows: Rows) -> None:
    """Store the rows in one transaction, before the connection's deadline. Saving again changes nothing.

    Raises:
        psycopg.Error: nothing of the rows was stored.
    """
    if not rows.traces:
        return
    try:
        _save(connection, rows, is_direct=True)
    except psycopg.errors.UniqueViolation:
        # Another writer stored one of these traces just now. Merging waits for such writers.
        _save(connection, rows, is_direct=False)


def _save(connection: BoundedConnection, rows: Rows, *, is_direct: bool) -> None:
    updated_at = datetime.now(UTC).isoformat(timespec="microseconds")
    with connection.transaction(), connection.cursor() as cursor:
        limit_statements(cursor, connection.deadline)
        ids = [trace.id for trace in rows.traces]
        known = set(ids)
        if is_direct:
            cursor.execute(statement("known"), {"ids": ids})
            known = {row[0] for row in cursor}
        if len(known) < len(ids):
            _copy(cursor, "traces", ((*row, updated_at) for row in rows.traces if row.id not in known))
            _copy(cursor, "attempts", (row for row in rows.attempts if row[0] not in known))
        if known:
            for table in ("traces", "attempts"):
                cursor.execute(statement(f"stage_{table}"))
            _copy(cursor, "staged_traces", ((*row, updated_at) for row in rows.traces if row.id in known))
            cursor.execute(statement("merge_traces"))
            _copy(cursor, "staged_attempts", (row for row in rows.attempts if row[0] in known))
            cursor.execute(statement("merge_attempts"))
            cursor.execute(statement("derive"), {"ids": sorted(known)})
        # A hint for open pages; it is lost behind pgbouncer, and they look for themselves as well.
        cursor.execute(statement("notify"))


def limit_statements(cursor: psycopg.Cursor[Any], deadline: float) -> None:
    """Let no statement of this transaction run past `deadline` (monotonic seconds)."""
    # 0 would mean no limit, and Postgres counts in a signed 32-bit number.
    milliseconds = max(1, min(int((deadline - monotonic()) * 1000), 2**31 - 1)) if deadline < 1e300 else 0
    cursor.execute(statement("limit"), {"milliseconds": str(milliseconds)})


def _copy(cursor: psycopg.Cursor[Any], table: str, rows: Iterable[Sequence[Any]]) -> None:
    with cursor.copy(statement(f"copy_{table}")) as copy:
        for row in rows:
            copy.write_row(row)
