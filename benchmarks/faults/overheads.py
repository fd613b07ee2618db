"""Measures, in its own process, what a stack costs those who end spans; run by the bench only."""

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Callable

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from faults.generations import MODELS, SPANS, Generations, paint
from faults.order import Order
from faults.stacks import Tracing, say
from image_tracing import attempt
from image_tracing import attributes as names

_BIG: int = 10_000_000
_LAG_RATE: int = 200


class Timed(SpanProcessor):
    """Another processor, and how long each of its `on_end` took, in microseconds."""

    def __init__(self, inner: SpanProcessor) -> None:
        self._inner = inner
        self.taken_us: list[float] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._inner.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        began = time.perf_counter_ns()
        self._inner.on_end(span)
        self.taken_us.append((time.perf_counter_ns() - began) / 1_000)

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def quantile(values: list[float], share: float) -> float:
    """Nearest rank: always a value that occurred."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def in_a_loop(made: Generations, timed: Timed, spans: int) -> list[float]:
    timed.taken_us.clear()
    for _ in range(spans // SPANS):
        made.by_sdk()
    return list(timed.taken_us)


def paced(made: Generations, timed: Timed, spans: int) -> list[float]:
    timed.taken_us.clear()
    began = time.monotonic()
    for number in range(spans // SPANS):
        # 200 spans a second: what is measured is not a queue that is full.
        time.sleep(max(0.0, began + number * SPANS / 200 - time.monotonic()))
        made.by_sdk()
    return list(timed.taken_us)


def big_ms(timed: Timed) -> tuple[float, float]:
    """The median of nine: `on_end` of an SDK span, and a whole decorated call, with a prompt of 10 MB."""
    tracer = trace.get_tracer(names.SCOPE)
    calls = []
    timed.taken_us.clear()
    for number in range(9):
        prompt = f"{number} " + "a lighthouse " * (_BIG // 13)
        attributes = {names.ROLE: names.ROLE_ATTEMPT, names.REQUEST_MODEL: MODELS[1], names.PROMPT: prompt}
        tracer.start_span("generate_content", attributes=attributes).end()
    ends = list(timed.taken_us)
    for number in range(9):
        prompt = f"{number} " + "a lighthouse " * (_BIG // 13)
        began = time.perf_counter()
        paint(MODELS[1], prompt)
        calls.append((time.perf_counter() - began) * 1_000)
    return statistics.median(ends) / 1_000, statistics.median(calls)


@attempt(provider="huggingface")
async def paint_async(model: str, prompt: str) -> bytes:  # noqa: ARG001 - the decorator reads them
    return b"\x89PNG\r\n\x1a\n"


def lags_ms(seconds: float, after: Callable[[], None]) -> list[float]:
    """How late an event loop wakes who sleeps a millisecond, while it traces 200 attempts a second."""

    async def measure() -> list[float]:
        lags: list[float] = []
        end = time.perf_counter() + seconds

        async def tick() -> None:
            while (began := time.perf_counter()) < end:
                await asyncio.sleep(0.001)
                lags.append((time.perf_counter() - began - 0.001) * 1_000)

        async def work() -> None:
            number = 0
            began = time.perf_counter()
            while time.perf_counter() < end:
                number += 1
                await paint_async(MODELS[1], "a lighthouse at dusk " * 60)
                after()
                await asyncio.sleep(max(0.0, began + number / _LAG_RATE - time.perf_counter()))

        await asyncio.gather(tick(), work())
        return lags

    return asyncio.run(measure())


def main() -> None:
    order = Order.read(sys.argv[1])
    spans, seconds = json.loads(sys.argv[2])
    # Without a provider the decorators do nothing: the machine's own lag.
    lag_without = quantile(lags_ms(seconds, lambda: None), 0.99)
    tracing = Tracing(order, wrapped=Timed)
    timed = tracing.processor
    assert isinstance(timed, Timed)
    made = Generations(tracing.tally, random.Random(order.seed), prompt_bytes=1_500)
    in_a_loop(made, timed, 300)
    lag_with = quantile(lags_ms(seconds, tracing.tally.tell), 0.99)
    loop = in_a_loop(made, timed, spans)
    slow = paced(made, timed, int(200 * seconds))
    big_end, big_call = big_ms(timed)
    tracing.tally.tell()
    tracing.provider.force_flush(60_000)
    tracing.provider.shutdown()
    say(
        event="measured",
        loop_p50_us=quantile(loop, 0.5),
        loop_p99_us=quantile(loop, 0.99),
        paced_p50_us=quantile(slow, 0.5),
        paced_p99_us=quantile(slow, 0.99),
        big_end_ms=big_end,
        big_call_ms=big_call,
        lag_ms=lag_with - lag_without,
        refused=tracing.refused(),
    )


if __name__ == "__main__":
    main()
