"""What figures say of a rule, at its limits."""

import pytest
from tests.image_tracing_postgres.alerting.conftest import NOON, NewRule

from image_tracing_postgres.alerting.figures import AttemptFigures, GenerationFigures, Spell
from image_tracing_postgres.alerting.verdicts import Verdict, spells_of, verdict_of


@pytest.mark.parametrize(
    ("run", "seconds", "recent_failed", "finding"),
    [
        (5, 30, 5, "breach"),
        (4, 60, 4, "between"),
        (5, 29, 5, "between"),
        (0, 0, 2, "clear"),
        (0, 0, 3, "between"),
    ],
)
def test_failures_in_a_row_have_to_last(
    new_rule: NewRule, run: int, seconds: float, recent_failed: int, finding: str
) -> None:
    figures = AttemptFigures("flux", 40, run=run, run_seconds=seconds, recent=10, recent_failed=recent_failed)

    assert verdict_of(new_rule(), figures) == Verdict(finding, run, 40)  # type: ignore[arg-type]


def test_fewer_attempts_than_a_row_needs_say_nothing(new_rule: NewRule) -> None:
    figures = AttemptFigures("flux", 4, failed=4, run=4, run_seconds=99, recent=4, recent_failed=4)

    assert verdict_of(new_rule(), figures).finding == "unknown"


@pytest.mark.parametrize(
    ("failed", "finding"), [(20, "breach"), (19, "between"), (15, "between"), (14, "clear"), (0, "clear")]
)
def test_a_rate_has_to_fall_well_below_its_limit(new_rule: NewRule, failed: int, finding: str) -> None:
    verdict = verdict_of(new_rule("failure_rate"), AttemptFigures("flux", 40, failed=failed))

    assert (verdict.finding, verdict.value) == (finding, failed / 40)


def test_too_few_attempts_have_no_rate(new_rule: NewRule) -> None:
    verdict = verdict_of(new_rule("failure_rate"), AttemptFigures("flux", 19, failed=19))

    assert verdict == Verdict("unknown", None, 19)


@pytest.mark.parametrize(
    ("p95_ms", "finding"), [(120_000, "breach"), (119_999, "between"), (80_000, "clear")]
)
def test_the_slowest_twentieth_decides(new_rule: NewRule, p95_ms: int, finding: str) -> None:
    verdict = verdict_of(new_rule("p95_duration"), AttemptFigures("flux", 40, p95_ms=p95_ms))

    assert verdict == Verdict(finding, p95_ms, 40)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "value"), [("fallback_rate", 0.75), ("failed_generations", 0.5)])
def test_generations_that_began_and_run_are_not_judged(new_rule: NewRule, kind: str, value: float) -> None:
    spell = Spell(began=100, ended=20, failed=10, fell_back=15)

    assert verdict_of(new_rule(kind), GenerationFigures((spell,))) == Verdict("breach", value, 20)


@pytest.mark.parametrize(
    ("now", "yesterday", "a_week_ago", "finding"),
    [
        (0, 10, 12, "breach"),
        (0, 10, None, "breach"),
        (0, 10, 3, "unknown"),
        (0, 9, 30, "unknown"),
        (0, None, None, "unknown"),
        (1, 90, 90, "clear"),
    ],
)
def test_silence_counts_where_there_usually_is_life(
    new_rule: NewRule, now: int, yesterday: int | None, a_week_ago: int | None, finding: str
) -> None:
    spells = (Spell(began=now), *(None if n is None else Spell(began=n) for n in (yesterday, a_week_ago)))

    assert verdict_of(new_rule("silence"), GenerationFigures(spells)).finding == finding


@pytest.mark.parametrize(
    ("late", "finding"),
    [
        # Of 100 each over 1 h, 5 min, 6 h and 30 min; five may be late.
        ((72, 72, 72, 72), "breach"),
        ((71, 100, 20, 20), "between"),
        ((100, 10, 25, 10), "clear"),
        ((30, 100, 30, 30), "breach"),
        ((5, 5, 5, 5), "clear"),
    ],
)
def test_a_budget_burns_in_both_windows(new_rule: NewRule, late: tuple[int, ...], finding: str) -> None:
    spells = tuple(Spell(judged=100, late=number) for number in late)

    assert verdict_of(new_rule("time_to_picture"), GenerationFigures(spells)).finding == finding


def test_too_few_generations_burn_no_budget(new_rule: NewRule) -> None:
    figures = GenerationFigures(tuple(Spell(judged=19, late=19) for _ in range(4)))

    assert verdict_of(new_rule("time_to_picture"), figures).finding == "unknown"


def test_silence_looks_at_the_same_time_a_day_and_a_week_before(new_rule: NewRule) -> None:
    spells = spells_of(new_rule("silence"), NOON)

    assert [(NOON - end).days for _, end in spells] == [0, 1, 7]
    assert {(end - start).total_seconds() for start, end in spells} == {1800}
