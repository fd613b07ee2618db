"""The state of a rule for one subject, and how a step changes it: a pure function, time handed in."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from image_tracing_postgres.alerting.rules import Kind, Rule
from image_tracing_postgres.alerting.verdicts import Verdict

Status = Literal["ok", "firing", "recovered", "no_data"]

# An alarm about something of which nothing is heard any more ends as "no data".
SILENT_END: Final = timedelta(hours=24)
# How many steps in a row have to say the same before a state follows.
CLEAR_STEPS: Final = 2
_BREACH_STEPS: Final[dict[Kind, int]] = {
    # After a time without a database, what waited comes in within a step.
    "silence": 2,
}


@dataclass(frozen=True, slots=True)
class State:
    """`is_told`: of a firing, whether it was told; of a recovery, whether its firing was.

    `told_at`: when the last firing was told. `heard_at`: when there was enough to judge for the last time.
    `breaches`, `clears`: how many steps in a row found that.
    """

    status: Status
    since: datetime
    is_told: bool = False
    told_at: datetime | None = None
    heard_at: datetime | None = None
    breaches: int = 0
    clears: int = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """A change worth a line in the history. `is_told`: whether the channels are to hear of it.

    A firing that was held back comes twice: when it began, and told, once its cooldown or snooze is over.
    """

    status: Status
    before: Status
    at: datetime
    is_told: bool
    verdict: Verdict


def first_state(now: datetime) -> State:
    """Of a subject that was never looked at."""
    return State("no_data", now)


def next_state(
    state: State, verdict: Verdict, *, rule: Rule, now: datetime, is_snoozed: bool = False
) -> tuple[State, Transition | None]:
    """The state after a step that came to this verdict, and the transition if there was one."""
    found = verdict.finding
    state = replace(
        state,
        breaches=state.breaches + 1 if found == "breach" else 0,
        # A step without enough to judge neither counts nor breaks the row.
        clears=state.clears + 1 if found == "clear" else state.clears if found == "unknown" else 0,
        heard_at=state.heard_at if found == "unknown" else now,
    )
    if state.status == "firing":
        return _after_firing(state, verdict, rule=rule, now=now, is_snoozed=is_snoozed)
    if found == "breach" and state.breaches >= _BREACH_STEPS.get(rule.kind, 1):
        is_told = not is_snoozed and _is_cool(state, rule, now)
        fired = replace(state, status="firing", since=now, clears=0)
        return _told(fired, verdict, before=state.status, now=now, is_told=is_told)
    if state.status == "recovered" and now - state.since < rule.cooldown:
        return state, None
    if found == "unknown":
        return _quietly(state, "no_data", now), None
    # A breach that is still too young changes nothing.
    return (state if found == "breach" else _quietly(state, "ok", now)), None


def _after_firing(
    state: State, verdict: Verdict, *, rule: Rule, now: datetime, is_snoozed: bool
) -> tuple[State, Transition | None]:
    if verdict.finding == "clear" and state.clears >= CLEAR_STEPS:
        ended = replace(state, status="recovered", since=now)
        return _ended(ended, verdict, now=now, is_snoozed=is_snoozed)
    if verdict.finding == "unknown" and now - (state.heard_at or state.since) >= SILENT_END:
        ended = replace(state, status="no_data", since=now)
        return _ended(ended, verdict, now=now, is_snoozed=is_snoozed)
    if verdict.finding == "breach" and not state.is_told and not is_snoozed and _is_cool(state, rule, now):
        return _told(state, verdict, before="firing", now=now, is_told=True)
    return state, None


def _is_cool(state: State, rule: Rule, now: datetime) -> bool:
    return state.told_at is None or now - state.told_at >= rule.cooldown


def _told(
    state: State, verdict: Verdict, *, before: Status, now: datetime, is_told: bool
) -> tuple[State, Transition]:
    state = replace(state, is_told=is_told, told_at=now if is_told else state.told_at)
    return state, Transition(state.status, before, now, is_told, verdict)


def _ended(state: State, verdict: Verdict, *, now: datetime, is_snoozed: bool) -> tuple[State, Transition]:
    """The end of a firing is told to those who heard of the firing."""
    state = replace(state, breaches=0, clears=0)
    is_told = state.is_told and not is_snoozed
    return state, Transition(state.status, "firing", now, is_told, verdict)


def _quietly(state: State, status: Status, now: datetime) -> State:
    return state if state.status == status else replace(state, status=status, since=now, is_told=False)
