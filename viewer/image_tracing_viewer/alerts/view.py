"""What the page of the alerts shows, in the words and the order of a reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from image_tracing_postgres.alerting import HistoryEntry, Overview, RuleState, SubjectState
from image_tracing_postgres.alerting.records import ShownStatus
from image_tracing_postgres.alerting.rules import Rule
from image_tracing_postgres.alerting.sentences import found_value, limit
from image_tracing_viewer import formats
from image_tracing_viewer.alerts.service import AlertService
from image_tracing_viewer.links import Links

WORDS: Final[dict[ShownStatus, str]] = {
    "ok": "OK",
    "firing": "Firing",
    "recovered": "Recovered",
    "snoozed": "Snoozed",
    "no_data": "No data",
    "off": "Off",
}
# How each looks: the icons and colours of the list.
_LOOKS: Final[dict[ShownStatus, str]] = {
    "ok": "completed",
    "firing": "failed",
    "recovered": "caveat",
    "snoozed": "snoozed",
    "no_data": "nothing",
    "off": "nothing",
}
_SOURCES: Final = {"preset": "preset", "viewer": "", "file": "from the file"}
SHOWN_STATES: Final = 20


@dataclass(frozen=True, slots=True)
class StateRow:
    """One model of a rule, or all of it."""

    subject: str
    name: str
    word: str
    look: str
    found: str
    since: datetime
    elapsed: str
    snoozed_until: datetime | None
    is_snoozed: bool


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule with its states. `edit` leads to its form."""

    id: str
    name: str
    limit: str
    filters: Sequence[tuple[str, str]]
    source: str
    word: str
    look: str
    is_enabled: bool
    is_changeable: bool
    snoozed_until: datetime | None
    problem: str | None
    states: Sequence[StateRow]
    hidden_states: int
    edit: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the history. `traces` leads to the traces behind it, `examples` to some one by one."""

    id: str
    word: str
    look: str
    title: str
    lines: Sequence[str]
    at: datetime
    told: str
    traces: str
    examples: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel, of this viewer or another one."""

    id: str
    name: str
    is_mine: bool
    problem: str | None
    sent_at: datetime | None
    failed_at: datetime | None
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True)
class AlertsView:
    """The page, with what fires first. `reach`: why not all are told. `older` leads on."""

    rules: Sequence[RuleRow]
    history: Sequence[HistoryRow]
    channels: Sequence[ChannelRow]
    problems: Sequence[str]
    evaluated_at: datetime | None
    interval: str
    summary: str
    reach: str
    older: str | None
    is_newest: bool


def alerts_view(
    overview: Overview,
    history: Sequence[HistoryEntry],
    *,
    service: AlertService,
    links: Links,
    older: str | None,
    is_newest: bool,
) -> AlertsView:
    """The page of these alerts."""
    channels = _channel_rows(overview, service)
    firing = sum(state.shown == "firing" for rule in overview.rules for state in rule.states)
    return AlertsView(
        rules=[
            _rule_row(state, links, overview.now)
            for state in sorted(overview.rules, key=lambda state: state.shown != "firing")
        ],
        history=[_history_row(entry, links) for entry in history],
        channels=channels,
        problems=service.problems_with(overview),
        evaluated_at=overview.evaluation.evaluated_at if overview.evaluation else None,
        interval=formats.elapsed(service.alerts.interval_seconds),
        summary=f"{formats.counted(firing, 'alert')} firing" if firing else "Nothing fires",
        reach=_reach(channels),
        older=older,
        is_newest=is_newest,
    )


def _reach(channels: Sequence[ChannelRow]) -> str:
    """What is wrong with how people are told; empty when nothing is."""
    broken = sum(channel.problem is not None for channel in channels)
    if not channels:
        return "Nobody is told: there is no channel"
    return f"{broken} of {formats.counted(len(channels), 'channel')} takes nothing" if broken else ""


def _rule_row(state: RuleState, links: Links, now: datetime) -> RuleRow:
    rule = state.rule
    return RuleRow(
        id=rule.id,
        name=rule.name,
        limit=limit(rule),
        filters=[
            (formats.words(name), formats.shortened(str(value), 60)) for name, value in rule.filters.items()
        ],
        source=_SOURCES[rule.source],
        word=WORDS[state.shown],
        look=_LOOKS[state.shown],
        is_enabled=rule.is_enabled,
        is_changeable=rule.source != "file",
        snoozed_until=state.snoozed_until,
        problem=state.problem,
        states=[_state_row(rule, each, now) for each in state.states[:SHOWN_STATES]],
        hidden_states=max(0, len(state.states) - SHOWN_STATES),
        edit=f"{links.alerts}/{rule.id}",
    )


def _state_row(rule: Rule, state: SubjectState, now: datetime) -> StateRow:
    found = found_value(rule, state.value, state.count)
    return StateRow(
        subject=state.subject,
        name=(formats.shortened(state.subject, 100) or "unknown model") if rule.each_model else "",
        word=WORDS[state.shown],
        look=_LOOKS[state.shown],
        found=found if state.finding != "unknown" or rule.kind == "silence" else _too_few(state.count),
        since=state.since,
        elapsed=formats.elapsed((now - state.since).total_seconds()),
        snoozed_until=state.snoozed_until,
        is_snoozed=state.shown == "snoozed",
    )


def _too_few(count: int) -> str:
    return f"too few to tell: {count:,}" if count else "nothing in the window"


def _history_row(entry: HistoryEntry, links: Links) -> HistoryRow:
    if not entry.is_told:
        told = "not sent: snoozed, or too soon after the one before"
    elif not entry.messages:
        told = "sent nowhere: no channel"
    else:
        told = f"sent to {entry.sent} of {formats.counted(entry.messages, 'channel')}"
    return HistoryRow(
        id=str(entry.id),
        word=WORDS[entry.status],
        look=_LOOKS[entry.status],
        title=entry.title.partition(": ")[2] or entry.title,
        lines=entry.body.splitlines(),
        at=entry.at,
        told=told,
        traces=f"{links.traces}?{entry.query}",
        examples=[(id_[:8], f"{links.trace_base}{id_}") for id_ in entry.evidence.trace_ids[:5]],
    )


def _channel_rows(overview: Overview, service: AlertService) -> list[ChannelRow]:
    problems = service.channel_problems
    mine = {channel.id: channel.name for channel in service.channels}
    rows = {
        channel.id: ChannelRow(
            id=channel.id,
            name=f"{channel.service} {channel.id[:6]}",
            is_mine=channel.id in mine,
            problem=problems.get(channel.id, channel.problem),
            sent_at=channel.sent_at,
            failed_at=channel.failed_at,
            waiting=channel.waiting,
            given_up=channel.given_up,
        )
        for channel in overview.channels
    }
    for id_, name in mine.items():
        # Not told to the database yet.
        rows.setdefault(id_, ChannelRow(id_, name, True, problems.get(id_), None, None, 0, 0))
    return list(rows.values())
