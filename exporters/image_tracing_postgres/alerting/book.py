"""The rules of a database: the presets, what somebody changed of them or added, and what is snoozed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.alerting.rules import InvalidRuleError, Rule, rule_from
from image_tracing_postgres.statements import statement

Cursor = psycopg.Cursor[TupleRow]

PRESETS_BY_ID: Final[Mapping[str, Rule]] = {rule.id: rule for rule in PRESETS}


class AlertRightsError(ImageTracingError):
    """This connection may read what alerts found, and not write it: a standby, or a role that only reads."""


class Snoozes:
    """Until when nothing is sent, by rule and model; a snooze of "" is one of the whole rule."""

    def __init__(self, until: Mapping[tuple[str, str], datetime]) -> None:
        self._until = until

    def of_rule(self, rule_id: str) -> datetime | None:
        """Of the whole rule."""
        return self._until.get((rule_id, ""))

    def until(self, rule_id: str, subject: str) -> datetime | None:
        """Of one model of it, whether by itself or with the whole rule; the later end counts."""
        found = [self._until.get((rule_id, each)) for each in ("", subject)]
        return max((each for each in found if each is not None), default=None)


def check_rights(cursor: Cursor) -> None:
    """Raises AlertRightsError where nothing can be written."""
    [may_write] = cursor.execute(statement("alerting/may_write")).fetchone() or (False,)
    if not may_write:
        raise AlertRightsError(
            "looking at the rules writes down what it finds, and this viewer may only read (its database is "
            "a standby, or its role lacks the rights to write, or a policy of Row Level Security); run "
            "another viewer that may, or see docs/alerts.md"
        )


def snoozes_in(cursor: Cursor, now: datetime | None = None) -> Snoozes:
    """Those that last."""
    rows = cursor.execute(statement("alerting/snoozes"), {"now": now})
    return Snoozes({(rule_id, subject): until for rule_id, subject, until in rows})


def rules_in(cursor: Cursor) -> tuple[Sequence[Rule], dict[str, str]]:
    """All rules, presets first, then by id; and why some in the database cannot be used."""
    rules = dict(PRESETS_BY_ID)
    problems: dict[str, str] = {}
    for id_, source, definition in cursor.execute(statement("alerting/rules")):
        try:
            rules[id_] = rule_from({**definition, "id": id_}, source=source)
        except InvalidRuleError as error:
            problems[id_] = str(error)
            rules[id_] = replace(
                PRESETS_BY_ID.get(id_) or Rule(id_, id_, "silence", source=source), is_enabled=False
            )
    return list(rules.values()), problems
