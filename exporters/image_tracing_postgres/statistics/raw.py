"""Sums straight from the rows of the tables: exact, at a cost that grows with the rows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg

from image_tracing_postgres.merge import limit_statements
from image_tracing_postgres.statements import statement
from image_tracing_postgres.statistics.tallies import Tally

Cursor = psycopg.Cursor[Any]

# Where an attempt is as these say, its generation has one that is.
_OF_ATTEMPTS: Final = frozenset({"model", "provider", "error_class", "outcome", "terms"})


def tallies_from_rows(
    cursor: Cursor,
    starts: Sequence[datetime],
    stop: datetime,
    *,
    meant: Mapping[str, Any] | None = None,
    until: float | None = None,
) -> Mapping[int, Tally]:
    """The sums of each bucket that has any, by its place among `starts`; the last one ends at `stop`.

    `meant` are the parameters of filters.parameters_of; None leaves nothing out. The server ends what takes
    longer than `until` (monotonic seconds), by which all statements together are bounded.
    """

    def rows(*names: str, meant: bytes) -> Cursor:
        if until is not None:
            limit_statements(cursor, until)
        return cursor.execute(meant.join(statement(f"statistics/{name}") for name in names), asked)

    tallies: defaultdict[int, Tally] = defaultdict(Tally)
    # The range bounds generations by their creation and attempts by their own start.
    meant = None if meant is None else {**meant, "from_": None, "to": None}
    asked = {**(meant or {}), "starts": list(starts), "start": starts[0], "stop": stop}
    attempts_meant, traces_meant = b"", b""
    if meant is not None:
        attempts_meant, traces_meant = statement("statistics/attempts_meant"), _TRACES_MEANT
        if any(value is not None for name, value in meant.items() if name not in _OF_ATTEMPTS):
            attempts_meant += _ATTEMPTS_OF_TRACES_MEANT
    for row in rows("attempts", "attempts_grouped", meant=attempts_meant):
        bucket, provider, model, success, outcome, error_class, number, images, size, ms, least, numbers = row
        attempts = tallies[bucket - 1].of(provider, model)
        attempts.attempts += number
        attempts.succeeded += number if success else 0
        attempts.images += images
        attempts.size_bytes += int(size)
        attempts.outcomes[outcome] += number
        if error_class is not None:
            attempts.error_classes[error_class] += number
        attempts.sketch.add(least, numbers, ms)
    statements = ("chances_asked", "chances", "chances_grouped")
    for bucket, provider, model, chances, rescues in rows(*statements, meant=attempts_meant):
        attempts = tallies[bucket - 1].of(provider, model)
        attempts.chances += chances
        attempts.rescues += rescues
    for row in rows("generations", "generations_grouped", meant=traces_meant):
        bucket, status, depth, first, served, number, ms, least, numbers = row
        generations = tallies[bucket - 1].generations
        if status == "started":
            generations.started += number
            continue
        if status == "completed":
            generations.completed += number
            generations.recovered += number if depth > 1 else 0
            generations.sketch.add(least, numbers, ms)
        else:
            generations.failed += number
        generations.flows[depth, first, served] += number
    for bucket, wasted_ms in rows("wasted", "wasted_grouped", meant=traces_meant):
        tallies[bucket - 1].generations.wasted_ms += wasted_ms or 0
    return tallies


_MEANT: Final = statement("_filters").removeprefix(b"WHERE") + b"\nAND " + statement("_meant")
_TRACES_MEANT: Final = b"\nAND " + _MEANT + b"\n"
_ATTEMPTS_OF_TRACES_MEANT: Final = (
    b"\nAND EXISTS (\nSELECT FROM image_traces AS trace\nWHERE trace.id = attempt.trace_id\nAND "
    + _MEANT
    + b")\n"
)
