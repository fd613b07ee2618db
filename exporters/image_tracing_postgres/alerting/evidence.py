"""The traces behind an alarm."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self, get_args
from urllib.parse import urlencode

from image_tracing.attributes import ErrorClass
from image_tracing_postgres.alerting.rules import Rule


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many traces there are, from when to when (exclusive) they began, and the ids of some, newest first.

    `error_classes`: how many of their failed attempts, or failed generations, have which class, most first.
    """

    number: int = 0
    from_: datetime | None = None
    to: datetime | None = None
    trace_ids: Sequence[str] = ()
    error_classes: Mapping[str, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON; `from_document` reads it back."""
        return {
            "traces": self.number,
            "from": self.from_ and _iso(self.from_),
            "to": self.to and _iso(self.to),
            "trace_ids": list(self.trace_ids),
            "error_classes": dict(self.error_classes),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            number=document["traces"],
            from_=document["from"] and datetime.fromisoformat(document["from"]),
            to=document["to"] and datetime.fromisoformat(document["to"]),
            trace_ids=document["trace_ids"],
            error_classes=document["error_classes"],
        )

    def query(self, rule: Rule, subject: str) -> str:
        """The query string with which the list shows these traces, and few others."""
        pairs = {name: str(value) for name, value in rule.filters.items() if value is not None}
        if subject:
            pairs["model"] = subject
        if rule.kind == "failed_generations":
            pairs.setdefault("status", "failed")
        if rule.kind == "fallback_rate":
            pairs.setdefault("least_models_tried", "2")
        # Those that gave a picture, late or by a fallback, have no class.
        have_all_one = sum(self.error_classes.values()) >= self.number and len(self.error_classes) == 1
        # Rows that others wrote may have any class, and the list refuses those.
        if have_all_one and (only := next(iter(self.error_classes))) in get_args(ErrorClass):
            pairs.setdefault("error_class", only)
        if self.from_ is not None and self.to is not None:
            pairs |= {"from": _iso(self.from_), "to": _iso(self.to)}
        return urlencode(pairs)


def evidence_of(row: Sequence[Any] | None) -> Evidence:
    """The evidence that a statement `…_behind` found."""
    if row is None or not row[0]:
        return Evidence()
    number, first, last, trace_ids, error_classes = row
    return Evidence(
        number=number,
        from_=first,
        to=last + timedelta(microseconds=1),
        trace_ids=list(dict.fromkeys(map(str, trace_ids))),
        error_classes=dict(Counter(error_classes or {}).most_common()),
    )


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
