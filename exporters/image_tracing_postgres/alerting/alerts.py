"""The alerts of a database: rules, states, history, snoozes, and the step that brings them up to date."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID, uuid4

from image_tracing.storable import without_poison
from image_tracing_postgres.alerting.book import Cursor, Snoozes, check_rights, rules_in, snoozes_in
from image_tracing_postgres.alerting.evaluation import evaluate
from image_tracing_postgres.alerting.outbox import Outbox
from image_tracing_postgres.alerting.records import (
    ORDER,
    Channel,
    Evaluation,
    HistoryEntry,
    Overview,
    RuleState,
    ShownStatus,
    SubjectState,
    entry_from,
)
from image_tracing_postgres.alerting.rule_file import rules_of_file
from image_tracing_postgres.alerting.rules import RESERVED_ID, InvalidRuleError, Kind, Rule, rule_from
from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.records import Filters
from image_tracing_postgres.statements import statement

MOST_RULES: Final = 100
# A page of the viewer, and the one more that tells whether another follows.
HISTORY_LIMIT: Final = 501
# As the windows shorten the names of models.
SUBJECT_LENGTH: Final = 500


class UnknownRuleError(InvalidRuleError):
    """There is no rule with this id."""


class RuleConflictError(InvalidRuleError):
    """The rule is there already, or belongs to a file."""


class Alerts:
    """The alerts of one database, for one viewer. Connects at first use; safe to share between threads.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres. Of several viewers that ask for
    a step every `interval_seconds`, one evaluates it. `lease_seconds`: how long a viewer that ended keeps
    others from its messages. `rule_seconds`: how long counting for one rule may take.

    All methods raise DatabaseUnavailableError when there is no connection or no answer in time, and
    SchemaMissingError when the tables are not there.
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        interval_seconds: float = 60.0,
        lease_seconds: float = 60.0,
        rule_seconds: float = 5.0,
    ) -> None:
        self.interval_seconds: Final = interval_seconds
        self._rule_seconds = rule_seconds
        self._connections = Connections(dsn, size=3, seconds=5.0)
        self.outbox: Final = Outbox(self._connections, uuid4(), lease_seconds=lease_seconds)

    def evaluate(self, now: datetime | None = None) -> Evaluation | None:
        """Evaluate this step, if nobody has yet; None if somebody has or is at it.

        Raises AlertRightsError where nothing can be written.
        """
        return evaluate(
            self._connections,
            interval_seconds=self.interval_seconds,
            rule_seconds=self._rule_seconds,
            now=now,
        )

    def rules(self) -> Sequence[Rule]:
        """All rules, presets first."""
        with self._connections.transaction() as cursor:
            return rules_in(cursor)[0]

    def rule(self, rule_id: str) -> Rule:
        """One rule. Raises UnknownRuleError."""
        with self._connections.transaction() as cursor:
            return _known(cursor, rule_id)

    def add_rule(self, document: dict[str, Any]) -> Rule:
        """A new rule from JSON; without an id it gets one from its name.

        Raises:
            InvalidRuleError: it cannot be used, or there are too many.
            RuleConflictError: there is a rule with this id.
        """
        with self._connections.transaction() as cursor:
            rules, _ = rules_in(cursor)
            taken = {rule.id for rule in rules}
            if len(rules) >= MOST_RULES:
                raise InvalidRuleError(f"there may be {MOST_RULES} rules, and there are; delete one first")
            named = isinstance(document, dict) and document.get("id") is None
            given = (
                {**document, "id": _free_id(document.get("name"), taken | {RESERVED_ID})}
                if named
                else document
            )
            rule = rule_from(given, source="viewer")
            is_new = cursor.execute(statement("alerting/add_rule"), _row(rule)).rowcount > 0
            if rule.id in taken or not is_new:
                raise RuleConflictError(f"there is a rule {rule.id!r} already; take another id, or change it")
        return rule

    def change_rule(self, rule_id: str, document: dict[str, Any]) -> Rule:
        """The rule with what the JSON says; what it leaves out stays as it is.

        Raises:
            UnknownRuleError: there is none with this id.
            RuleConflictError: it belongs to a file.
            InvalidRuleError: it cannot be used.
        """
        with self._connections.transaction() as cursor:
            before = _changeable(cursor, rule_id)
            changed = rule_from({**document, "id": rule_id}, source="viewer", base=before)
            _save(cursor, changed, before)
        return changed

    def delete_rule(self, rule_id: str) -> None:
        """Delete a rule; a preset becomes what it was again.

        Raises:
            UnknownRuleError: there is none with this id.
            RuleConflictError: it belongs to a file, or is a preset as it came, which can be switched off.
        """
        with self._connections.transaction() as cursor:
            if _changeable(cursor, rule_id).source == "preset":
                raise RuleConflictError(
                    f"{rule_id!r} is a preset and as it came; switch it off instead: set is_enabled to false"
                )
            cursor.execute(statement("alerting/delete_rule"), {"id": rule_id})
            cursor.execute(statement("alerting/forget_rule"), {"id": rule_id})

    def load_file(self, path: Path) -> Sequence[Rule]:
        """Take the rules of a file into the database; those that are no longer in it go.

        Raises:
            InvalidRuleError: the file cannot be read or used; then nothing was changed.
            AlertRightsError: nothing can be written.
        """
        rules = rules_of_file(path)
        with self._connections.transaction() as cursor:
            check_rights(cursor)
            before = {rule.id: rule for rule in rules_in(cursor)[0]}
            for rule in rules:
                _save(cursor, rule, before.get(rule.id))
            ids = {"ids": [rule.id for rule in rules]}
            for (gone,) in cursor.execute(statement("alerting/delete_file_rules"), ids).fetchall():
                cursor.execute(statement("alerting/forget_rule"), {"id": gone})
        return rules

    def snooze(self, rule_id: str, until: datetime | None, *, subject: str = "") -> None:
        """Send nothing about a rule, or one model of it, until then; None wakes it.

        Raises:
            UnknownRuleError: there is none with this id.
            InvalidRuleError: no model has such a name.
        """
        if len(subject) > SUBJECT_LENGTH or without_poison(subject) != subject:
            raise InvalidRuleError(
                f"a model has to be named by at most {SUBJECT_LENGTH} characters, without NUL or half of a "
                f"surrogate pair, not {ascii(subject)[:80]}; the list of alerts has those there are"
            )
        parameters = {"rule_id": rule_id, "subject": subject, "until": until}
        with self._connections.transaction() as cursor:
            _known(cursor, rule_id)
            cursor.execute(statement("alerting/wake" if until is None else "alerting/snooze"), parameters)

    def overview(self) -> Overview:
        """All rules with their states, the channels, and when was evaluated last."""
        with self._connections.transaction() as cursor:
            rules, problems = rules_in(cursor)
            snoozes = snoozes_in(cursor)
            rows = cursor.execute(statement("alerting/states")).fetchall()
            evaluation = cursor.execute(statement("alerting/evaluated")).fetchone()
            channels = [Channel(*row) for row in cursor.execute(statement("alerting/channels"))]
            [now] = cursor.execute("SELECT now()").fetchone() or [datetime.now(UTC)]
        found = Evaluation(*evaluation) if evaluation else None
        problems = {**(found.problems if found else {}), **problems}
        return Overview(
            rules=[
                RuleState(rule, _states(rule, rows, snoozes), snoozes.of_rule(rule.id), problems.get(rule.id))
                for rule in rules
            ],
            channels=channels,
            evaluation=found,
            now=now,
        )

    def history(
        self, *, limit: int = 50, before: UUID | None = None, rule_id: str | None = None
    ) -> Sequence[HistoryEntry]:
        """At most so many transitions, newest first, those that came before one of them.

        Raises:
            InvalidFilterError: `limit` is below 1.
        """
        if limit < 1:
            raise InvalidFilterError(f"limit has to be 1 or more, not {limit}")
        parameters = {
            "limit": min(limit, HISTORY_LIMIT),
            "before": before,
            "rule_id": None if rule_id is None else without_poison(rule_id),
        }
        with self._connections.transaction() as cursor:
            return [entry_from(row) for row in cursor.execute(statement("alerting/history"), parameters)]

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _states(rule: Rule, rows: Sequence[Sequence[Any]], snoozes: Snoozes) -> list[SubjectState]:
    found = []
    for rule_id, subject, status, since, *_, finding, value, count in rows:
        if rule_id == rule.id:
            until = snoozes.until(rule.id, subject)
            shown: ShownStatus = status if until is None else "snoozed"
            found.append(SubjectState(subject, status, shown, since, until, finding, value, count))
    return sorted(found, key=lambda state: (ORDER.index(state.shown), state.subject))


def _known(cursor: Cursor, rule_id: str) -> Rule:
    rules, _ = rules_in(cursor)
    for rule in rules:
        if rule.id == rule_id:
            return rule
    raise UnknownRuleError(f"there is no rule {rule_id[:80]!r}; the list of alerts has those there are")


def _changeable(cursor: Cursor, rule_id: str) -> Rule:
    rule = _known(cursor, rule_id)
    if rule.source == "file":
        raise RuleConflictError(f"{rule_id!r} is in a file of rules; change it there")
    return rule


def _save(cursor: Cursor, rule: Rule, before: Rule | None) -> None:
    cursor.execute(statement("alerting/save_rule"), _row(rule))
    if before is not None and _watched(rule) != _watched(before):
        # It watches something else now: what was found before says nothing of that.
        cursor.execute(statement("alerting/forget_rule"), {"id": rule.id})


def _watched(rule: Rule) -> tuple[Kind, bool, Filters]:
    return rule.kind, rule.each_model, rule.filters


def _row(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "source": rule.source, "definition": json.dumps(rule.document())}


def _free_id(name: object, taken: set[str]) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower() if isinstance(name, str) else "").strip("-")
    base = words[:50].strip("-") or "rule"
    candidates = (base, *(f"{base}-{number}" for number in range(2, MOST_RULES + 2)))
    return next(each for each in candidates if each not in taken)
