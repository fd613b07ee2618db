"""What one look at a window says of a rule: broken, fine again, in between, or not enough to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from image_tracing_postgres.alerting.figures import AttemptFigures, Figures, GenerationFigures, Spell
from image_tracing_postgres.alerting.rules import Rule

Finding = Literal["breach", "between", "clear", "unknown"]

# A value that wavers around its limit must not ring at each turn: it has to come down to this share of it.
CLEAR_SHARE: Final = 0.75

# Long window, short window, how many times faster than allowed the budget burns: the first two alerts of the
# SRE workbook (2 % of thirty days' budget in an hour, 5 % in six), sre.google/workbook/alerting-on-slos.
BURNS: Final = ((60, 5, 14.4), (360, 30, 6.0))

# The same minutes of the clock, when there was life: nights are quiet by themselves.
_DAYS_BEFORE: Final = (1, 7)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`value` in the unit of the rule's limit, None if nothing was there; `count`: of how many it is."""

    finding: Finding
    value: float | None
    count: int


def spells_of(rule: Rule, now: datetime) -> Sequence[tuple[datetime, datetime]]:
    """The stretches of time, [from, to), whose generations a rule is judged by at `now`."""
    if rule.kind == "time_to_picture":
        return [
            (now - timedelta(minutes=minutes), now) for long, short, _ in BURNS for minutes in (long, short)
        ]
    windows = [(rule.since(now), now)]
    if rule.kind == "silence":
        windows += [
            (rule.since(now) - timedelta(days=days), now - timedelta(days=days)) for days in _DAYS_BEFORE
        ]
    return windows


def verdict_of(rule: Rule, figures: Figures) -> Verdict:
    """The verdict on what a window of this rule holds."""
    if isinstance(figures, AttemptFigures):
        return _of_attempts(rule, figures)
    return _of_generations(rule, figures)


def limit_of(rule: Rule) -> float | None:
    """The value from which on the rule is broken; None for silence and for an objective."""
    limits = {"failures_in_a_row": rule.failures, "p95_duration": rule.duration_ms}
    return limits.get(rule.kind, rule.share)


def _of_attempts(rule: Rule, figures: AttemptFigures) -> Verdict:
    if rule.kind == "failures_in_a_row":
        return _of_run(rule, figures)
    if figures.count < rule.minimum_count:
        return Verdict("unknown", None, figures.count)
    if rule.kind == "p95_duration":
        return _of_value(figures.p95_ms, rule.duration_ms, figures.count)
    return _of_value(figures.failed / figures.count, rule.share, figures.count)


def _of_run(rule: Rule, figures: AttemptFigures) -> Verdict:
    wanted = rule.failures or 0
    finding: Finding = "between"
    if figures.count < wanted:
        finding = "unknown"
    elif figures.run >= wanted and figures.run_seconds >= (rule.lasting_seconds or 0):
        finding = "breach"
    # One success among failures is no recovery.
    elif figures.recent_failed <= figures.recent // 4 and figures.run < wanted:
        finding = "clear"
    return Verdict(finding, figures.run, figures.count)


def _of_generations(rule: Rule, figures: GenerationFigures) -> Verdict:
    if rule.kind == "time_to_picture":
        return _of_burns(rule, figures.spells)
    spell = figures.spells[0] or Spell()
    if rule.kind == "silence":
        return _of_silence(rule, spell, figures.spells[1:])
    if spell.ended < rule.minimum_count:
        return Verdict("unknown", None, spell.ended)
    bad = spell.fell_back if rule.kind == "fallback_rate" else spell.failed
    return _of_value(bad / spell.ended, rule.share, spell.ended)


def _of_value(value: float | None, limit: float | None, count: int) -> Verdict:
    if value is None or limit is None:
        return Verdict("unknown", value, count)
    if value >= limit:
        return Verdict("breach", value, count)
    return Verdict("clear" if value < limit * CLEAR_SHARE else "between", value, count)


def _of_silence(rule: Rule, now: Spell, before: Sequence[Spell | None]) -> Verdict:
    if now.began:
        return Verdict("clear", now.began, now.began)
    usual = min((spell.began for spell in before if spell is not None), default=0)
    return Verdict("breach" if usual >= rule.minimum_count else "unknown", 0, usual)


def _of_burns(rule: Rule, spells: Sequence[Spell | None]) -> Verdict:
    budget = 1 - (rule.objective or 0)
    pairs = [
        (_burn(long, budget), _burn(short, budget), factor, long.judged if long else 0)
        for long, short, (_, _, factor) in zip(spells[::2], spells[1::2], BURNS, strict=True)
    ]
    judged = max(count for *_, count in pairs)
    value = max(min(long, short) for long, short, _, _ in pairs)
    if any(
        count >= rule.minimum_count and min(long, short) >= factor for long, short, factor, count in pairs
    ):
        return Verdict("breach", value, judged)
    if judged < rule.minimum_count:
        return Verdict("unknown", value, judged)
    is_clear = all(min(long, short) < factor * CLEAR_SHARE for long, short, factor, _ in pairs)
    return Verdict("clear" if is_clear else "between", value, judged)


def _burn(spell: Spell | None, budget: float) -> float:
    # Rounded: 30 of 100 late are six times 1 - 0.95.
    return round(spell.late / spell.judged / budget, 9) if spell is not None and spell.judged else 0.0
