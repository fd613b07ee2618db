"""Alerts: rules that are looked at every minute, their states, their history, and what is to be sent."""

from image_tracing_postgres.alerting.alerts import Alerts, RuleConflictError, UnknownRuleError
from image_tracing_postgres.alerting.book import AlertRightsError
from image_tracing_postgres.alerting.outbox import Outbox
from image_tracing_postgres.alerting.records import (
    Channel,
    Evaluation,
    HistoryEntry,
    Message,
    Overview,
    RuleState,
    SubjectState,
)
from image_tracing_postgres.alerting.rules import InvalidRuleError, Rule

__all__ = [
    "AlertRightsError",
    "Alerts",
    "Channel",
    "Evaluation",
    "HistoryEntry",
    "InvalidRuleError",
    "Message",
    "Outbox",
    "Overview",
    "Rule",
    "RuleConflictError",
    "RuleState",
    "SubjectState",
    "UnknownRuleError",
]
