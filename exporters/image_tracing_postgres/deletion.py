"""Deleting traces; all of them quickly, where that can be had."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import psycopg

from image_tracing_postgres.pool import Connections
from image_tracing_postgres.statements import statement
from image_tracing_postgres.summary_changes import slots_of_times, tell

# Emptying a table waits for everybody who reads it, and everybody else waits behind.
_LOCK_TIMEOUT: Final = "2s"
_BATCH: Final = 2_000
_SECONDS: Final = 60.0
# No right to empty the tables, an old schema without one of them, no lock within the limit, a lock that would
# block others for good.
_REFUSALS: Final = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.UndefinedTable,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
)


def delete_everything(connections: Connections) -> int:
    """Delete all traces with their attempts; how many traces there were.

    The tables are emptied at once; where the role must not do that, or somebody holds them, rows are deleted
    in batches, each trace with its attempts in one transaction. Traces written meanwhile may stay.
    """
    with connections.connection(seconds=_SECONDS) as connection:
        try:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(statement("lock_timeout"), {"timeout": _LOCK_TIMEOUT})
                cursor.execute(statement("lock_all"))
                row = cursor.execute(statement("count_all")).fetchone()
                cursor.execute(statement("delete_all"))
                cursor.execute(statement("notify"))
                return row[0] if row else 0
        except _REFUSALS:
            pass
    return _delete_in_batches(connections)


def delete_traces(cursor: psycopg.Cursor[Any], ids: Sequence[UUID]) -> int:
    """Delete traces with their attempts in this transaction; how many traces there were."""
    # In the order of their keys, as writers lock them.
    cursor.execute(statement("lock_traces"), {"ids": ids})
    times = [row[0] for row in cursor.execute(statement("delete_traces"), {"ids": ids})]
    deleted = len(times)
    times += [row[0] for row in cursor.execute(statement("delete_attempts"), {"ids": ids})]
    tell(cursor, slots_of_times(times))
    cursor.execute(statement("notify"))
    return deleted


def _delete_in_batches(connections: Connections) -> int:
    deleted = 0
    while True:
        with connections.transaction(seconds=_SECONDS) as cursor:
            ids = [row[0] for row in cursor.execute(statement("oldest"), {"limit": _BATCH})]
            if not ids:
                break
            deleted += delete_traces(cursor, ids)
    with connections.connection(seconds=_SECONDS) as connection, suppress(*_REFUSALS):
        # What was kept of workflows without a picture.
        connection.execute(statement("delete_foreign"))
    return deleted
