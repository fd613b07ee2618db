"""Summaries are brought up to date: the slots that writers told of are computed anew from the rows.

Only the holder of a lock does it. He waits for nobody and nobody waits for him: readers take from the rows
what has changed since. The lock is that of a transaction, which holds behind pgbouncer too.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from time import monotonic, sleep
from typing import Final, Literal, TypeVar

import psycopg

from image_tracing_postgres.errors import DatabaseUnavailableError
from image_tracing_postgres.merge import limit_statements
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.statements import statement
from image_tracing_postgres.statistics.cutting import Span, slots_in
from image_tracing_postgres.statistics.kept import Cursor, forget, keep
from image_tracing_postgres.statistics.ranges import SLOT
from image_tracing_postgres.statistics.raw import tallies_from_rows

_Result = TypeVar("_Result")

# Any constant does; it only has to differ from other programs' locks.
_LOCK: Final = 7_103_926_481_530_114
_CHANGES: Final = 2_000
_STEP_SECONDS: Final = 60.0
# As many slots are computed in one transaction as take about that long.
_WANTED_SECONDS: Final = 0.5
_MOST_SLOTS: Final = 288
_REFUSED_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 0.1
# A standby, a role that may only read.
_REFUSALS: Final = (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege)


@dataclass(frozen=True, slots=True)
class _Step:
    """What a step did. `is_left`: there may be more to do."""

    is_left: bool
    slots: Collection[datetime] = ()


class Keeper:
    """Keeps the summaries of one database up to date. Safe to use from many threads."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._slots = 12
        self._refused_until = 0.0

    @property
    def is_refused(self) -> bool:
        """Whether the database did not let summaries be changed a short time ago."""
        return monotonic() < self._refused_until

    def catch_up(self, *, seconds: float) -> bool:
        """Compute what changed, as far as it goes in about so many seconds; whether nothing is left."""
        until = monotonic() + seconds
        while True:
            step = self.exclusively(self._step)
            if step is None or not step.is_left:
                return step is not None
            if monotonic() >= until:
                return False

    def rebuild(self) -> Iterator[float]:
        """Compute the sums of all slots anew, the newest first; the share that is done, now and then.

        Raises:
            DatabaseUnavailableError: the role may not change summaries, or the database is a standby; no
                connection, or no answer in time.
        """
        self._refused_until = 0.0
        left = dict.fromkeys(self.insistently(_all_slots))
        most = len(left)
        step = _Step(is_left=True)
        while step.is_left:
            step = self.insistently(self._step)
            for slot in step.slots:
                left.pop(slot, None)
            yield 1 - len(left) / most if most else 1.0
        while left:
            some = list(islice(left, self._slots))
            self.insistently(partial(self._compute, slots=some))
            for slot in some:
                del left[slot]
            yield 1 - len(left) / most

    def exclusively(self, act: Callable[[Cursor], _Result]) -> _Result | None:
        """What `act` gives in a transaction that alone may change summaries; None if it is not to be had.

        Raises:
            DatabaseUnavailableError: no connection, or no answer in time.
        """
        if self.is_refused:
            return None
        with self._connections.connection(seconds=_STEP_SECONDS + 1) as connection:
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    # Its holder sees what the one before him wrote, whatever is the default here.
                    cursor.execute(statement("statistics/latest"))
                    limit_statements(cursor, monotonic() + _STEP_SECONDS)
                    cursor.execute(statement("statistics/lock_tables"))
                    if not cursor.execute(statement("statistics/reader")).fetchall()[0][0]:
                        # Sums of the rows that this role sees would be taken for those of all.
                        raise psycopg.errors.InsufficientPrivilege
                    cursor.execute(statement("statistics/few_rows"))
                    row = cursor.execute(statement("statistics/try_lock"), {"key": _LOCK}).fetchone()
                    return act(cursor) if row is not None and row[0] else None
            except _REFUSALS:
                self._refused_until = monotonic() + _REFUSED_SECONDS
                return None

    def insistently(self, act: Callable[[Cursor], _Result]) -> _Result:
        """As `exclusively`, after those who are at it.

        Raises:
            DatabaseUnavailableError: as well if this role or server does not let summaries be changed.
        """
        while True:
            found = self.exclusively(act)
            if found is not None:
                return found
            if self.is_refused:
                raise DatabaseUnavailableError(
                    "summaries are to be computed anew, but the database does not let this role change them; "
                    "use a role that may write to image_summary_changes and the summaries, and no standby"
                )
            sleep(_RETRY_SECONDS)

    def _step(self, cursor: Cursor) -> _Step:
        """Compute some of what changed."""
        asked = {"limit": _CHANGES}
        changes = cursor.execute(statement("statistics/changes"), asked).fetchall()
        taken, slots = self._some(changes)
        if not taken:
            return _Step(is_left=False)
        cursor.execute(statement("statistics/take_changes"), {"slots": list(slots)})
        self._compute(cursor, slots=slots)
        return _Step(is_left=taken < len(changes) or len(changes) == _CHANGES, slots=slots)

    def _compute(self, cursor: Cursor, *, slots: Collection[datetime]) -> Literal[True]:
        """Compute the sums of these slots anew from the rows."""
        began = monotonic()
        for start, stop in _runs(slots):
            forget(cursor, start, stop)
            spans = list(slots_in(start, stop))
            tallies = tallies_from_rows(cursor, [span[0] for span in spans], stop)
            if tallies:
                keep(cursor, "slot", {spans[place]: tally for place, tally in tallies.items()})
        took = monotonic() - began
        wanted = int(len(slots) * _WANTED_SECONDS / max(took, 0.01))
        self._slots = max(1, min(wanted, 2 * self._slots, _MOST_SLOTS))
        return True

    def _some(self, changes: Sequence[tuple[Sequence[datetime]]]) -> tuple[int, set[datetime]]:
        """How many changes are taken at once, at least one, and their slots."""
        taken = 0
        slots: set[datetime] = set()
        for (changed,) in changes:
            more = slots.union(time.astimezone(UTC) for time in changed)
            if taken and len(more) > self._slots:
                break
            taken += 1
            slots = more
        return taken, slots


def _all_slots(cursor: Cursor) -> Sequence[datetime]:
    return [row[0].astimezone(UTC) for row in cursor.execute(statement("statistics/all_slots"))]


def _runs(slots: Collection[datetime]) -> Iterator[Span]:
    """The stretches that the slots make up."""
    start: datetime | None = None
    stop: datetime | None = None
    for slot in sorted(slots):
        if start is not None and stop is not None and slot != stop:
            yield start, stop
            start = None
        start = start or slot
        stop = slot + SLOT
    if start is not None and stop is not None:
        yield start, stop
