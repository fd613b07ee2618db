"""How a state follows verdicts, minute after minute."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.image_tracing_postgres.alerting.conftest import MINUTE, NOON, NewRule

from image_tracing_postgres.alerting.rules import Rule
from image_tracing_postgres.alerting.states import State, Transition, first_state, next_state
from image_tracing_postgres.alerting.verdicts import Verdict

LETTERS: dict[str, Any] = {"B": "breach", "-": "between", "c": "clear", "?": "unknown"}


def steps(
    rule: Rule, findings: str, *, snoozed: Sequence[int] = (), state: State | None = None
) -> tuple[State, list[tuple[int, Transition]]]:
    """The state after these findings, one a minute, and the transitions with their minutes."""
    state = state or first_state(NOON)
    transitions = []
    for minute, letter in enumerate(findings):
        state, transition = next_state(
            state,
            Verdict(LETTERS[letter], 1.0, 1),
            rule=rule,
            now=NOON + minute * MINUTE,
            is_snoozed=minute in snoozed,
        )
        if transition is not None:
            transitions.append((minute, transition))
    return state, transitions


def told(transitions: list[tuple[int, Transition]]) -> list[tuple[int, str]]:
    return [(minute, transition.status) for minute, transition in transitions if transition.is_told]


def test_a_breach_fires_at_once_and_is_told_once(new_rule: NewRule) -> None:
    state, transitions = steps(new_rule(), "cccBBBB")

    assert told(transitions) == [(3, "firing")]
    assert len(transitions) == 1
    assert (state.status, state.since) == ("firing", NOON + 3 * MINUTE)


def test_a_firing_ends_with_two_good_steps(new_rule: NewRule) -> None:
    state, transitions = steps(new_rule(), "BBcBc-cc")

    assert told(transitions) == [(0, "firing"), (7, "recovered")]
    assert state.status == "recovered"


def test_a_recovery_becomes_ok_in_silence(new_rule: NewRule) -> None:
    state, transitions = steps(new_rule(cooldown_minutes=5), "Bcc" + "c" * 6)

    assert state.status == "ok"
    assert len(transitions) == 2


@pytest.mark.parametrize(
    ("findings", "status"), [("?", "no_data"), ("c?", "no_data"), ("?c", "ok"), ("?-", "ok")]
)
def test_too_little_to_judge_is_no_data(new_rule: NewRule, findings: str, status: str) -> None:
    assert steps(new_rule(), findings)[0].status == status


def test_a_firing_lasts_while_nothing_is_heard(new_rule: NewRule) -> None:
    state, transitions = steps(new_rule(), "B" + "?" * 1439)

    assert state.status == "firing"
    assert len(transitions) == 1


def test_a_firing_of_which_nothing_is_heard_for_a_day_is_put_to_rest(new_rule: NewRule) -> None:
    _, transitions = steps(new_rule(), "B" + "?" * 1441)

    assert told(transitions) == [(0, "firing"), (1440, "no_data")]


def test_good_steps_count_across_steps_without_enough_to_judge(new_rule: NewRule) -> None:
    assert told(steps(new_rule(), "Bc??c")[1]) == [(0, "firing"), (4, "recovered")]


def test_a_second_firing_within_the_cooldown_is_held_back(new_rule: NewRule) -> None:
    _, transitions = steps(new_rule(cooldown_minutes=15), "BccBcc")

    assert told(transitions) == [(0, "firing"), (2, "recovered")]
    assert [transition.status for _, transition in transitions] == ["firing", "recovered"] * 2


def test_what_was_held_back_is_told_when_it_lasts(new_rule: NewRule) -> None:
    _, transitions = steps(new_rule(cooldown_minutes=10), "Bcc" + "B" * 10 + "cc")

    assert told(transitions) == [(0, "firing"), (2, "recovered"), (10, "firing"), (14, "recovered")]


def test_nothing_is_told_while_snoozed(new_rule: NewRule) -> None:
    _, transitions = steps(new_rule(), "BBcc", snoozed=range(4))

    assert told(transitions) == []
    assert len(transitions) == 2


def test_a_firing_that_outlasts_its_snooze_is_told(new_rule: NewRule) -> None:
    assert told(steps(new_rule(), "BBBBcc", snoozed=range(3))[1]) == [(3, "firing"), (5, "recovered")]


def test_a_recovery_of_what_nobody_heard_of_is_not_told(new_rule: NewRule) -> None:
    assert told(steps(new_rule(), "Bccc", snoozed=[0])[1]) == []


def test_silence_has_to_be_found_twice(new_rule: NewRule) -> None:
    rule = new_rule("silence")

    assert told(steps(rule, "cB?B-")[1]) == []
    assert told(steps(rule, "cBB")[1]) == [(2, "firing")]


def test_a_state_that_was_kept_goes_on(new_rule: NewRule) -> None:
    rule = new_rule()
    kept = steps(rule, "B")[0]

    state, transitions = steps(rule, "cc", state=kept)

    assert (state.status, told(transitions)) == ("recovered", [(1, "recovered")])
    assert state.told_at == NOON
