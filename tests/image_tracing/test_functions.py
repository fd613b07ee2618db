"""Functions of every kind keep what they are, and their spans cover what they really do."""

import asyncio
import functools
import gc
import inspect
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, assert_type

import pytest
from opentelemetry import trace

from image_tracing import attempt, current_attempt, current_generation, generation
from image_tracing.abandoned import end_abandoned

from ..conftest import Spans
from .conftest import Pictures


def outcome_of(spans: Spans) -> str | None:
    [span] = spans.finished()
    assert span.attributes is not None
    outcome = span.attributes["image_generation.outcome"]
    return outcome if isinstance(outcome, str) else None


@attempt
def plain(model: str, prompt: str = "a cat") -> bytes:
    """Paints."""
    return b""


@attempt(provider="local")
async def coroutine(model: str, *, seed: int = 1) -> bytes:
    return b""


@attempt
def generator(model: str) -> Iterator[int]:
    yield 1


@attempt
async def async_generator(model: str) -> AsyncIterator[int]:
    yield 1


def test_decorated_functions_keep_their_kind_name_and_signature() -> None:
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isgeneratorfunction(generator)
    assert inspect.isasyncgenfunction(async_generator)
    assert not inspect.iscoroutinefunction(plain)
    assert (plain.__name__, plain.__doc__) == ("plain", "Paints.")
    assert str(inspect.signature(plain)) == "(model: str, prompt: str = 'a cat') -> bytes"


def test_types_are_kept() -> None:
    """mypy reads this one."""
    assert_type(plain("flux"), bytes)
    assert_type(asyncio.run(coroutine("flux", seed=2)), bytes)
    assert_type(generator("flux"), Iterator[int])


class Painter:
    @attempt
    def method(self, model: str) -> bytes:
        return model.encode()

    @classmethod
    @attempt
    def inner_class_method(cls, model: str) -> bytes:
        return f"{cls.__name__} {model}".encode()

    @attempt
    @classmethod
    def outer_class_method(cls, model: str) -> bytes:
        return f"{cls.__name__} {model}".encode()

    @staticmethod
    @attempt
    def inner_static_method(model: str) -> bytes:
        return model.encode()

    @attempt
    @staticmethod
    def outer_static_method(model: str) -> bytes:
        return model.encode()

    def __call__(self, model: str) -> bytes:
        return model.encode()


def test_methods_of_every_kind_work_and_name_their_model(spans: Spans) -> None:
    painter = Painter()

    results = [
        painter.method("m"),
        Painter.inner_class_method("m"),
        painter.outer_class_method("m"),
        Painter.inner_static_method("m"),
        painter.outer_static_method("m"),
        attempt(painter)("m"),
        attempt(functools.partial(painter.method, "m"))(),
    ]

    assert results == [b"m", b"Painter m", b"Painter m", b"m", b"m", b"m", b"m"]
    # The partial wraps a method that is decorated already.
    assert [span.name for span in spans.finished()] == ["generate_content m"] * 8


def test_the_receiver_is_no_option(spans: Spans) -> None:
    Painter().method("m")

    [span] = spans.finished()
    assert "image_generation.request" not in (span.attributes or {})


def test_arguments_bound_by_a_partial_are_captured(spans: Spans) -> None:
    def paint(model: str, prompt: str, size: int) -> bytes:
        return b"x"

    attempt(functools.partial(paint, "flux", size=512))("a cat")

    [span] = spans.finished()
    assert span.attributes is not None
    assert span.name == "generate_content flux"
    assert span.attributes["image_generation.prompt"] == "a cat"
    assert span.attributes["image_generation.request"] == '{"size":512}'


def test_results_and_exceptions_are_the_very_objects(picture: Pictures) -> None:
    result, error = picture(), ValueError("x")

    def give(model: str) -> bytes:
        if model == "bad":
            raise error
        return result

    assert attempt(give)("good") is result
    with pytest.raises(ValueError, match="x") as caught:
        attempt(give)("bad")
    assert caught.value is error
    assert error.__context__ is None
    assert error.__cause__ is None


def test_a_coroutine_is_covered_until_it_ends(spans: Spans, picture: Pictures) -> None:
    @attempt
    async def paint(model: str) -> bytes:
        await asyncio.sleep(0.01)
        return picture()

    asyncio.run(paint("flux"))

    [span] = spans.finished()
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time >= 10_000_000
    assert outcome_of(spans) == "ok"


def test_a_plain_function_that_returns_a_coroutine_is_covered_too(spans: Spans, picture: Pictures) -> None:
    async def inner() -> bytes:
        await asyncio.sleep(0)
        assert current_attempt().model == "flux"
        return picture()

    @attempt
    def paint(model: str) -> Any:
        return inner()

    assert asyncio.run(paint("flux")) == picture()
    assert outcome_of(spans) == "ok"


async def inner(model: str) -> None:
    """Stands for a coroutine that a plain function returns."""


@pytest.mark.parametrize("decorator", [attempt, generation])
def test_a_coroutine_cancelled_before_its_first_step_has_failed_without_a_warning(
    decorator: Any, spans: Spans, recwarn: pytest.WarningsRecorder
) -> None:
    async def run() -> None:
        task = asyncio.create_task(decorator(lambda: inner("flux"))())
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    gc.collect()
    assert recwarn.list == []
    attempt(lambda: None)()

    attributes = spans.finished()[0].attributes or {}
    assert attributes["image_generation.error.category"] == "cancelled"
    assert "never awaited" in str(attributes["image_generation.error.message"])


def test_a_coroutine_that_nobody_awaits_is_warned_of_once_by_its_own_name(
    recwarn: pytest.WarningsRecorder,
) -> None:
    decorated: Any = attempt(lambda: inner("flux"))
    decorated()
    gc.collect()
    end_abandoned()

    [warning] = recwarn.list
    assert str(warning.message) == "coroutine 'inner' was never awaited"


def test_a_generator_that_nobody_began_ends_at_the_next_call(spans: Spans) -> None:
    attempt(lambda: (name for name in ["flux"]))()
    gc.collect()
    assert spans.finished() == ()

    attempt(lambda: None)()

    assert [span.name for span in spans.finished()] == ["generate_content"] * 2


def test_a_future_stays_the_same_object_and_is_covered(spans: Spans, picture: Pictures) -> None:
    with ThreadPoolExecutor(1) as pool:
        made: list[Future[bytes]] = []

        @attempt
        def paint(model: str) -> Future[bytes]:
            made.append(pool.submit(picture))
            return made[0]

        assert paint("flux") is made[0]
    assert outcome_of(spans) == "ok"


def test_cancelling_marks_the_generation_as_failed(spans: Spans) -> None:
    @generation
    async def illustrate() -> None:
        await asyncio.sleep(60)

    async def run() -> None:
        task = asyncio.create_task(illustrate())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())

    [span] = spans.finished()
    assert span.attributes is not None
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["image_generation.error.category"] == "cancelled"
    assert span.attributes["image_generation.error.message"] == "CancelledError"


@attempt
def stream(model: str, pictures: list[bytes]) -> Iterator[bytes]:
    try:
        for item in pictures:
            assert current_attempt().model == model
            yield item
    finally:
        assert current_attempt().model == model


def test_a_generator_ends_with_its_last_item(spans: Spans, picture: Pictures) -> None:
    iterator = stream("flux", [picture(), picture(seed=1)])
    assert spans.finished() == ()

    items = []
    for item in iterator:
        assert not trace.get_current_span().is_recording()
        assert current_attempt().model is None
        items.append(item)

    assert items == [picture(), picture(seed=1)]
    assert outcome_of(spans) == "ok"


def test_a_generator_ends_when_it_is_closed(spans: Spans, picture: Pictures) -> None:
    iterator = stream("flux", [picture(), picture(seed=1)])
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]

    assert outcome_of(spans) == "ok"


def test_a_generator_that_is_forgotten_ends(spans: Spans) -> None:
    iterator = stream("flux", [b"", b""])
    next(iterator)
    del iterator
    gc.collect()

    [span] = spans.finished()
    assert span.attributes is not None
    assert span.attributes["image_generation.error.category"] == "cancelled"


def test_what_a_generator_returns_at_its_end_is_not_counted_again(spans: Spans, picture: Pictures) -> None:
    @attempt
    def paint(model: str) -> Any:
        yield picture()
        return [picture()]

    list(paint("flux"))

    assert outcome_of(spans) == "ok"


def test_a_generator_receives_what_is_sent_and_thrown(spans: Spans) -> None:
    @attempt
    def paint(model: str) -> Any:
        received = []
        try:
            received.append((yield 1))
        except KeyError as error:
            received.append(error.args[0])
        received.append((yield 2))
        return received

    iterator = paint("flux")
    assert next(iterator) == 1
    assert iterator.throw(KeyError("thrown")) == 2
    with pytest.raises(StopIteration) as stop:
        iterator.send("sent")
    assert stop.value.value == ["thrown", "sent"]


def test_a_generator_that_raises_has_failed(spans: Spans) -> None:
    @attempt
    def paint(model: str) -> Iterator[int]:
        yield 1
        raise TimeoutError("late")

    with pytest.raises(TimeoutError):
        list(paint("flux"))

    assert outcome_of(spans) == "error"


@attempt
async def stream_async(model: str, pictures: list[bytes]) -> AsyncIterator[bytes]:
    try:
        for item in pictures:
            await asyncio.sleep(0)
            assert current_attempt().model == model
            yield item
    finally:
        await asyncio.sleep(0)
        assert current_attempt().model == model


def test_an_async_generator_ends_with_its_last_item(spans: Spans, picture: Pictures) -> None:
    async def run() -> list[bytes]:
        items = []
        async for item in stream_async("flux", [picture(), picture(seed=1)]):
            assert current_attempt().model is None
            items.append(item)
        return items

    assert asyncio.run(run()) == [picture(), picture(seed=1)]
    assert outcome_of(spans) == "ok"


def test_an_async_generator_may_be_closed_from_another_task(
    spans: Spans, picture: Pictures, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        iterator: Any = stream_async("flux", [picture(), picture(seed=1)])
        await asyncio.create_task(anext(iterator))
        await asyncio.create_task(iterator.aclose())
        assert not trace.get_current_span().is_recording()

    asyncio.run(run())

    assert outcome_of(spans) == "ok"
    assert "Failed to detach" not in caplog.text


def test_an_async_generator_that_is_forgotten_ends(spans: Spans, picture: Pictures) -> None:
    async def run() -> None:
        async for _ in stream_async("flux", [picture(), picture()]):
            break
        # Its closing is a task of the loop's own.
        while not spans.finished():
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(run(), 10))

    assert outcome_of(spans) == "ok"


def test_an_async_generator_whose_loop_ends_first_ends_too(
    spans: Spans, picture: Pictures, caplog: pytest.LogCaptureFixture
) -> None:
    kept = []

    async def run() -> None:
        kept.append(stream_async("flux", [picture(), picture()]))
        await anext(kept[0])

    asyncio.run(run())

    assert outcome_of(spans) == "ok"
    assert caplog.text == ""


def test_an_async_generator_receives_what_is_sent_and_thrown() -> None:
    @attempt
    async def paint(model: str) -> Any:
        try:
            assert (yield 1) == "sent"
            yield 2
        except KeyError:
            yield 3

    async def run() -> None:
        iterator = paint("flux")
        assert await anext(iterator) == 1
        assert await iterator.asend("sent") == 2
        assert await iterator.athrow(KeyError()) == 3
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)

    asyncio.run(run())


def test_a_block_may_be_left_in_another_task(spans: Spans, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        block = generation(name="g")
        await asyncio.create_task(block.__aenter__())
        await asyncio.create_task(block.__aexit__(None, None, None))

    asyncio.run(run())

    assert [span.name for span in spans.finished()] == ["invoke_workflow g"]
    assert "Failed to detach" not in caplog.text


def test_a_block_object_may_be_entered_again_and_within_itself(spans: Spans) -> None:
    block = generation(name="g")
    with block as outer:
        with block as inner:
            assert current_generation() is inner
        assert current_generation() is outer
    with block:
        pass

    assert len(spans.finished()) == 3


def test_awaiting_blocks_do_not_mix(spans: Spans) -> None:
    block = generation(name="g")

    async def one(number: int) -> None:
        async with block as g:
            await asyncio.sleep(0)
            assert current_generation() is g
            g.set_response({"number": number})

    async def run() -> None:
        await asyncio.gather(*(one(number) for number in range(5)))

    asyncio.run(run())

    responses = {(span.attributes or {})["image_generation.response"] for span in spans.finished()}
    assert responses == {f'{{"number":{number}}}' for number in range(5)}
