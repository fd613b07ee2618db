"""Alert rules: what is watched, over which window, and from when on it is told."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

from image_tracing.attributes import ErrorClass
from image_tracing.errors import ImageTracingError
from image_tracing.storable import without_poison
from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.filters import parameters_of
from image_tracing_postgres.records import Filters

Kind = Literal[
    "failures_in_a_row",
    "failure_rate",
    "failed_generations",
    "fallback_rate",
    "p95_duration",
    "silence",
    "time_to_picture",
]
Source = Literal["preset", "viewer", "file"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# Those that look at attempts; the others look at generations.
ATTEMPT_KINDS: Final[frozenset[Kind]] = frozenset({"failures_in_a_row", "failure_rate", "p95_duration"})
SHARE_KINDS: Final[frozenset[Kind]] = frozenset({"failure_rate", "failed_generations", "fallback_rate"})
DURATION_KINDS: Final[frozenset[Kind]] = frozenset({"p95_duration", "time_to_picture"})
# What the request brought about says nothing about the model that got it: a fallback sees the prompts that
# nobody takes, and somebody who tries such a prompt again and again is no outage.
REQUEST_ERROR_CLASSES: Final[tuple[ErrorClass, ...]] = ("refused", "invalid_request", "cancelled")
# A window and one id say which traces; a rule says it anew at each step.
FILTER_NAMES: Final = tuple(name for name in Filters.__annotations__ if name not in ("id", "from_", "to"))

_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
# Where the viewer's form of a new rule is.
RESERVED_ID: Final = "new"
_NAME_LENGTH: Final = 200


class InvalidRuleError(ImageTracingError, ValueError):
    """A rule, or a file of rules, has something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. The fields that its kind does not have are None.

    `failures`: how many in a row. `share`: from above 0 to 1. `duration_ms`: the p95 that is too slow, or how
    long a picture may take. `objective`: the share of generations that shall give one in that time.
    `lasting_seconds`: how long failures in a row have to last, so that a hiccup is none.
    `each_model`: judged for each model by itself. `cooldown_minutes`: a firing that follows a told one within
    them is told only when it still lasts afterwards.
    """

    id: str
    name: str
    kind: Kind
    window_minutes: int = 30
    minimum_count: int = 1
    failures: int | None = None
    lasting_seconds: int | None = None
    share: float | None = None
    duration_ms: int | None = None
    objective: float | None = None
    each_model: bool = False
    filters: Filters = field(default_factory=Filters)
    cooldown_minutes: int = 15
    is_enabled: bool = True
    source: Source = "viewer"

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)

    @property
    def cooldown(self) -> timedelta:
        return timedelta(minutes=self.cooldown_minutes)

    def since(self, now: datetime) -> datetime:
        """When the window of a step at `now` begins."""
        return now - self.window

    def document(self) -> dict[str, Any]:
        """The rule as JSON, without the fields that its kind does not have; `rule_from` reads it back."""
        found = {name: getattr(self, name) for name in (*fields_of(self.kind), "source")}
        return found | {"filters": {name: value for name, value in self.filters.items() if value is not None}}


def rule_from(document: Mapping[str, Any], *, source: Source, base: Rule | None = None) -> Rule:
    """The rule that a JSON object or a table of a file says, checked; what it leaves out is as in `base`.

    Without a base the fields left out have the defaults of `Rule`, those of the kind as `DEFAULTS` says.

    Raises:
        InvalidRuleError: a field is unknown, missing, of another kind of rule, or outside its range.
    """
    if not isinstance(document, Mapping):
        raise InvalidRuleError(f"a rule has to be an object, not {_shown(document)}; give at least its kind")
    given = {name: value for name, value in document.items() if name != "source"}
    if base is not None and given.get("kind", base.kind) == base.kind:
        given = base.document() | given
        given.pop("source")
    kind = given.get("kind")
    if kind not in KINDS:
        raise InvalidRuleError(f"kind has to be one of {', '.join(KINDS)}, not {_shown(kind)}")
    accepted = fields_of(kind)
    for name in given:
        if name not in accepted:
            raise InvalidRuleError(
                f"a rule of the kind {kind} has no {_shown(name)}; accepted are {', '.join(accepted)}"
            )
    values: dict[str, Any] = {**DEFAULTS[kind], **given}
    checked: dict[str, Any] = {
        name: CHECKS[name].checked(name, value) for name, value in values.items() if name in CHECKS
    }
    return Rule(
        id=_id(values.get("id")),
        name=_name(values.get("name")),
        kind=kind,
        filters=_filters(values.get("filters", {})),
        source=source,
        **checked,
    )


def fields_of(kind: Kind) -> tuple[str, ...]:
    """The names that a rule of this kind has, beside `source`."""
    found = ["id", "name", "kind", *_LIMITS[kind], "filters", "cooldown_minutes", "is_enabled"]
    return (*found, "each_model") if kind in ATTEMPT_KINDS else tuple(found)


# What a new rule of a kind begins with; docs/alerts.md says how these were found.
DEFAULTS: Final[Mapping[Kind, Mapping[str, Any]]] = {
    "failures_in_a_row": {"failures": 5, "lasting_seconds": 30, "window_minutes": 180},
    "failure_rate": {"share": 0.5, "window_minutes": 15, "minimum_count": 20},
    "failed_generations": {"share": 0.4, "window_minutes": 15, "minimum_count": 20},
    "fallback_rate": {"share": 0.5, "window_minutes": 30, "minimum_count": 20},
    "p95_duration": {"duration_ms": 120_000, "window_minutes": 30, "minimum_count": 20},
    "silence": {"window_minutes": 30, "minimum_count": 10},
    "time_to_picture": {"duration_ms": 120_000, "objective": 0.95, "minimum_count": 20},
}


_LIMITS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "failures_in_a_row": ("failures", "lasting_seconds", "window_minutes"),
    "failure_rate": ("share", "window_minutes", "minimum_count"),
    "failed_generations": ("share", "window_minutes", "minimum_count"),
    "fallback_rate": ("share", "window_minutes", "minimum_count"),
    "p95_duration": ("duration_ms", "window_minutes", "minimum_count"),
    "silence": ("window_minutes", "minimum_count"),
    "time_to_picture": ("duration_ms", "objective", "minimum_count"),
}


@dataclass(frozen=True, slots=True)
class Range:
    """What a number of a rule may be: from `least` to `most`, whole or not."""

    least: float
    most: float
    is_whole: bool = True

    def checked(self, name: str, value: object) -> float:
        """The value if it is that; else InvalidRuleError."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # No number that is none is in a range; one of 400 digits is no float to ask that.
        if isinstance(value, int | float) and is_number and self.least <= value <= self.most:
            if not self.is_whole:
                return float(value)
            # A form and a JSON writer may both say 5.0.
            if value == int(value):
                return int(value)
        whole = "whole number" if self.is_whole else "number"
        raise InvalidRuleError(
            f"{name} has to be a {whole} from {self.least:g} to {self.most:g}, not {_shown(value)}"
        )

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        kind = "integer" if self.is_whole else "number"
        return {"type": kind, "minimum": self.least, "maximum": self.most}


class Claim:
    """A field that is true or false."""

    def checked(self, name: str, value: object) -> bool:
        """The value if it is that; else InvalidRuleError."""
        if not isinstance(value, bool):
            raise InvalidRuleError(f"{name} has to be true or false, not {_shown(value)}")
        return value

    def schema(self) -> dict[str, Any]:
        """As JSON Schema."""
        return {"type": "boolean"}


CHECKS: Final[Mapping[str, Range | Claim]] = {
    "window_minutes": Range(1, 1_440),
    "minimum_count": Range(1, 100_000),
    "failures": Range(2, 100),
    "lasting_seconds": Range(0, 3_600),
    "share": Range(0.01, 1, is_whole=False),
    "duration_ms": Range(1, 86_400_000),
    "objective": Range(0.9, 0.9999, is_whole=False),
    "cooldown_minutes": Range(0, 10_080),
    "each_model": Claim(),
    "is_enabled": Claim(),
}


def _id(value: object) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value) or value == RESERVED_ID:
        raise InvalidRuleError(
            f"id has to be 1 to 64 of a-z, 0-9, - and _, beginning and ending with a letter or digit, "
            f"and other than {RESERVED_ID!r}, not {_shown(value)}"
        )
    return value


def _name(value: object) -> str:
    if (
        not isinstance(value, str)
        or not value.strip()
        or len(value) > _NAME_LENGTH
        or not value.isprintable()
    ):
        raise InvalidRuleError(
            f"name has to be 1 to {_NAME_LENGTH} characters on one line, not {_shown(value)}; "
            "it is what the message says"
        )
    return value.strip()


def _filters(value: object) -> Filters:
    if not isinstance(value, Mapping):
        raise InvalidRuleError(f"filters has to be an object, not {_shown(value)}; like {{'model': 'flux'}}")
    given = {name: each for name, each in value.items() if each is not None and each != ""}
    _check_filter_names(given)
    for name, each in given.items():
        if isinstance(each, str) and (len(each) > _FILTER_LENGTH or without_poison(each) != each):
            raise InvalidRuleError(
                f"filters: {name} has to have at most {_FILTER_LENGTH} characters, no NUL and no half of a "
                f"surrogate pair, not {_shown(each)}"
            )
    filters = Filters()
    filters.update(given)  # type: ignore[typeddict-item]
    try:
        parameters_of(filters)
    except InvalidFilterError as error:
        raise InvalidRuleError(f"filters: {error}") from None
    return filters


_FILTER_LENGTH: Final = 2_000


def _check_filter_names(names: Collection[object]) -> None:
    for name in names:
        if name not in FILTER_NAMES:
            raise InvalidRuleError(
                f"filters has no {_shown(name)}; accepted are {', '.join(FILTER_NAMES)}; "
                "the window says from when to when"
            )


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:80] + "…"
