"""A simulated service in a real database: its figures and transitions are those counted in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID, uuid5

import psycopg

from alerts.traffic import Call, Request, Service
from alerts.weeks import STEP, events
from alerts.windows import Windows, at
from image_tracing_postgres.alerting.alerts import Alerts
from image_tracing_postgres.alerting.figures import AttemptFigures, Figures, GenerationFigures, Spell
from image_tracing_postgres.alerting.rules import Rule
from image_tracing_postgres.alerting.states import State, first_state, next_state
from image_tracing_postgres.alerting.verdicts import verdict_of
from image_tracing_postgres.alerting.windows import figures_of

_NAMESPACE: Final = UUID(int=5)


@dataclass
class Comparison:
    """What was compared, and each difference in a sentence."""

    steps: int = 0
    figures: int = 0
    transitions: int = 0
    differences: list[str] = field(default_factory=list)


def compared(service: Service, rules: Sequence[Rule], dsn: str) -> Comparison:
    """Feed the service into an empty, migrated database, and look at both each minute."""
    found = Comparison()
    windows = Windows(rules)
    states: dict[tuple[str, str], State] = {}
    expected: list[tuple[str, str, str, bool]] = []
    with psycopg.connect(dsn) as connection, Alerts(dsn, interval_seconds=STEP) as alerts:
        now = STEP
        for moment, what in events(service):
            while moment > now:
                connection.commit()
                _compare(connection, windows, rules, now, found)
                connection.commit()
                expected += _judge(windows, rules, now, states)
                alerts.evaluate(at(now))
                found.steps += 1
                now += STEP
            _feed(windows, connection, moment, what)
        entries = reversed(alerts.history(limit=500))
        told = [(entry.rule_id, entry.subject, entry.status, entry.is_told) for entry in entries]
    found.transitions = len(expected)
    if sorted(told) != sorted(expected):
        found.differences.append(f"transitions: in memory {expected}, in Postgres {told}")
    return found


def _feed(windows: Windows, connection: psycopg.Connection[Any], moment: float, what: Call | Request) -> None:
    if isinstance(what, Call):
        windows.add(what)
        connection.execute(_ATTEMPT, _attempt(what))
    elif moment == what.start:
        windows.begin(what)
        connection.execute(_BEGIN, {"id": _id(what.number), "at": at(what.start)})
    else:
        windows.end(what)
        connection.execute(
            _END,
            {
                "id": _id(what.number),
                "at": at(what.end),
                "status": "failed" if what.failed else "completed",
                "duration_ms": round((what.end - what.start) * 1000),
                "models": [call.model for call in what.calls],
            },
        )


def _compare(
    connection: psycopg.Connection[Any],
    windows: Windows,
    rules: Sequence[Rule],
    now: float,
    found: Comparison,
) -> None:
    for rule in rules:
        with connection.cursor() as cursor:
            there = sorted(figures_of(cursor, rule, at(now)), key=lambda figures: figures.subject)
        here = sorted(_in_memory(windows, rule, now), key=lambda figures: figures.subject)
        found.figures += len(here)
        if list(map(_rounded, here)) != list(map(_rounded, there)):
            found.differences.append(f"{rule.id} at {now:g} s: in memory {here}, in Postgres {there}")


def _in_memory(windows: Windows, rule: Rule, now: float) -> Sequence[Figures]:
    return windows.attempts(rule, now) if rule.each_model else [windows.generations(rule, now)]


def _judge(
    windows: Windows, rules: Sequence[Rule], now: float, states: dict[tuple[str, str], State]
) -> list[tuple[str, str, str, bool]]:
    told = []
    for rule in rules:
        found = {figures.subject: figures for figures in _in_memory(windows, rule, now)}
        for rule_id, subject in states:
            if rule_id == rule.id:
                found.setdefault(subject, AttemptFigures(subject, 0))
        for subject, figures in found.items():
            state, transition = next_state(
                states.get((rule.id, subject)) or first_state(at(now)),
                verdict_of(rule, figures),
                rule=rule,
                now=at(now),
            )
            states[rule.id, subject] = state
            if transition is not None:
                told.append((rule.id, subject, str(transition.status), transition.is_told))
    return told


def _rounded(figures: Figures) -> Figures:
    if isinstance(figures, AttemptFigures):
        return replace(figures, run_seconds=round(figures.run_seconds, 2))
    return GenerationFigures(tuple(spell or Spell() for spell in figures.spells))


def _id(number: int) -> UUID:
    return uuid5(_NAMESPACE, str(number))


def _attempt(call: Call) -> dict[str, Any]:
    return {
        "trace_id": _id(call.request),
        "span_id": uuid5(_NAMESPACE, f"{call.request} {call.model}").hex[:16],
        "started_at": at(call.start),
        "ended_at": at(call.end),
        "duration_ms": call.duration_ms,
        "success": not call.failed,
        "model": call.model,
        "outcome": "error" if call.failed else "ok",
        "error_class": call.error_class,
    }


_ATTEMPT: Final = b"""
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, number, success, model, outcome, error_class
)
VALUES (
    %(trace_id)s, %(span_id)s, %(started_at)s, %(ended_at)s, %(duration_ms)s, 1, %(success)s, %(model)s,
    %(outcome)s, %(error_class)s
)"""
_BEGIN: Final = b"""
INSERT INTO image_traces (id, created_at, updated_at, status, root_state, otel_trace_id, otel_span_id)
VALUES (%(id)s, %(at)s, %(at)s, 'started', 'started', '', '')"""
_END: Final = b"""
UPDATE image_traces
SET status = %(status)s, root_state = %(status)s, completed_at = %(at)s, total_duration_ms = %(duration_ms)s,
    models_tried = %(models)s
WHERE id = %(id)s"""
