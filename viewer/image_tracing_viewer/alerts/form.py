"""The form of a rule: its fields as people fill them in, and what they say as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from image_tracing_postgres.alerting.rules import DEFAULTS, FILTER_NAMES, Kind, Rule, fields_of
from image_tracing_viewer.query import ERROR_CLASSES, OUTCOMES, STATUSES

KIND_WORDS: Final[Mapping[Kind, str]] = {
    "failures_in_a_row": "Failures in a row",
    "failure_rate": "Share of attempts that fail",
    "failed_generations": "Share of generations without a picture",
    "fallback_rate": "Share of generations that fall back",
    "p95_duration": "Slowest twentieth of the attempts",
    "silence": "Nothing arrives",
    "time_to_picture": "Time to picture, as an objective",
}

_CHOICES: Final[Mapping[str, Sequence[str]]] = {
    "status": STATUSES,
    "error_class": ERROR_CLASSES,
    "outcome": OUTCOMES,
}
_NUMBERS: Final = frozenset({"models_tried", "least_models_tried"})
_FILTER_WORDS: Final[Mapping[str, str]] = {
    "q": "Words in prompts",
    "lesson_id": "Lesson",
    "model": "Model",
    "models_tried": "Models tried",
    "least_models_tried": "Models tried, at least",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `kind`: how it is filled in. `factor`: how many of the rule's unit one of the form's is."""

    name: str
    label: str
    value: str
    kind: Literal["number", "check", "text", "choice"]
    unit: str = ""
    choices: Sequence[str] = ()
    step: str = "1"


# Labels, units of the form, and how many of the rule's own unit one of them is.
_LIMITS: Final[Mapping[str, tuple[str, str, float]]] = {
    "failures": ("Failures in a row", "", 1),
    "lasting_seconds": ("For at least", "seconds", 1),
    "share": ("From", "percent", 0.01),
    "duration_ms": ("Slower than", "seconds", 1000),
    "objective": ("For at least", "percent", 0.01),
    "window_minutes": ("Within", "minutes", 1),
    "minimum_count": ("Only from", "of them", 1),
    "cooldown_minutes": ("Told again not before", "minutes", 1),
}
_WHOLE: Final = frozenset(
    {"failures", "lasting_seconds", "duration_ms", "window_minutes", "minimum_count", "cooldown_minutes"}
)


def fields_of_form(kind: Kind, rule: Rule | None, given: Mapping[str, str] | None = None) -> list[Field]:
    """The limits of a rule of this kind; `given` is what a form that was refused had in them."""
    document: Mapping[str, Any] = rule.document() if rule is not None else DEFAULTS[kind]
    found = []
    for name in fields_of(kind):
        if name in _LIMITS:
            label, unit, factor = _LIMITS[name]
            value = document.get(name, {"cooldown_minutes": 15}.get(name))
            shown = given.get(name, "") if given is not None else _shown(value, factor)
            step = "any" if factor != 1 else "1"
            found.append(Field(name, _label(kind, name, label), shown, "number", unit, step=step))
    return found


def filters_of_form(rule: Rule | None, given: Mapping[str, str] | None = None) -> list[Field]:
    """The filters, those of the list but for its range."""
    kept: Mapping[str, Any] = rule.filters if rule is not None else {}
    found = []
    for name in FILTER_NAMES:
        value = (given.get(f"filter_{name}", "") if given is not None else kept.get(name)) or ""
        label = _FILTER_WORDS.get(name, name.replace("_", " ").capitalize())
        choices = _CHOICES.get(name, ())
        kind: Literal["number", "text", "choice"] = (
            "choice" if choices else "number" if name in _NUMBERS else "text"
        )
        found.append(Field(f"filter_{name}", label, str(value), kind, choices=choices))
    return found


def document_from(form: Mapping[str, str], kind: Kind) -> dict[str, Any]:
    """What a filled in form says, as JSON; what is no number stays a text, which the rule then refuses."""
    document: dict[str, Any] = {"kind": kind, "name": form.get("name", "")}
    for name in fields_of(kind):
        if name in _LIMITS and name in form:
            document[name] = _number(form[name], name)
        if name == "each_model":
            document[name] = form.get(name) == "on"
    document["is_enabled"] = form.get("is_enabled") == "on"
    document["filters"] = {
        name: _filter(name, value)
        for name in FILTER_NAMES
        if (value := form.get(f"filter_{name}", "").strip())
    }
    return document


def _label(kind: Kind, name: str, label: str) -> str:
    if name == "minimum_count":
        return {"silence": "Where there usually are", "time_to_picture": "Only from"}.get(kind, label)
    if name == "duration_ms" and kind == "time_to_picture":
        return "A picture within"
    return label


def _shown(value: Any, factor: float) -> str:
    return "" if value is None else f"{value / factor:.10g}"


def _number(text: str, name: str) -> float | int | str:
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return text
    scaled = number * _LIMITS[name][2]
    # Whole milliseconds of 2.5 s, and shares without the dust of a division by a hundred.
    return round(scaled) if name in _WHOLE and abs(scaled - round(scaled)) < 1e-6 else round(scaled, 10)


def _filter(name: str, value: str) -> str | int:
    return (
        int(value) if name in _NUMBERS and value.isascii() and value.isdigit() and len(value) < 9 else value
    )
