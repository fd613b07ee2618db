"""Weeks of one simulated service, each minute judged by the evaluation's own verdicts and states."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from alerts.traffic import MINUTE, Call, Incident, Request, Service
from alerts.windows import Windows, at
from image_tracing_postgres.alerting.rules import REQUEST_ERROR_CLASSES, Rule
from image_tracing_postgres.alerting.states import State, first_state, next_state
from image_tracing_postgres.alerting.verdicts import BURNS, verdict_of

STEP: Final = MINUTE
# What the exporter takes from a span's end to its row.
_STORED_AFTER: Final = 2.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """A firing that was told, `at` so many seconds after the start; `causes` are empty for a false one."""

    rule: str
    subject: str
    at: float
    causes: tuple[Incident, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """How an outage of a model was told. Steps count from the first one that could know; None: not at all.

    `calls`: how many of the model's calls failed in it by its own fault. `known_at`: when so many as the rule
    wants had failed in a row and were stored, None if not while it lasted. `steps_of_start`: as `steps`, from
    the outage's own start; fair where it `is_busy`: known within a minute.
    """

    incident: Incident
    calls: int
    known_at: float | None
    told_at: float | None
    steps: int | None
    steps_of_start: int | None

    @property
    def is_busy(self) -> bool:
        return self.known_at is not None and self.known_at - self.incident.start <= STEP


@dataclass
class Weeks:
    """What happened in a simulation."""

    service: Service
    requests: int = 0
    calls: int = 0
    alarms: list[Alarm] = field(default_factory=list)
    recoveries: int = 0
    outages: list[Outage] = field(default_factory=list)

    @property
    def false_alarms(self) -> list[Alarm]:
        return [alarm for alarm in self.alarms if not alarm.causes]

    @property
    def number(self) -> float:
        """How many weeks were simulated."""
        return self.service.end / (7 * 24 * 3600)


def simulated(service: Service, rules: Sequence[Rule]) -> Weeks:
    """The weeks of the service under these rules, evaluated once a minute."""
    weeks = Weeks(service)
    windows = Windows(rules)
    states: dict[tuple[str, str], State] = {}
    calls: dict[str, list[Call]] = {model.name: [] for model in service.models}
    # (rule, subject) and the times between which it fired, told.
    told: dict[tuple[str, str], list[list[float]]] = {}
    # Services do not begin on the minute.
    now = STEP
    for moment, what in events(service):
        while moment > now:
            _step(now, windows, rules, states, weeks, told)
            now += STEP
        if isinstance(what, Call):
            windows.add(what)
            weeks.calls += 1
        elif moment == what.start:
            windows.begin(what)
            weeks.requests += 1
        else:
            windows.end(what)
            if not any(call.error_class in REQUEST_ERROR_CLASSES for call in what.calls):
                for call in what.calls:
                    calls[call.model].append(call)
    for incident in service.incidents:
        if incident.trouble == "outage":
            weeks.outages.append(_outage(incident, calls[incident.model or ""], rules, told))
    return weeks


def events(service: Service) -> Iterator[tuple[float, Call | Request]]:
    """Beginnings of requests, ends of calls and ends of requests, each when it is in the database."""
    waiting: list[tuple[float, int, Call | Request]] = []
    number = 0
    for request in service.requests():
        while waiting and waiting[0][0] <= request.start:
            moment, _, what = heappop(waiting)
            yield moment, what
        yield request.start, request
        for call in request.calls:
            number += 1
            heappush(waiting, (call.end + _STORED_AFTER, number, call))
        number += 1
        heappush(waiting, (request.end + _STORED_AFTER, number, request))
    while waiting:
        moment, _, what = heappop(waiting)
        yield moment, what


def _step(
    now: float,
    windows: Windows,
    rules: Sequence[Rule],
    states: dict[tuple[str, str], State],
    weeks: Weeks,
    told: dict[tuple[str, str], list[list[float]]],
) -> None:
    moment = at(now)
    for rule in rules:
        found = windows.attempts(rule, now) if rule.each_model else [windows.generations(rule, now)]
        for figures in found:
            key = rule.id, figures.subject
            state, transition = next_state(
                states.get(key) or first_state(moment), verdict_of(rule, figures), rule=rule, now=moment
            )
            states[key] = state
            if transition is None or not transition.is_told:
                continue
            if transition.status == "firing":
                causes = _causes(weeks.service, rule, figures.subject, now)
                weeks.alarms.append(Alarm(rule.id, figures.subject, now, causes))
                told.setdefault(key, []).append([now, weeks.service.end])
            else:
                told[key][-1][1] = now
                weeks.recoveries += transition.status == "recovered"


def _causes(service: Service, rule: Rule, subject: str, now: float) -> tuple[Incident, ...]:
    minutes = max(long for long, _, _ in BURNS) if rule.kind == "time_to_picture" else rule.window_minutes
    since = now - minutes * MINUTE
    return tuple(
        incident
        for incident in service.incidents
        if incident.trouble in _EXPLAINS[rule.kind]
        and (not subject or incident.model == subject)
        and incident.is_felt_within(since, now)
    )


_FAILING: Final = ("outage", "brownout", "failing_drift")
_EXPLAINS: Final = {
    "failures_in_a_row": _FAILING,
    "failure_rate": _FAILING,
    "failed_generations": _FAILING,
    "fallback_rate": _FAILING,
    "p95_duration": ("slow_drift",),
    "silence": ("silence",),
    "time_to_picture": (*_FAILING, "slow_drift"),
}


def _outage(
    incident: Incident,
    calls: Sequence[Call],
    rules: Sequence[Rule],
    told: dict[tuple[str, str], list[list[float]]],
) -> Outage:
    wanted = next(rule.failures or 1 for rule in rules if rule.kind == "failures_in_a_row")
    failed, known_at = _knowledge(incident, calls, wanted)
    by_model = [rule.id for rule in rules if rule.kind in ("failures_in_a_row", "failure_rate")]
    # An alarm that rings already when the outage begins tells of it too.
    spans = [
        span
        for rule in by_model
        for span in told.get((rule, incident.model or ""), [])
        if span[0] < incident.end + 5 * STEP and span[1] > incident.start
    ]
    told_at = min((max(span[0], incident.start) for span in spans), default=None)
    return Outage(
        incident,
        failed,
        known_at,
        told_at,
        _steps(known_at, told_at),
        _steps(incident.start, told_at),
    )


def _knowledge(incident: Incident, calls: Sequence[Call], wanted: int) -> tuple[int, float | None]:
    """How many calls failed in an outage, and when so many as wanted had failed in a row.

    Pictures of calls that began before the outage may still come in and interrupt the row: what counts is the
    row after the last of them.
    """
    ended = sorted((call for call in calls if incident.start <= call.end), key=lambda call: call.end)
    failed = run = 0
    known_at: float | None = None
    for call in ended:
        if call.start >= incident.end:
            break
        failed += call.failed
        run = run + 1 if call.failed else 0
        if not run:
            known_at = None
        elif run == wanted:
            known_at = call.end + _STORED_AFTER
    if known_at is not None and _step_of(known_at) >= incident.end:
        # Over before a step could know.
        return failed, None
    return failed, known_at


def _steps(since: float | None, told_at: float | None) -> int | None:
    """Which step after a moment told it: the first one at or after it is 1; 1 also if it was told before."""
    if since is None or told_at is None:
        return None
    return max(1, round((told_at - _step_of(since)) / STEP) + 1)


def _step_of(moment: float) -> float:
    """When the first step at or after a moment is."""
    return -(-moment // STEP) * STEP
