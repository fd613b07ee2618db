"""The windows of a rule in Postgres: its figures, and the traces behind an alarm, from the rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from image_tracing_postgres.alerting.evidence import Evidence, evidence_of
from image_tracing_postgres.alerting.figures import AttemptFigures, Figures, GenerationFigures, Spell
from image_tracing_postgres.alerting.rules import ATTEMPT_KINDS, REQUEST_ERROR_CLASSES, Rule
from image_tracing_postgres.alerting.verdicts import Verdict, spells_of
from image_tracing_postgres.filters import parameters_of
from image_tracing_postgres.records import Filters
from image_tracing_postgres.statements import statement

# Of a rule that looks at each model: those with the most attempts, and as many between looks. Names of models
# come from callers.
MOST_SUBJECTS: Final = 200
EXAMPLES: Final = 10

Cursor = psycopg.Cursor[TupleRow]


def figures_of(cursor: Cursor, rule: Rule, now: datetime) -> Sequence[Figures]:
    """What the rule's window holds at `now`: a model each, or one for all.

    Ended attempts and generations count by when they began. Models that were not called are left out.
    """
    if rule.kind not in ATTEMPT_KINDS:
        rows = cursor.execute(_GENERATIONS, _generation_parameters(rule, now)).fetchall()
        spells = tuple(None if row[0] else Spell(*row[1:]) for row in rows)
        return [GenerationFigures(spells)]
    found = cursor.execute(_attempts(rule, _ATTEMPTS), _attempt_parameters(rule, now)).fetchall()
    # The name of no model is empty too: such attempts are judged, under that name.
    return [AttemptFigures(*row) for row in found] or ([] if rule.each_model else [AttemptFigures("", 0)])


def evidence_behind(
    cursor: Cursor, rule: Rule, verdicts: Mapping[str, Verdict], now: datetime
) -> Mapping[str, Evidence]:
    """The traces that made these verdicts breaches, by subject; subjects without any are left out."""
    if rule.kind not in ATTEMPT_KINDS:
        parameters = _generation_parameters(rule, now) | {"kind": rule.kind, "examples": EXAMPLES}
        return {"": evidence_of(cursor.execute(_GENERATIONS_BEHIND, parameters).fetchone())}
    is_row = rule.kind == "failures_in_a_row"
    parameters = _attempt_parameters(rule, now) | {
        "subjects": list(verdicts),
        "newest": [int(verdict.value or 0) if is_row else None for verdict in verdicts.values()],
        "examples": EXAMPLES,
        "least_ms": rule.duration_ms,
    }
    rows = cursor.execute(_attempts(rule, _ATTEMPTS_BEHIND), parameters)
    return {subject: evidence_of(row) for subject, *row in rows}


def _attempt_parameters(rule: Rule, now: datetime) -> dict[str, Any]:
    return {
        **parameters_of(_trace_filters(rule)),
        # Asked of the attempt itself; the other filters choose generations, as in the list.
        "model": rule.filters.get("model"),
        "provider": rule.filters.get("provider"),
        "error_class": rule.filters.get("error_class"),
        "outcome": rule.filters.get("outcome"),
        "each_model": rule.each_model,
        # Of durations a class says which ones; of failures it says what counts as one.
        "narrows": rule.kind == "p95_duration",
        "request_error_classes": list(REQUEST_ERROR_CLASSES),
        "since": rule.since(now),
        "now": now,
        "newest": 2 * (rule.failures or 1),
        "most": MOST_SUBJECTS,
    }


def _generation_parameters(rule: Rule, now: datetime) -> dict[str, Any]:
    spells = spells_of(rule, now)
    return {
        **parameters_of(rule.filters),
        "starts": [start for start, _ in spells],
        "ends": [end for _, end in spells],
        "duration_ms": rule.duration_ms,
        "now": now,
    }


def _trace_filters(rule: Rule) -> Filters:
    filters = rule.filters.copy()
    filters.pop("model", None)
    filters.pop("provider", None)
    filters.pop("error_class", None)
    filters.pop("outcome", None)
    return filters


def _attempts(rule: Rule, variants: tuple[bytes, bytes]) -> bytes:
    return variants[bool(_trace_filters(rule))]


def _with(counted: bytes, name: str) -> bytes:
    """Static pieces: what is counted, and what is asked of it."""
    return b"WITH counted AS (\n%s)\n%s" % (counted, statement(f"alerting/{name}"))


_ALL_ATTEMPTS: Final = statement("alerting/_attempts")
# Asked only by rules that need it: few do, and it costs a look at each trace.
_SOME_ATTEMPTS: Final = b"%sAND EXISTS (\n%s%sAND (\n%s)\nAND trace.id = attempt.trace_id)" % (
    _ALL_ATTEMPTS,
    b"SELECT FROM image_traces AS trace\n",
    statement("_filters"),
    statement("_meant"),
)
_MEANT_GENERATIONS: Final = b"%s%sAND (\n%s)" % (
    statement("alerting/_generations"),
    statement("_filters"),
    statement("_meant"),
)
_ATTEMPTS: Final = (_with(_ALL_ATTEMPTS, "attempts"), _with(_SOME_ATTEMPTS, "attempts"))
_ATTEMPTS_BEHIND: Final = (
    _with(_ALL_ATTEMPTS, "attempts_behind"),
    _with(_SOME_ATTEMPTS, "attempts_behind"),
)
_GENERATIONS: Final = _with(_MEANT_GENERATIONS, "generations")
_GENERATIONS_BEHIND: Final = _with(_MEANT_GENERATIONS, "generations_behind")
