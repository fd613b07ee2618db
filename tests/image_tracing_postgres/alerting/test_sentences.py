"""What people read, and what no model's name may do to them."""

import pytest
from tests.image_tracing_postgres.alerting.conftest import NewRule

from image_tracing_postgres.alerting.rules import KINDS
from image_tracing_postgres.alerting.sentences import found_value, harmless, limit, minutes, seconds, title


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("failures_in_a_row", 7.0, "7 failures in a row, of 40 attempts"),
        ("failures_in_a_row", 1.0, "1 failure in a row, of 40 attempts"),
        ("failure_rate", 0.625, "62.5 % of 40 attempts failed"),
        ("failure_rate", None, "too few to tell of 40 attempts failed"),
        ("failed_generations", 1.0, "100 % of 40 generations failed"),
        ("fallback_rate", 0.5, "50 % of 40 generations fell back"),
        ("p95_duration", 135_000.0, "95 % of 40 attempts took at most 135 s"),
        ("silence", 0.0, "no generation began; usually 40 do"),
        ("silence", 40.0, "40 generations began"),
        ("time_to_picture", 14.41, "of 40 generations, 14.4 times as many late or failed as allowed"),
    ],
)
def test_what_was_found_is_told_in_words(
    new_rule: NewRule, kind: str, value: float | None, told: str
) -> None:
    assert found_value(new_rule(kind), value, 40) == told


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_it_asks_for(new_rule: NewRule, kind: str) -> None:
    assert "None" not in limit(new_rule(kind))


def test_a_title_names_the_model(new_rule: NewRule) -> None:
    assert title(new_rule(), "flux", "firing") == "Firing: A rule: flux"
    assert title(new_rule(), "", "recovered") == "Recovered: A rule"


@pytest.mark.parametrize(
    "name",
    [
        "@everyone",
        "<!channel>",
        "a\nb",
        "\x1b[2J",
        "x" * 500,
        "[good](https://evil.example)",
        "<https://evil.example|good>",
    ],
)
def test_the_name_of_a_model_calls_nobody(name: str) -> None:
    shown = harmless(name)

    assert len(shown) <= 110
    assert "@everyone" not in shown
    assert "<!" not in shown
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert "](" not in shown
    assert "://" not in shown


def test_lengths_of_time_are_in_the_unit_of_a_reader() -> None:
    assert [minutes(number) for number in (45, 60, 180, 1440)] == ["45 min", "1 h", "3 h", "1 d"]
    assert [seconds(number) for number in (850, 2_500, 120_000)] == ["850 ms", "2.5 s", "2 min"]
