"""What writers tell the summaries, in the transaction that changes it: which five minutes have changed.

Mostly one row a transaction, and none that two writers would wait for. Whoever reads statistics computes
those five minutes anew (statistics/keeper.py).
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4
from weakref import WeakKeyDictionary

import psycopg

from image_tracing_postgres.statements import statement

# What one row tells of is computed in one transaction.
_SLOTS_OF_ONE: Final = 48
# Connections whose database is known to have what it takes.
_told: Final[WeakKeyDictionary[psycopg.Connection[Any], bool]] = WeakKeyDictionary()


def slots_of_texts(times: Iterable[str]) -> set[str]:
    """The beginnings of the five minutes that hold times, all of them as texts in ISO 8601 and UTC."""
    minutes = {time[:16] for time in times}
    return {f"{minute[:15]}{'0' if minute[15] < '5' else '5'}:00+00:00" for minute in minutes}


def slots_there(cursor: psycopg.Cursor[Any], ids: Collection[str]) -> set[str]:
    """The beginnings of the five minutes in which these traces of the database and their attempts began.

    The transaction holds the traces locked: what it changes then is what it was told here.
    """
    return {row[0] for row in cursor.execute(statement("summary_slots"), {"ids": sorted(ids)})}


def slots_of_times(times: Iterable[datetime]) -> set[str]:
    """The beginnings of the five minutes that hold times, which may be of any zone."""
    return slots_of_texts(time.astimezone(UTC).isoformat() for time in times)


def tell(cursor: psycopg.Cursor[Any], slots: Collection[str]) -> None:
    """Say what this transaction changes; at its end, when it holds what it wrote.

    A database that cannot be told is one whose migration has yet to come: it waits for this transaction, and
    then all sums are computed.
    """
    if not slots:
        return
    connection = cursor.connection
    if connection not in _told:
        row = cursor.execute(statement("summary_teller")).fetchone()
        if row is None or not row[0]:
            return
        _told[connection] = True
    told = sorted(slots)
    for place in range(0, len(told), _SLOTS_OF_ONE):
        some = told[place : place + _SLOTS_OF_ONE]
        cursor.execute(statement("summary_tell"), {"id": uuid4(), "slots": some})
