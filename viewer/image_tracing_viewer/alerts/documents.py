"""The alerts as the JSON of the API."""

from datetime import datetime
from typing import Any

from image_tracing_postgres.alerting import Channel, HistoryEntry, Overview, RuleState, SubjectState
from image_tracing_postgres.alerting.sentences import found_value, limit
from image_tracing_viewer.formats import iso

Json = dict[str, Any]


def overview_document(overview: Overview) -> Json:
    """Rules with their states, channels, and the last step."""
    evaluation = overview.evaluation
    return {
        "rules": [rule_document(state) for state in overview.rules],
        "channels": [channel_document(channel) for channel in overview.channels],
        "evaluated_at": _moment(evaluation.evaluated_at if evaluation else None),
    }


def rule_document(state: RuleState) -> Json:
    """A rule as it can be written again, and beside it what is known of it."""
    return {
        **state.rule.document(),
        "told": limit(state.rule),
        "status": state.shown,
        "snoozed_until": _moment(state.snoozed_until),
        "problem": state.problem,
        "states": [_state_document(state.rule, each) for each in state.states],
    }


def entry_document(entry: HistoryEntry, *, traces: str) -> Json:
    """A line of the history; `traces` is the path of the list."""
    evidence = entry.evidence.document()
    return {
        "id": str(entry.id),
        "rule": entry.rule_id,
        "subject": entry.subject,
        "status": entry.status,
        "before": entry.before,
        "at": _moment(entry.at),
        "is_told": entry.is_told,
        "value": entry.value,
        "count": entry.count,
        "title": entry.title,
        "body": entry.body,
        "traces": f"{traces}?{entry.query}",
        "trace_ids": evidence["trace_ids"],
        "error_classes": evidence["error_classes"],
        "messages": entry.messages,
        "sent": entry.sent,
    }


def channel_document(channel: Channel) -> Json:
    """A channel: what it is and how it does, never its address."""
    return {
        "id": channel.id,
        "service": channel.service,
        "seen_at": _moment(channel.seen_at),
        "sent_at": _moment(channel.sent_at),
        "failed_at": _moment(channel.failed_at),
        "problem": channel.problem,
        "waiting": channel.waiting,
        "given_up": channel.given_up,
    }


def _state_document(rule: Any, state: SubjectState) -> Json:
    return {
        "subject": state.subject,
        "status": state.shown,
        "since": _moment(state.since),
        "snoozed_until": _moment(state.snoozed_until),
        "value": state.value,
        "count": state.count,
        "found": found_value(rule, state.value, state.count),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
