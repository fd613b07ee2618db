"""Spans that other programs could send: values that Postgres, JSON or Python's own decoder refuse."""

import random
import time
from itertools import cycle
from typing import Final

from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

from faults.generations import MODELS, Generations
from faults.tally import Tally
from image_tracing import attributes as names

_VALUES: Final[dict[str, dict[str, AttributeValue]]] = {
    "NUL": {names.PROMPT: "a\0b", names.LESSON_ID: "\0", names.REQUEST: '{"a": "\\u0000"}'},
    "surrogate": {names.PROMPT: "\ud800 fox", names.REQUEST: '{"a": "\\ud800"}', names.RESPONSE: "\udcff"},
    "NaN": {names.REQUEST: '{"scale": NaN, "steps": Infinity}', names.GUIDANCE_SCALE: float("nan")},
    "nesting": {
        names.REQUEST: "[" * 20_000 + "]" * 20_000,
        names.RESPONSE: '{"a":' * 5_000 + "1" + "}" * 5_000,
    },
    "number": {names.REQUEST: f'{{"seed": 1{"0" * 5_000}, "e": 1e400}}', names.ATTEMPT_NUMBER: 2**62},
    "time": {},
    "index": {names.LESSON_ID: "".join(map(chr, range(0x4E00, 0x4E00 + 5_000)))},
    "images": {names.IMAGES: '[{"index": "x", "width": 1e999}]', names.IMAGE_BYTES: (-(2**60), 2**62)},
}
# Beyond what a timestamp of Postgres, and beyond what a datetime of Python can hold.
_ENDS: Final = (10**22, 300_000_000_000 * 10**9, 1)


class Hostile:
    """Good generations, and among them every so many-th with an attempt of a hostile kind, each in turn."""

    def __init__(self, tally: Tally, chance: random.Random, made: Generations, *, every: int) -> None:
        self._tally = tally
        self._made = made
        self._every = every
        self._number = chance.randrange(every)
        self._kinds = cycle(_VALUES.items())
        self._ends = cycle(_ENDS)
        # Our own scope is trusted in places where others are not.
        self._tracers = cycle([trace.get_tracer(names.SCOPE), trace.get_tracer("somebody.else")])

    def generation(self) -> None:
        """A good one, or one hostile attempt."""
        self._number += 1
        if self._number % self._every:
            self._made.by_sdk()
            return
        try:
            self._attempt()
        except Exception:  # noqa: BLE001 - counted: tracing must not raise
            self._made.errors += 1
        self._tally.tell()

    def _attempt(self) -> None:
        kind, values = next(self._kinds)
        attributes: dict[str, AttributeValue] = {
            names.OPERATION_NAME: names.GENERATE_CONTENT,
            names.ROLE: names.ROLE_ATTEMPT,
            names.REQUEST_MODEL: MODELS[1],
            names.OUTCOME: "ok",
            **values,
        }
        span = next(self._tracers).start_span(
            "generate_content\0\ud800" if kind == "NUL" else "generate_content",
            context=trace.set_span_in_context(trace.INVALID_SPAN),
            attributes=attributes,
            start_time=-(10**20) if kind == "time" else time.time_ns(),
        )
        span.end(next(self._ends) if kind == "time" else None)
