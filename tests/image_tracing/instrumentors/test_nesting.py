"""A call is counted once, however many are around it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.openai_clients import AsyncClient, SyncClient
from tests.image_tracing.instrumentors.openai_shapes import USAGE, pictures, refusal
from tests.image_tracing.instrumentors.servers import Api, json_answer

import image_tracing
from image_tracing import attempt, generation, in_context


@pytest.fixture
def client(api: Api, picture: Pictures) -> SyncClient:
    """An instrumented client whose calls give a picture."""
    image_tracing.instrument("openai")
    api.answer(pictures(picture()))
    return SyncClient(api.url)


def test_a_decorated_function_learns_what_it_does_not_tell(client: SyncClient, attempts: Attempts) -> None:
    @attempt
    def paint() -> bytes:
        client.call(size="64x48")
        return b""

    paint()

    recorded = attempts.only
    assert attempts.span.name == "generate_content gpt-image-2"
    assert recorded["gen_ai.request.model"] == "gpt-image-2"
    assert recorded["gen_ai.provider.name"] == "openai"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert recorded["image_generation.request"] == '{"size":"64x48"}'
    assert recorded["gen_ai.usage.output_tokens"] == USAGE["output_tokens"]


def test_what_a_decorated_function_tells_stays(
    client: SyncClient, attempts: Attempts, picture: Pictures
) -> None:
    @attempt(provider="house")
    def paint(model: str, prompt: str, width: int) -> bytes:
        client.call(prompt=f"{prompt}, in oil", size="1x1")
        return picture(seed=9, width=width)

    paint("fox-1", "a fox", 80)

    recorded = attempts.only
    assert recorded["gen_ai.request.model"] == "fox-1"
    assert recorded["gen_ai.provider.name"] == "house"
    assert recorded["image_generation.prompt"] == "a fox"
    assert recorded["image_generation.request"] == '{"width":80}'
    assert recorded["image_generation.image.bytes"] == (len(picture(seed=9, width=80)),)


def test_the_model_of_a_call_is_tried_by_the_generation(client: SyncClient, spans: Spans) -> None:
    @attempt
    def paint() -> Any:
        return client.call()

    with generation(name="illustrate"):
        paint()

    root = spans.finished()[-1].attributes or {}
    assert root["image_generation.models.tried"] == ("gpt-image-2",)
    assert root["image_generation.model_used"] == "gpt-image-2"


def test_a_block_needs_to_tell_nothing(client: SyncClient, attempts: Attempts, picture: Pictures) -> None:
    with attempt(model="fox-1"):
        client.call()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.image.bytes"] == (len(picture()),)


def test_an_address_of_ones_own_has_the_measures_of_the_picture_behind_it(
    client: SyncClient, attempts: Attempts, picture: Pictures
) -> None:
    @attempt
    def paint() -> str:
        client.call()
        return "https://bucket.example.org/1.png"

    paint()

    assert attempts.only["image_generation.image.urls"] == ("https://bucket.example.org/1.png",)
    assert attempts.only["image_generation.image.bytes"] == (len(picture()),)


def test_an_exception_that_was_swallowed_says_why_nothing_came(
    client: SyncClient, api: Api, attempts: Attempts
) -> None:
    api.answer(refusal(429, "rate_limit_exceeded", "Rate limit reached"))

    @attempt
    def paint() -> None:
        with pytest.raises(openai.RateLimitError):
            client.call()

    paint()

    assert attempts.outcome == ("error", "rate_limited")
    assert "Rate limit reached" in attempts.only["image_generation.error.message"]


def test_several_calls_within_one_attempt_are_counted(
    client: SyncClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(refusal(500, None, "The server had an error"), pictures(picture()))

    @attempt
    def paint() -> Any:
        with pytest.raises(openai.InternalServerError):
            client.call(model="first")
        return client.call(model="second")

    paint()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["gen_ai.request.model"] == "first"
    assert attempts.only["image_generation.attempt.calls"] == 2


def test_calls_side_by_side_add_up(api: Api, attempts: Attempts, picture: Pictures) -> None:
    image_tracing.instrument("openai")
    api.answer(pictures(picture(seed=1)), pictures(picture(seed=2)), pictures(picture(seed=3)))

    @attempt
    async def paint() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=api.url) as client:
            await asyncio.gather(*(client.images.generate(prompt="a fox", model="m") for _ in range(3)))

    asyncio.run(paint())

    assert attempts.only["image_generation.images.generated"] == 3
    assert attempts.only["gen_ai.usage.output_tokens"] == 3 * USAGE["output_tokens"]


def test_tasks_side_by_side_are_attempts_of_their_own(
    api: Api, attempts: Attempts, spans: Spans, picture: Pictures
) -> None:
    image_tracing.instrument("openai")
    api.answer(pictures(picture()))

    async def paint() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=api.url) as client:
            await asyncio.gather(*(client.images.generate(prompt="x", model=f"m{n}") for n in range(3)))

    with generation(name="illustrate"):
        asyncio.run(paint())

    assert len(attempts.all) == 3
    root = spans.finished()[-1].attributes or {}
    assert root["image_generation.models.tried"] == ("m0", "m1", "m2")


def test_a_thread_with_the_context_belongs_to_the_attempt(client: SyncClient, attempts: Attempts) -> None:
    @attempt
    def paint() -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(in_context(client.call)).result()

    paint()

    assert attempts.outcome == ("ok", None)


def test_a_required_picture_may_come_from_a_call(client: SyncClient, attempts: Attempts) -> None:
    @attempt(require_image=True)
    def paint() -> None:
        client.call()

    paint()

    assert attempts.outcome == ("ok", None)


def test_a_usage_of_ones_own_is_not_overwritten(
    client: SyncClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(json_answer({"data": [{"url": "https://example.org/1.png"}]}))

    @attempt
    def paint() -> Any:
        client.call()
        return {"images": [picture()], "usage": {"input_tokens": 1, "output_tokens": 2}}

    paint()

    assert attempts.only["gen_ai.usage.output_tokens"] == 2


def test_suppressed_calls_are_not_recorded(client: SyncClient, spans: Spans) -> None:
    from opentelemetry import context

    token = context.attach(context.set_value("suppress_instrumentation", True))
    client.call()
    context.detach(token)

    assert spans.finished() == ()


def test_an_asynchronous_call_in_a_decorated_coroutine_is_part_of_it(
    api: Api, attempts: Attempts, picture: Pictures
) -> None:
    image_tracing.instrument("openai")
    api.answer(pictures(picture()))
    client = AsyncClient(api.url)

    @attempt(model="fox-1")
    async def paint() -> Any:
        return await client._call("generate", {})

    asyncio.run(paint())

    assert attempts.only["gen_ai.request.model"] == "fox-1"
    assert attempts.outcome == ("ok", None)
