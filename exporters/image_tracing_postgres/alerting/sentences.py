"""What a transition says, in plain words: the title and body of a message and of a line of the history."""

from collections.abc import Mapping
from typing import Final

from image_tracing_postgres.alerting.evidence import Evidence
from image_tracing_postgres.alerting.rules import Kind, Rule
from image_tracing_postgres.alerting.states import Status, Transition
from image_tracing_postgres.alerting.verdicts import BURNS, Verdict

_HEADS: Final[Mapping[Status, str]] = {
    "firing": "Firing",
    "recovered": "Recovered",
    "no_data": "No data any more",
    "ok": "OK",
}
_SUBJECT_LENGTH: Final = 100
_CLASSES: Final = 4


def title(rule: Rule, subject: str, status: Status) -> str:
    """One line: `Firing: A model fails again and again: flux`."""
    return f"{_HEADS[status]}: {rule.name}" + (f": {harmless(subject)}" if subject else "")


def body(rule: Rule, transition: Transition, evidence: Evidence) -> str:
    """What was found, what the limit is, why attempts failed; without any content of a trace."""
    lines = [f"{_capital(found(rule, transition.verdict))}; the rule: {limit(rule)}."]
    if transition.status == "no_data":
        lines = ["Nothing has been heard for a day, so this alarm is put to rest."]
    if transition.status == "firing" and evidence.error_classes:
        known = {name or "unknown": number for name, number in evidence.error_classes.items()}
        told = [
            f"{number} \N{MULTIPLICATION SIGN} {harmless(name.replace('_', ' '))}"
            for name, number in known.items()
        ]
        more = [f"{len(told) - _CLASSES} more kinds"] if len(told) > _CLASSES else []
        lines.append(f"Errors: {', '.join(told[:_CLASSES] + more)}.")
    return "\n".join(lines)


def found(rule: Rule, verdict: Verdict) -> str:
    """What a window held: `7 failures in a row`, `62 % of 40 attempts failed`."""
    return _found(rule.kind, verdict.value, verdict.count)


def found_value(rule: Rule, value: float | None, count: int) -> str:
    """As `found`, for a value that was kept."""
    return _found(rule.kind, value, count)


def limit(rule: Rule) -> str:
    """What the rule asks for: `5 failures in a row within 3 h`."""
    window = f"within {minutes(rule.window_minutes)}"
    per = " of a model" if rule.each_model else ""
    attempts = f"of at least {rule.minimum_count} attempts{per}"
    generations = f"of at least {rule.minimum_count} generations"
    match rule.kind:
        case "failures_in_a_row":
            lasting = f", lasting {rule.lasting_seconds} s or more" if rule.lasting_seconds else ""
            return f"{rule.failures} failures{per} in a row {window}{lasting}"
        case "failure_rate":
            return f"{share(rule.share)} or more {attempts} failing {window}"
        case "failed_generations":
            return f"{share(rule.share)} or more {generations} failing {window}"
        case "fallback_rate":
            return f"{share(rule.share)} or more {generations} falling back {window}"
        case "p95_duration":
            return f"one in twenty {attempts} taking {seconds(rule.duration_ms)} or longer, {window}"
        case "silence":
            return (
                f"no generation {window}, where a day and a week before at least {rule.minimum_count} began"
            )
        case "time_to_picture":
            burns = ", or ".join(
                f"{factor:g} times as many as allowed over {minutes(long)} and over {minutes(short)}"
                for long, short, factor in BURNS
            )
            return (
                f"fewer than {share(rule.objective)} {generations} giving a picture within "
                f"{seconds(rule.duration_ms)}: {burns}"
            )


def harmless(name: str) -> str:
    """The name of a model for a chat: on one line, shortened, without what would call somebody."""
    line = "".join(character if character.isprintable() else " " for character in name)
    cut = line if len(line) <= _SUBJECT_LENGTH else line[: _SUBJECT_LENGTH - 1] + "…"
    # Word joiners: it looks the same, calls neither @everyone nor <!channel>, and is no link.
    for mark in ("@", "<", "](", "://"):
        cut = cut.replace(mark, f"{mark[0]}\u2060{mark[1:]}")
    return cut or "unknown model"


def minutes(number: int) -> str:
    """`45 min`, `3 h`, `1 d`."""
    for unit, size in (("d", 1_440), ("h", 60)):
        if number % size == 0:
            return f"{number // size} {unit}"
    return f"{number} min"


def seconds(duration_ms: float | None) -> str:
    """`850 ms`, `2.5 s`, `2 min`."""
    number = duration_ms or 0
    if number < 1000:
        return f"{number:g} ms"
    return f"{number / 60_000:g} min" if number % 60_000 == 0 else f"{number / 1000:.4g} s"


def share(value: float | None) -> str:
    """`62 %`, `99.95 %`."""
    return f"{(value or 0) * 100:.4g} %"


def _found(kind: Kind, value: float | None, count: int) -> str:
    match kind:
        case "failures_in_a_row":
            number = round(value or 0)
            return f"{number} failure{'' if number == 1 else 's'} in a row, of {count} attempts"
        case "failure_rate":
            return f"{_rate(value)} of {count} attempts failed"
        case "failed_generations":
            return f"{_rate(value)} of {count} generations failed"
        case "fallback_rate":
            return f"{_rate(value)} of {count} generations fell back"
        case "p95_duration":
            return (
                f"95 % of {count} attempts took at most {seconds(value)}"
                if value is not None
                else f"{count} attempts"
            )
        case "silence":
            if value:
                return f"{count} generations began"
            return "no generation began" + (f"; usually {count} do" if count else ", as at this time before")
        case "time_to_picture":
            return f"of {count} generations, {value or 0:.3g} times as many late or failed as allowed"


def _rate(value: float | None) -> str:
    return "too few to tell" if value is None else f"{value * 100:.3g} %"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
