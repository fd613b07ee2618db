"""Streams of `openai` and its raw responses: their attempt lasts until they have been read."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from inspect import signature
from typing import Any

import openai
import openai.resources.images
import pytest
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.openai_clients import ARGUMENTS, AsyncClient, Client, SyncClient
from tests.image_tracing.instrumentors.openai_shapes import FAILURES, USAGE, completed, partial, pictures
from tests.image_tracing.instrumentors.servers import Answer, Api, events_answer

import image_tracing

NewClient = Callable[..., Client]
needs_streams = pytest.mark.skipif(
    "stream" not in signature(openai.resources.images.Images.generate).parameters,
    reason="this version of openai has no streams of pictures",
)
STREAM: dict[str, Any] = {**ARGUMENTS, "stream": True, "partial_images": 2}


@pytest.fixture(params=["sync", "async"])
def new_client(request: pytest.FixtureRequest, api: Api) -> NewClient:
    """Makes an instrumented client whose calls are read to their end."""
    image_tracing.instrument("openai")
    kind = SyncClient if request.param == "sync" else AsyncClient
    return lambda **options: kind(api.url, **options)


@pytest.fixture
def client(api: Api) -> Any:
    """An instrumented `openai.OpenAI`."""
    image_tracing.instrument("openai")
    with openai.OpenAI(api_key="k", base_url=api.url, max_retries=0) as client:
        yield client


@needs_streams
@pytest.mark.parametrize(("name", "kind"), [("generate", "image_generation"), ("edit", "image_edit")])
def test_only_the_last_picture_counts(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures, name: str, kind: str
) -> None:
    events = [partial(picture(seed=n), n, kind=kind) for n in range(2)]
    api.answer(events_answer([*events, completed(picture(seed=7), kind=kind)]))
    more = {"image": picture()} if name == "edit" else {}

    given = new_client().call(name, stream=True, partial_images=2, **more)

    assert [event.type for event in given] == [f"{kind}.partial_image"] * 2 + [f"{kind}.completed"]
    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.image.bytes"] == (len(picture(seed=7)),)
    assert attempts.only["gen_ai.usage.output_tokens"] == USAGE["output_tokens"]


@needs_streams
def test_a_stream_tells_when_its_first_piece_came(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([completed(picture())]))

    new_client().call(stream=True)

    assert attempts.only["gen_ai.request.stream"] is True
    assert 0 < attempts.only["gen_ai.response.time_to_first_chunk"] < 60


@needs_streams
def test_a_stream_cut_in_the_middle_failed(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([partial(picture(), 0)], is_cut=True))

    with pytest.raises(Exception, match=r"Connection error|peer closed connection"):
        new_client().call(stream=True, partial_images=1)

    assert attempts.outcome == ("error", "connection")


@needs_streams
def test_a_stream_that_ends_before_its_picture_gave_none(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([partial(picture(), 0)]))

    new_client().call(stream=True, partial_images=1)

    assert attempts.outcome == ("no_image", "no_image")


@needs_streams
def test_a_refusal_within_a_stream_is_one(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    error = {"code": "moderation_blocked", "message": "rejected", "type": "image_generation_user_error"}
    api.answer(events_answer([partial(picture(), 0), {"type": "error", "error": error}]))

    with pytest.raises(openai.APIError):
        new_client().call(stream=True, partial_images=1)

    assert attempts.outcome == ("error", "refused")


STREAM_FAILURES: dict[str, tuple[Answer, type[Exception], str]] = {
    # What comes as a stream is looked at event by event.
    **{name: each for name, each in FAILURES.items() if "body" not in name},
    "malformed body": (
        Answer(body=b'data: {"type": \n\n', headers={"content-type": "text/event-stream"}),
        ValueError,
        "server_error",
    ),
}


@needs_streams
@pytest.mark.parametrize("situation", STREAM_FAILURES)
def test_a_stream_that_fails_has_its_class(
    new_client: NewClient, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, error, error_class = STREAM_FAILURES[situation]
    api.answer(answer)
    client = new_client()

    with pytest.raises(error) as raised:
        client.call(stream=True)

    assert situation == "malformed body" or client.seen == [raised.value]
    assert attempts.outcome == ("error", error_class)


@needs_streams
def test_a_time_out_of_a_stream_is_one(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    api.answer(Answer(is_silent=True))

    with pytest.raises(openai.APITimeoutError):
        new_client(timeout=0.2).call(stream=True)

    assert attempts.outcome == ("error", "timeout")


@needs_streams
def test_a_stream_stays_what_it_is(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([completed(picture())]))

    stream = client.images.generate(**STREAM)

    assert type(stream) is openai.Stream
    assert stream.response.status_code == 200
    assert attempts.all == []
    assert next(stream).type == "image_generation.completed"
    assert list(stream) == []
    assert attempts.outcome == ("ok", None)


@needs_streams
def test_a_stream_read_to_its_end_is_freed_at_once(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([completed(picture())]))
    stream = client.images.generate(**STREAM)
    list(stream)
    kept = weakref.ref(stream)

    gc.disable()
    del stream
    gc.enable()

    assert kept() is None


@needs_streams
def test_a_stream_left_after_its_picture_succeeded(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([completed(picture())]))

    with client.images.generate(**STREAM) as stream:
        next(stream)

    assert attempts.outcome == ("ok", None)


@needs_streams
def test_a_stream_closed_before_its_picture_was_cancelled(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([partial(picture(), 0), completed(picture())]))

    with client.images.generate(**STREAM) as stream:
        next(stream)

    assert attempts.outcome == ("error", "cancelled")
    assert "close" not in vars(stream)


@needs_streams
def test_a_stream_thrown_away_ends_at_the_next_call(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([completed(picture())]))
    stream = client.images.generate(**STREAM)
    stream.response.close()
    del stream
    gc.collect()
    assert attempts.all == []

    list(client.images.generate(**STREAM))

    assert [(each.attributes or {})["image_generation.outcome"] for each in attempts.all] == ["error", "ok"]


@needs_streams
def test_a_stream_thrown_away_ends_with_the_program_if_nothing_follows(
    api: Api, interpreter: Callable[..., Any], picture: Pictures
) -> None:
    api.answer(events_answer([partial(picture(), 0), completed(picture())]))
    code = f"""
    import gc
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    trace.set_tracer_provider(provider)
    import image_tracing, openai
    image_tracing.instrument()
    with openai.OpenAI(api_key="k", base_url="{api.url}") as client:
        for event in client.images.generate(prompt="a red fox", model="m", stream=True):
            break
    del event
    gc.collect()
    """

    assert interpreter(code)["attributes"]["image_generation.error.category"] == "cancelled"


@needs_streams
def test_an_asynchronous_stream_closed_early_was_cancelled(
    api: Api, attempts: Attempts, picture: Pictures
) -> None:
    image_tracing.instrument("openai")
    api.answer(events_answer([partial(picture(), 0), completed(picture())]))

    async def look() -> None:
        async with (
            openai.AsyncOpenAI(api_key="k", base_url=api.url) as client,
            await client.images.generate(**STREAM) as stream,
        ):
            assert type(stream) is openai.AsyncStream
            await anext(stream)

    asyncio.run(look())

    assert attempts.outcome == ("error", "cancelled")


def test_an_asynchronous_call_cancelled_was_cancelled(
    api: Api, attempts: Attempts, picture: Pictures
) -> None:
    image_tracing.instrument("openai")
    api.answer(pictures(picture()))

    async def look() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=api.url) as client:
            task = asyncio.create_task(client.images.generate(**ARGUMENTS))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(look())

    assert attempts.outcome == ("error", "cancelled")


def test_an_asynchronous_call_cancelled_before_it_began_was_cancelled_without_a_warning(
    api: Api, attempts: Attempts, picture: Pictures, recwarn: pytest.WarningsRecorder
) -> None:
    image_tracing.instrument("openai")
    api.answer(pictures(picture()))

    async def look() -> None:
        async with openai.AsyncOpenAI(api_key="k", base_url=api.url) as client:
            task = asyncio.create_task(client.images.generate(**ARGUMENTS))
            task.cancel()
            await asyncio.wait([task])
            del task
            await client.images.generate(**ARGUMENTS)

    asyncio.run(look())

    outcomes = [(each.attributes or {})["image_generation.outcome"] for each in attempts.all]
    # Methods of older versions are coroutine functions: there has been no call yet.
    assert outcomes in (["error", "ok"], ["ok"])
    assert recwarn.list == []


def test_a_raw_response_is_read_for_its_pictures(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    response = client.images.with_raw_response.generate(**ARGUMENTS)

    assert response.headers["x-request-id"] == "req_of_this_call"
    assert attempts.only["image_generation.image.bytes"] == (len(picture()),)
    assert len(response.parse().data or []) == 1


@needs_streams
def test_a_raw_stream_is_followed(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events_answer([completed(picture())]))

    stream = client.images.with_raw_response.generate(**STREAM).parse()

    assert attempts.all == []
    assert len(list(stream)) == 1
    assert attempts.outcome == ("ok", None)


READERS: dict[str, Callable[[Any], object]] = {
    "parse": lambda response: response.parse(),
    "read": lambda response: response.read(),
    "json": lambda response: response.json(),
    "text": lambda response: response.text(),
}


@pytest.mark.parametrize("name", READERS)
def test_a_streamed_response_ends_when_it_is_read(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures, name: str
) -> None:
    api.answer(pictures(picture()))

    with client.images.with_streaming_response.generate(**ARGUMENTS) as response:
        assert attempts.all == []
        READERS[name](response)
        assert attempts.only["image_generation.image.bytes"] == (len(picture()),)


def test_a_streamed_response_read_elsewhere_had_a_picture(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    with client.images.with_streaming_response.generate(**ARGUMENTS) as response:
        assert picture()[:1] not in b"".join(response.iter_bytes())

    assert attempts.outcome == ("ok", None)


def test_a_streamed_response_that_nobody_read_had_none(
    client: openai.OpenAI, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    with client.images.with_streaming_response.generate(**ARGUMENTS):
        pass

    assert attempts.outcome == ("error", "cancelled")


def test_an_asynchronous_streamed_response_is_followed_too(
    api: Api, attempts: Attempts, picture: Pictures
) -> None:
    image_tracing.instrument("openai")
    api.answer(pictures(picture()))

    async def look() -> None:
        async with (
            openai.AsyncOpenAI(api_key="k", base_url=api.url) as client,
            client.images.with_streaming_response.generate(**ARGUMENTS) as response,
        ):
            await response.parse()

    asyncio.run(look())

    assert attempts.outcome == ("ok", None)
