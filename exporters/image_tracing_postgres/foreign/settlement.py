"""Foreign spans in the database: kept until it is known what is above them, and put where they belong.

What the rows are in the end depends only on which spans were written. Each writer looks after its own
transaction: whoever commits last sees all there is.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg

from image_tracing_postgres.foreign.placing import ForeignSpan, Known, place_of, spans_above
from image_tracing_postgres.merge import UnseenError, as_json
from image_tracing_postgres.spans import trace_id_of
from image_tracing_postgres.statements import statement
from image_tracing_postgres.summary_changes import slots_of_texts, slots_there, tell

Cursor = psycopg.Cursor[Any]
Transaction = Callable[[], AbstractContextManager[Cursor]]

# Longer than spans wait for a database that is away.
_KEPT: Final = timedelta(days=30)


class _Move(NamedTuple):
    """A foreign attempt that has to leave the row that its own span made."""

    span: Known
    is_part: bool
    home: str
    """The id of the row that it goes to, or of the row of the attempt that it is a part of."""

    @property
    def own(self) -> str:
        return _row_id(self.span.otel_trace_id, self.span.span_id)


def keep(cursor: Cursor, spans: Sequence[ForeignSpan], updated_at: str) -> None:
    """Remember foreign spans, and forget those of long ago."""
    rows = [
        {
            "otel_trace_id": span.otel_trace_id,
            "span_id": span.span_id,
            "parent_span_id": span.parent_span_id,
            "workflow": span.workflow and json.loads(as_json(span.workflow, "updated_at", updated_at)),
            "seen_at": updated_at,
        }
        for span in spans
    ]
    cursor.execute(statement("foreign_add"), {"rows": json.dumps(rows)})
    cursor.execute(statement("foreign_forget"), {"before": datetime.now(UTC) - _KEPT})


def settle(
    transaction: Transaction,
    otel_trace_ids: Sequence[str],
    spans: Sequence[ForeignSpan],
    updated_at: str,
) -> None:
    """Put the foreign attempts of these OpenTelemetry traces where they belong, as far as it is known.

    `spans` are those that were just kept.
    """
    told = frozenset(_row_id(*span.key) for span in spans if span.workflow is not None)
    with transaction() as cursor:
        if not _Look(cursor, otel_trace_ids, told).has_work:
            return
    is_left = True
    while is_left:
        with suppress(UnseenError), transaction() as cursor:
            cursor.execute(statement("foreign_lock"), {"otel_trace_ids": otel_trace_ids})
            look = _Look(cursor, otel_trace_ids, told)
            if look.has_work:
                _apply(cursor, look, updated_at)
            is_left = False


class _Look:
    """What the database knows of some OpenTelemetry traces with foreign spans, and what is to be moved."""

    def __init__(self, cursor: Cursor, otel_trace_ids: Sequence[str], told_now: frozenset[str]) -> None:
        self._cursor = cursor
        self._asked: Final = {"otel_trace_ids": list(otel_trace_ids)}
        self.workflows: Final[dict[str, dict[str, Any]]] = {}
        """Rows of workflows that are or become generations, by id."""
        self._spans: dict[str, dict[str, Known]] = defaultdict(dict)
        told: dict[str, dict[str, Any]] = {}
        for trace, span_id, parent, workflow in cursor.execute(statement("foreign_spans"), self._asked):
            self._spans[trace][span_id] = Known(trace, span_id, parent)
            if parent is None and workflow is not None:
                told[_row_id(trace, span_id)] = json.loads(workflow)
        places = self._places()
        self._there = self._ids({*told, *(move.own for move in places), *(move.home for move in places)})
        # A workflow whose generation was deleted has neither.
        places = [move for move in places if move.is_part or move.home in self._there or move.home in told]
        self.moves: Final = self._left(places)
        homes = {move.home for move in self.moves}
        for row_id, row in told.items():
            if row_id in homes or (row_id in told_now and row_id in self._there):
                self.workflows[row_id] = row

    @property
    def has_work(self) -> bool:
        return bool(self.moves or self.workflows)

    def _ids(self, ids: Iterable[str]) -> set[str]:
        """Those of these ids that have a row."""
        asked = {"ids": sorted(ids)}
        return {row[0] for row in self._cursor.execute(statement("known"), asked)}

    def _places(self) -> list[_Move]:
        """Every foreign attempt that is no generation of its own."""
        above = {
            (trace, parent) for trace, spans in self._spans.items() for parent in spans_above(spans.values())
        }
        asked = {**self._asked, "span_ids": sorted({span_id for _, span_id in above})}
        rows: dict[str, dict[str, str]] = defaultdict(dict)
        for trace, row_id, span_id in self._cursor.execute(statement("foreign_attempts"), asked):
            rows[trace][span_id] = row_id
        known = self._ids({_row_id(trace, span_id) for trace, span_id in above})
        moves = []
        for trace, spans in self._spans.items():
            generations = frozenset(
                id_ for id_ in spans_above(spans.values()) if _row_id(trace, id_) in known
            )
            for span in spans.values():
                if span.parent_span_id is None:
                    continue
                place = place_of(span, spans=spans, attempts=frozenset(rows[trace]), generations=generations)
                if place.attempt is not None:
                    moves.append(_Move(span, True, rows[trace][place.attempt]))
                elif place.home != span.span_id:
                    moves.append(_Move(span, place.is_part, _row_id(trace, str(place.home))))
        return moves

    def _left(self, moves: list[_Move]) -> list[_Move]:
        """Those that have a row of their own, or one among the attempts that they are a part of."""
        asked = {
            "ids": sorted({move.home for move in moves if move.is_part}),
            "span_ids": sorted({move.span.span_id for move in moves if move.is_part}),
        }
        listed = {(row[0], row[1]) for row in self._cursor.execute(statement("foreign_rows"), asked)}
        return [
            move
            for move in moves
            if move.own in self._there or (move.is_part and (move.home, move.span.span_id) in listed)
        ]


def _apply(cursor: Cursor, look: _Look, updated_at: str) -> None:
    """Move the attempts. The rows are locked in the order of their ids, as those who save lock them.

    Raises:
        UnseenError: one of them came only after that.
    """
    own = sorted({move.own for move in look.moves})
    homes = sorted({move.home for move in look.moves})
    touched = sorted({*own, *homes, *look.workflows})
    locked = {str(row[0]) for row in cursor.execute(statement("lock_traces"), {"ids": touched})}
    slots = slots_there(cursor, locked)
    workflows = [{**row, "updated_at": updated_at} for _, row in sorted(look.workflows.items())]
    if workflows:
        for id_, was_there in cursor.execute(statement("merge_traces"), {"rows": json.dumps(workflows)}):
            if was_there and id_ not in locked:
                raise UnseenError
        for workflow in workflows:
            span = {"otel_trace_id": workflow["otel_trace_id"], "span_id": workflow["otel_span_id"]}
            cursor.execute(statement("foreign_told"), span)
    asked = {"ids": own, "span_ids": sorted({move.span.span_id for move in look.moves})}
    rows = {(row[0], row[1]): json.loads(row[2]) for row in cursor.execute(statement("foreign_rows"), asked)}
    terms = {row[0]: row[1] for row in cursor.execute(statement("foreign_terms"), {"ids": own})}
    moved = []
    for move in look.moves:
        row = rows.get((move.own, move.span.span_id))
        if row is not None and not move.is_part:
            moved.append({**row, "trace_id": move.home})
        elif move.is_part:
            gone = {"id": move.home, "span_ids": [move.span.span_id]}
            cursor.execute(statement("foreign_remove"), gone)
    cursor.execute(statement("delete_attempts"), {"ids": own})
    cursor.execute(statement("delete_traces"), {"ids": own})
    if moved:
        moved.sort(key=lambda row: (row["trace_id"], row["span_id"]))
        cursor.execute(statement("merge_attempts"), {"rows": json.dumps(moved)})
    for home in homes:
        found = sorted({term for move in look.moves if move.home == home for term in terms.get(move.own, ())})
        joined = {"id": home, "terms": found, "updated_at": updated_at}
        cursor.execute(statement("foreign_join_terms"), joined)
    cursor.execute(statement("derive"), {"ids": sorted({*homes, *look.workflows})})
    tell(cursor, slots | slots_of_texts(workflow["created_at"] for workflow in workflows))


def _row_id(otel_trace_id: str, span_id: str) -> str:
    return str(trace_id_of(int(otel_trace_id, 16), int(span_id, 16)))
