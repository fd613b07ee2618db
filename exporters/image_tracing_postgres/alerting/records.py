"""What the database gives back about alerts, as plain frozen dataclasses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from image_tracing_postgres.alerting.evidence import Evidence
from image_tracing_postgres.alerting.rules import Rule
from image_tracing_postgres.alerting.states import Status
from image_tracing_postgres.alerting.verdicts import Finding

ShownStatus = Literal["ok", "firing", "recovered", "snoozed", "no_data", "off"]


@dataclass(frozen=True, slots=True)
class SubjectState:
    """The state of a rule for one model, or for "" where it looks at all together.

    `shown`: the status as people are told it, where `snoozed` hides what is beneath. `finding`, `value` and
    `count` are those of the last step, as `Verdict` has them.
    """

    subject: str
    status: Status
    shown: ShownStatus
    since: datetime
    snoozed_until: datetime | None
    finding: Finding
    value: float | None
    count: int


@dataclass(frozen=True, slots=True)
class RuleState:
    """A rule and all its states, firing ones first. `problem`: why it cannot be evaluated."""

    rule: Rule
    states: Sequence[SubjectState]
    snoozed_until: datetime | None
    problem: str | None

    @property
    def shown(self) -> ShownStatus:
        """The one status that says most: of the model for which it is worst."""
        if not self.rule.is_enabled:
            return "off"
        if self.snoozed_until is not None:
            return "snoozed"
        return min((state.shown for state in self.states), key=ORDER.index, default="no_data")


ORDER: tuple[ShownStatus, ...] = ("firing", "recovered", "snoozed", "ok", "no_data", "off")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A transition. `query` leads to its traces in the list; so many `messages` were made, so many `sent`."""

    id: UUID
    rule_id: str
    subject: str
    status: Status
    before: Status
    at: datetime
    is_told: bool
    value: float | None
    count: int
    title: str
    body: str
    query: str
    evidence: Evidence
    messages: int
    sent: int


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts go. `service`: its kind, like Slack, never an address. `problem`: why it takes nothing."""

    id: str
    service: str
    seen_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    problem: str | None
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The last step. `problems`: rule id to why it could not be evaluated."""

    evaluated_at: datetime
    duration_ms: int
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Overview:
    """All that there is to say about the alerts now. `evaluation` None: there was none yet."""

    rules: Sequence[RuleState]
    channels: Sequence[Channel]
    evaluation: Evaluation | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """What a viewer has claimed to send. `id` is the key by which a receiver tells a repeat.

    `may_be_repeat`: of a try before this one nobody knows whether it arrived, as its viewer ended in it or
    the channel gave no answer in time.
    """

    id: UUID
    tries: int
    may_be_repeat: bool
    entry: HistoryEntry


def entry_from(row: Sequence[Any]) -> HistoryEntry:
    """The entry of a row of `sql/alerting/history.sql`."""
    first, document, messages, sent = row[:12], *row[12:]
    id_, rule_id, subject, status, before, at, is_told, value, count, title, body, query = first
    return HistoryEntry(
        id=id_,
        rule_id=rule_id,
        subject=subject,
        status=status,
        before=before,
        at=at,
        is_told=is_told,
        value=value,
        count=count,
        title=title,
        body=body,
        query=query,
        evidence=Evidence.from_document(document),
        messages=messages,
        sent=sent,
    )
