"""The form of a rule: its fields as people fill them in, and what they say as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Literal

from image_tracing_postgres.alerting.rules import (
    ATTEMPT_KINDS,
    CHECKS,
    DEFAULTS,
    FILTER_NAMES,
    KINDS,
    InvalidRuleError,
    Kind,
    Range,
    Rule,
    fields_of,
)
from image_tracing_viewer.query import ERROR_CLASSES, OUTCOMES, STATUSES, shown

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
    """One field. `kind`: how it is filled in. `least`, `most`: of a number, empty where there is no end."""

    name: str
    label: str
    value: str
    kind: Literal["number", "check", "text", "choice"]
    unit: str = ""
    choices: Sequence[str] = ()
    step: str = "1"
    least: str = "0"
    most: str = ""


# Labels, units of the form, and how many of the rule's own unit one of them is.
_LIMITS: Final[Mapping[str, tuple[str, str, float]]] = {
    "failures": ("Failures in a row", "", 1),
    "lasting_seconds": ("Lasting at least", "seconds", 1),
    "share": ("Fires from", "percent", 0.01),
    "duration_ms": ("Fires from", "seconds", 1000),
    "objective": ("Objective", "percent", 0.01),
    "window_minutes": ("Looks back", "minutes", 1),
    "minimum_count": ("Judged from", "", 1),
    "cooldown_minutes": ("Told again after", "minutes", 1),
}
# What is counted, where the rule counts it.
_COUNTED: Final[Mapping[str, Mapping[Kind, str]]] = {
    "minimum_count": {kind: "attempts" if kind in ATTEMPT_KINDS else "generations" for kind in KINDS}
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
            filled = given.get(name, "") if given is not None else _shown(value, factor)
            step = "any" if factor != 1 else "1"
            least, most = _ends(name)
            label, unit = _label(kind, name, label), unit or _COUNTED.get(name, {}).get(kind, "")
            found.append(Field(name, label, filled, "number", unit, step=step, least=least, most=most))
    return found


def problem_of(form: Mapping[str, str], kind: Kind) -> str | None:
    """What is wrong with a number of the form, in its own words and units; the first if there are several."""
    for field in fields_of_form(kind, None, form):
        if field.name not in form:
            continue
        number = _number(field.value, field.name)
        check = CHECKS[field.name]
        try:
            check.checked(field.name, number)
        except InvalidRuleError:
            whole = "a whole number" if field.step == "1" else "a number"
            unit = f" {field.unit}" if field.unit else ""
            found = shown(field.value) if field.value else "nothing"
            return f"{field.label} has to be {whole} from {field.least} to {field.most}{unit}; found {found}"
    return None


def filters_of_form(rule: Rule | None, given: Mapping[str, str] | None = None) -> list[Field]:
    """The filters, those of the list but for its range."""
    kept: Mapping[str, Any] = rule.filters if rule is not None else {}
    found = []
    for name in FILTER_NAMES:
        value = given.get(f"filter_{name}", "") if given is not None else kept.get(name)
        label = _FILTER_WORDS.get(name, name.replace("_", " ").capitalize())
        choices = _CHOICES.get(name, ())
        kind: Literal["number", "text", "choice"] = (
            "choice" if choices else "number" if name in _NUMBERS else "text"
        )
        # 0 is a number of models too.
        filled = "" if value is None else str(value)
        found.append(Field(f"filter_{name}", label, filled, kind, choices=choices))
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
    if name == "minimum_count" and kind == "silence":
        return "Where usually at least"
    if name == "duration_ms" and kind == "time_to_picture":
        return "A picture within"
    return label


def _ends(name: str) -> tuple[str, str]:
    """The least and the most that a number may be, in the unit of the form."""
    check, factor = CHECKS[name], _LIMITS[name][2]
    return (_shown(check.least, factor), _shown(check.most, factor)) if isinstance(check, Range) else ("", "")


def _shown(value: Any, factor: float) -> str:
    return "" if value is None else f"{value / factor:.10g}"


def _number(text: str, name: str) -> float | int | str:
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return text
    scaled = number * _LIMITS[name][2]
    if not isfinite(scaled):
        return text
    # Whole milliseconds of 2.5 s, and shares without the dust of a division by a hundred.
    return round(scaled) if name in _WHOLE and abs(scaled - round(scaled)) < 1e-6 else round(scaled, 10)


def _filter(name: str, value: str) -> str | int:
    return (
        int(value) if name in _NUMBERS and value.isascii() and value.isdigit() and len(value) < 9 else value
    )
