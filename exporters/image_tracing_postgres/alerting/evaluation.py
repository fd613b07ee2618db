"""One step: whoever is elected looks at every rule, and writes states, history and what is to be sent."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID, uuid5

import psycopg
from psycopg.rows import TupleRow

from image_tracing_postgres.alerting import sentences
from image_tracing_postgres.alerting.book import Snoozes, check_rights, rules_in, snoozes_in
from image_tracing_postgres.alerting.evidence import Evidence
from image_tracing_postgres.alerting.figures import AttemptFigures, Figures
from image_tracing_postgres.alerting.records import Evaluation
from image_tracing_postgres.alerting.rules import Rule
from image_tracing_postgres.alerting.states import State, Transition, first_state, next_state
from image_tracing_postgres.alerting.verdicts import Verdict, verdict_of
from image_tracing_postgres.alerting.windows import MOST_SUBJECTS, evidence_behind, figures_of
from image_tracing_postgres.failures import kind_of, reason_of
from image_tracing_postgres.merge import limit_statements
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.statements import statement

# Of this project's alerts; whatever the number, it is the same for all viewers of a database.
_LOCK: Final = 4_823_071_955
_NAMESPACE: Final = UUID("5f9e0c9a-4a39-4b0e-9d0f-6f1f3a1f7a52")
_STEP_SECONDS: Final = 30.0
# All rules are in one transaction, and what so many of them may take is enough for all.
_SLOW_RULES: Final = 4
# The problem of a rule is all that a step leaves of it: how often it had no turn is in the sentence.
_NO_TURN: Final = (
    "looks without a turn: {}, as the other rules took all the time; it comes before them in the next"
)
_LOOKS_WITHOUT: Final = re.compile(re.escape(_NO_TURN).replace(re.escape("{}"), r"(\d+)"))

Cursor = psycopg.Cursor[TupleRow]
Key = tuple[str, str]


def evaluate(
    connections: Connections,
    *,
    interval_seconds: float,
    rule_seconds: float = 5.0,
    now: datetime | None = None,
) -> Evaluation | None:
    """Evaluate the rules if nobody has in this step and nobody is at it; None then.

    Steps are the multiples of the interval on the database's clock, of which `now` can take the place.
    All of a step is one transaction: it happened whole or not at all. A rule gets `rule_seconds` at most,
    and none begins after four times that. Raises AlertRightsError where nothing can be written.
    """
    began = monotonic()
    with connections.transaction(seconds=_STEP_SECONDS) as cursor:
        check_rights(cursor)
        row = cursor.execute(statement("alerting/elect"), {"key": _LOCK}).fetchone()
        is_elected, moment = row or (False, datetime.now(UTC))
        moment = now or moment
        if not is_elected or not _is_due(cursor, moment, interval_seconds):
            return None
        problems = _Step(cursor, moment, rule_seconds).run()
        duration_ms = round((monotonic() - began) * 1000)
        cursor.execute(
            statement("alerting/end_step"), {"duration_ms": duration_ms, "problems": json.dumps(problems)}
        )
    return Evaluation(moment, duration_ms, problems)


def _is_due(cursor: Cursor, now: datetime, interval_seconds: float) -> bool:
    """Whether this step was not evaluated yet; from now on it is."""
    step_began_at = datetime.fromtimestamp(now.timestamp() // interval_seconds * interval_seconds, UTC)
    parameters = {"now": now, "step_began_at": step_began_at}
    return cursor.execute(statement("alerting/take_step"), parameters).rowcount > 0


class _Step:
    def __init__(self, cursor: Cursor, now: datetime, rule_seconds: float) -> None:
        self._cursor = cursor
        self._now = now
        self._rule_seconds = rule_seconds
        self._snoozes: Snoozes = snoozes_in(cursor, now)
        self._states: dict[Key, tuple[State, Verdict]] = {}
        for rule_id, subject, *fields, finding, value, count in cursor.execute(statement("alerting/states")):
            self._states[rule_id, subject] = State(*fields), Verdict(finding, value, count)
        evaluated = cursor.execute(statement("alerting/evaluated")).fetchone()
        self._problems_before: Mapping[str, str] = evaluated[2] if evaluated else {}
        self._channels = [row[0] for row in cursor.execute(statement("alerting/channels_now"))]

    def run(self) -> Mapping[str, str]:
        """Why rules could not be evaluated, by their ids."""
        rules, problems = rules_in(self._cursor)
        enabled = [rule for rule in rules if rule.is_enabled]
        deadline = monotonic() + _SLOW_RULES * self._rule_seconds
        for rule in sorted(enabled, key=self._place):
            if monotonic() >= deadline:
                problems[rule.id] = _NO_TURN.format(self._looks_without_turn(rule) + 1)
                continue
            try:
                # A savepoint: a rule that asks too much takes none of the others with it.
                with self._cursor.connection.transaction():
                    # A turn that the deadline cut short would come to nothing, look after look.
                    end = monotonic() + self._rule_seconds
                    limit_statements(self._cursor, end)
                    self._judge(rule, figures_of(self._cursor, rule, self._now), end)
            except psycopg.Error as error:
                if kind_of(error) == "unavailable":
                    raise
                problems[rule.id] = self._told(error)
        limit_statements(self._cursor, monotonic() + _STEP_SECONDS)
        parameters: dict[str, Any] = {
            "rule_ids": [rule.id for rule in enabled],
            "cooldowns": [rule.cooldown for rule in enabled],
            "most": MOST_SUBJECTS,
            "now": self._now,
        }
        self._cursor.execute(statement("alerting/forget_states"), parameters)
        self._cursor.execute(statement("alerting/give_up"))
        self._cursor.execute(statement("alerting/forget_history"))
        return problems

    def _place(self, rule: Rule) -> tuple[int, int]:
        """Those come first that wait longest for a turn, and last those that took too long the last time."""
        waited = self._looks_without_turn(rule)
        return -waited, not waited and rule.id in self._problems_before

    def _looks_without_turn(self, rule: Rule) -> int:
        found = _LOOKS_WITHOUT.fullmatch(self._problems_before.get(rule.id, ""))
        return int(found[1]) if found else 0

    def _judge(self, rule: Rule, found: Sequence[Figures], end: float) -> None:
        verdicts = {figures.subject: verdict_of(rule, figures) for figures in found}
        for rule_id, subject in self._states:
            if rule_id == rule.id:
                # Nobody called this model in the window.
                verdicts.setdefault(subject, verdict_of(rule, AttemptFigures(subject, 0)))
        transitions: dict[str, Transition] = {}
        for subject, verdict in verdicts.items():
            before = self._states.get((rule.id, subject))
            state, transition = next_state(
                before[0] if before else first_state(self._now),
                verdict,
                rule=rule,
                now=self._now,
                is_snoozed=self._snoozes.until(rule.id, subject) is not None,
            )
            if before != (state, verdict):
                self._save(rule, subject, state, verdict)
            if transition is not None:
                transitions[subject] = transition
        began = self._evidence_of_firings(rule, transitions, end)
        for subject, transition in transitions.items():
            is_firing = transition.status == "firing"
            evidence = began.get(subject, Evidence()) if is_firing else self._evidence_of_end(rule, subject)
            self._record(rule, subject, transition, evidence)

    def _save(self, rule: Rule, subject: str, state: State, verdict: Verdict) -> None:
        parameters = {
            "rule_id": rule.id,
            "subject": subject,
            "status": state.status,
            "since": state.since,
            "is_told": state.is_told,
            "told_at": state.told_at,
            "heard_at": state.heard_at,
            "breaches": state.breaches,
            "clears": state.clears,
            "finding": verdict.finding,
            "value": verdict.value,
            "count": verdict.count,
            "now": self._now,
        }
        self._cursor.execute(statement("alerting/save_state"), parameters)

    def _record(self, rule: Rule, subject: str, transition: Transition, evidence: Evidence) -> None:
        # The same step gives the same ids, whoever evaluates it.
        id_ = uuid5(_NAMESPACE, json.dumps([rule.id, subject, transition.status, self._now.isoformat()]))
        parameters: dict[str, Any] = {
            "id": id_,
            "rule_id": rule.id,
            "subject": subject,
            "status": transition.status,
            "before": transition.before,
            "at": self._now,
            "is_told": transition.is_told,
            "value": transition.verdict.value,
            "count": transition.verdict.count,
            "title": sentences.title(rule, subject, transition.status),
            "body": sentences.body(rule, transition, evidence),
            "query": evidence.query(rule, subject),
            "evidence": json.dumps(evidence.document()),
        }
        self._cursor.execute(statement("alerting/add_transition"), parameters)
        for channel_id in self._channels if transition.is_told else ():
            message = {"id": uuid5(id_, channel_id), "channel_id": channel_id, "transition_id": id_}
            self._cursor.execute(
                statement("alerting/add_message"), message | {"rule_id": rule.id, "subject": subject}
            )

    def _evidence_of_firings(
        self, rule: Rule, transitions: Mapping[str, Transition], end: float
    ) -> Mapping[str, Evidence]:
        firing = {
            subject: transition.verdict
            for subject, transition in transitions.items()
            if transition.status == "firing"
        }
        if not firing:
            return {}
        try:
            with self._cursor.connection.transaction():
                limit_statements(self._cursor, max(end, monotonic() + self._rule_seconds / 2))
                return evidence_behind(self._cursor, rule, firing, self._now)
        except psycopg.errors.QueryCanceled:
            # An alarm without its traces is worth more than none.
            return {}
        finally:
            limit_statements(self._cursor, monotonic() + self._rule_seconds)

    def _evidence_of_end(self, rule: Rule, subject: str) -> Evidence:
        parameters = {"rule_id": rule.id, "subject": subject}
        row = self._cursor.execute(statement("alerting/last_firing"), parameters).fetchone()
        began = Evidence.from_document(row[0]).from_ if row else None
        # All that happened from the first failure to its end.
        return Evidence(from_=began, to=self._now + timedelta(microseconds=1)) if began else Evidence()

    def _told(self, error: psycopg.Error) -> str:
        if isinstance(error, psycopg.errors.QueryCanceled):
            seconds = f"{self._rule_seconds:g} s"
            return f"counting took longer than {seconds}; give it a shorter window or fewer filters"
        return reason_of(error)
