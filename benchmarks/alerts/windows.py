"""The figures of a simulated service as of one moment, counted in memory as Postgres counts them."""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final

from alerts.traffic import Call, Request
from image_tracing_postgres.alerting.figures import AttemptFigures, GenerationFigures, Spell
from image_tracing_postgres.alerting.rules import REQUEST_ERROR_CLASSES, Rule
from image_tracing_postgres.alerting.verdicts import spells_of

# A Monday.
START: Final = datetime(2026, 1, 5, tzinfo=UTC)


def at(moment: float) -> datetime:
    """The time so many seconds after the start."""
    return START + timedelta(seconds=moment)


class CallWindow:
    """The ended calls of one model that started in the last so many seconds, bad requests left out."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._by_start: list[tuple[float, int, Call]] = []
        self._by_end: list[Call] = []
        self._durations: list[int] = []
        self._failed = 0
        self._excused: set[Call] = set()

    def add(self, call: Call) -> None:
        """Take a call that ended, no earlier than those before."""
        heappush(self._by_start, (call.start, call.request, call))
        self._by_end.append(call)
        insort(self._durations, call.duration_ms)
        self._failed += call.failed

    def excuse(self, call: Call) -> None:
        """Leave out a failed call that was added lately."""
        self._forget(call)
        self._excused.add(call)
        place = next(place for place in range(len(self._by_end) - 1, -1, -1) if self._by_end[place] == call)
        del self._by_end[place]

    def _forget(self, call: Call) -> None:
        del self._durations[bisect_left(self._durations, call.duration_ms)]
        self._failed -= call.failed

    def figures(self, subject: str, now: float, *, failures: int) -> AttemptFigures | None:
        """As of now; None where nothing started in the window."""
        since = now - self._seconds
        while self._by_start and self._by_start[0][0] < since:
            _, _, call = heappop(self._by_start)
            if call in self._excused:
                self._excused.discard(call)
            else:
                self._forget(call)
        count = len(self._durations)
        if not count:
            self._by_end.clear()
            return None
        run, run_began, recent, recent_failed, is_run = 0, now, 0, 0, True
        for call in reversed(self._by_end):
            if call.end < since or (not is_run and recent == 2 * failures):
                break
            if call.start < since:
                continue
            if is_run and call.failed:
                run, run_began = run + 1, min(run_began, call.start)
            else:
                is_run = False
            if recent < 2 * failures:
                recent, recent_failed = recent + 1, recent_failed + call.failed
        return AttemptFigures(
            subject=subject,
            count=count,
            failed=self._failed,
            run=run,
            run_seconds=now - run_began if run else 0.0,
            recent=recent,
            recent_failed=recent_failed,
            p95_ms=self._durations[math.ceil(0.95 * count) - 1],
        )


class RequestWindow:
    """The requests that began in the last so many seconds."""

    def __init__(self, seconds: float, *, limit_seconds: float) -> None:
        self._seconds = seconds
        self._limit = limit_seconds
        self._began: list[tuple[float, int]] = []
        self._running: dict[int, Request] = {}
        self._ended: list[tuple[float, bool, bool, bool]] = []
        self._sums = [0, 0, 0, 0]

    def begin(self, request: Request) -> None:
        heappush(self._began, (request.start, id(request)))
        self._running[id(request)] = request

    def end(self, request: Request) -> None:
        del self._running[id(request)]
        late = request.failed or request.end - request.start > self._limit
        facts = (request.failed, len(request.calls) > 1, late)
        heappush(self._ended, (request.start, *facts))
        self._count(1, facts)

    def spell(self, now: float) -> Spell:
        since = now - self._seconds
        while self._began and self._began[0][0] < since:
            heappop(self._began)
        while self._ended and self._ended[0][0] < since:
            _, *facts = heappop(self._ended)
            self._count(-1, facts)
        overdue = sum(since <= each.start < now - self._limit for each in self._running.values())
        ended, failed, fell_back, late = self._sums
        return Spell(len(self._began), ended, failed, fell_back, ended + overdue, late + overdue)

    def _count(self, sign: int, facts: Iterable[bool]) -> None:
        for place, fact in enumerate((True, *facts)):
            self._sums[place] += sign * fact


class Windows:
    """All windows of one service that the rules look at; fed with what began and ended since."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._calls: dict[float, dict[str, CallWindow]] = {}
        self._requests: dict[tuple[float, float], RequestWindow] = {}
        self._begun: list[float] = []
        self._failed: dict[int, list[Call]] = {}
        self._refused: set[int] = set()
        for rule in rules:
            if rule.each_model:
                self._calls.setdefault(rule.window.total_seconds(), {})
            else:
                for start, end in spells_of(rule, START):
                    if end == START:
                        self._requests.setdefault(self._key(rule, start), self._window(rule, start))

    def begin(self, request: Request) -> None:
        self._begun.append(request.start)
        for window in self._requests.values():
            window.begin(request)

    def end(self, request: Request) -> None:
        self._failed.pop(request.number, None)
        self._refused.discard(request.number)
        for window in self._requests.values():
            window.end(request)

    def add(self, call: Call) -> None:
        """Take a call that ended; a refused one excuses the others that failed for the same request."""
        if call.error_class in REQUEST_ERROR_CLASSES:
            for earlier in self._failed.pop(call.request, ()):
                for by_model in self._calls.values():
                    by_model[earlier.model].excuse(earlier)
            self._refused.add(call.request)
            return
        if call.failed and call.request in self._refused:
            return
        if call.failed:
            self._failed.setdefault(call.request, []).append(call)
        for seconds, by_model in self._calls.items():
            by_model.setdefault(call.model, CallWindow(seconds)).add(call)

    def attempts(self, rule: Rule, now: float) -> list[AttemptFigures]:
        by_model = self._calls[rule.window.total_seconds()]
        found = (window.figures(name, now, failures=rule.failures or 1) for name, window in by_model.items())
        return [figures for figures in found if figures is not None]

    def generations(self, rule: Rule, now: float) -> GenerationFigures:
        moment = at(now)
        spells: list[Spell | None] = []
        for start, end in spells_of(rule, moment):
            if end == moment:
                spells.append(self._requests[self._key(rule, START - (end - start))].spell(now))
            elif end <= at(self._begun[0] if self._begun else now):
                spells.append(None)
            else:
                first, last = ((each - START).total_seconds() for each in (start, end))
                spells.append(Spell(began=bisect_left(self._begun, last) - bisect_left(self._begun, first)))
        return GenerationFigures(tuple(spells))

    def _key(self, rule: Rule, start: datetime) -> tuple[float, float]:
        return (START - start).total_seconds(), (rule.duration_ms or math.inf) / 1000

    def _window(self, rule: Rule, start: datetime) -> RequestWindow:
        seconds, limit_seconds = self._key(rule, start)
        return RequestWindow(seconds, limit_seconds=limit_seconds)
