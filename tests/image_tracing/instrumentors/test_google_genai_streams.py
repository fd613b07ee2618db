"""Streams of `google-genai`: their attempt lasts until they have been read."""

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from types import AsyncGeneratorType, GeneratorType
from typing import Any

import pytest
from google.genai import models as sdk
from google.genai.errors import APIError
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.google_clients import (
    MODEL,
    AsyncClient,
    Client,
    SyncClient,
    close,
    close_async,
    without_warnings,
)
from tests.image_tracing.instrumentors.google_shapes import (
    FAILURES,
    USAGE,
    blocked,
    content,
    events,
    picture_part,
)
from tests.image_tracing.instrumentors.remembering import remember
from tests.image_tracing.instrumentors.servers import Answer, Api

import image_tracing

NewClient = Callable[..., Client]
STREAM = "generate_content_stream"
ARGUMENTS: dict[str, Any] = {"model": MODEL, "contents": "a red fox"}


@pytest.fixture(params=["sync", "async"])
def new_client(request: pytest.FixtureRequest, api: Api) -> NewClient:
    """Makes an instrumented client whose streams are read to their end."""
    image_tracing.instrument("google_genai")
    kind = SyncClient if request.param == "sync" else AsyncClient
    return lambda **options: kind(api.url, **options)


@pytest.fixture
def models(api: Api) -> Iterator[Any]:
    """The models of an instrumented client."""
    image_tracing.instrument("google_genai")
    client = SyncClient(api.url).client
    yield client.models
    close(client)


def text(words: str) -> dict[str, Any]:
    return content({"text": words}, reason=None)


def test_a_stream_is_one_attempt(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events(text("Here "), content(picture_part(picture()), reason=None), content()))

    given = new_client().call(STREAM)

    recorded = attempts.only
    assert len(given) == 3
    assert attempts.outcome == ("ok", None)
    assert recorded["image_generation.image.bytes"] == (len(picture()),)
    assert recorded["gen_ai.response.finish_reasons"] == ("STOP",)
    assert recorded["gen_ai.usage.image.output_tokens"] == USAGE["candidatesTokenCount"]
    assert (recorded["gen_ai.request.stream"], recorded["http.response.status_code"]) == (True, 200)
    assert 0 < recorded["gen_ai.response.time_to_first_chunk"] < 60


def test_pictures_of_several_pieces_add_up(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events(*(content(picture_part(picture(seed=n)), reason=None) for n in range(2)), content()))

    new_client().call(STREAM)

    assert attempts.only["image_generation.images.generated"] == 2


def test_a_stream_of_texts_is_not_recorded(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    api.answer(events(text("Here"), content()))

    assert len(new_client().call(STREAM, model="gemini-3.8-flash")) == 2
    assert attempts.all == []


WITHOUT_PICTURE: dict[str, tuple[list[dict[str, Any]], str]] = {
    "prompt blocked": ([blocked("PROHIBITED_CONTENT")], "refused"),
    "picture unsafe": ([text("Here "), content(reason="IMAGE_SAFETY")], "refused"),
    "no picture": ([text("No "), content(reason="NO_IMAGE")], "no_image"),
    "text": ([text("I can "), content({"text": "only describe it"})], "no_image"),
    "empty": ([], "no_image"),
}


@pytest.mark.parametrize("situation", WITHOUT_PICTURE)
def test_a_stream_without_picture_is_no_success(
    new_client: NewClient, api: Api, attempts: Attempts, situation: str
) -> None:
    chunks, outcome = WITHOUT_PICTURE[situation]
    api.answer(events(*chunks))

    new_client().call(STREAM)

    assert attempts.outcome == (outcome, outcome)


STREAM_FAILURES: dict[str, tuple[Answer, str]] = {
    **FAILURES,
    "cut body": (events(text("Here "), is_cut=True), "connection"),
    "malformed body": (Answer(body=b'data: {"candidates": [\r\n\r\n'), "server_error"),
}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    """What the SDK's own streams raised; to be asked for before `new_client`."""
    kept = [remember(monkeypatch, owner, STREAM) for owner in (sdk.Models, sdk.AsyncModels)]
    return lambda: [*kept[0], *kept[1]]


@pytest.mark.parametrize("situation", STREAM_FAILURES)
def test_a_stream_that_fails_has_its_class_and_raises_the_same_exception(
    seen: Callable[[], list[Any]], new_client: NewClient, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, error_class = STREAM_FAILURES[situation]
    api.answer(answer)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - its class is the SDK's affair
        new_client().call(STREAM)

    assert seen() == [raised.value]
    assert attempts.outcome == ("error", error_class)


def test_a_time_out_of_a_stream_is_one(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    api.answer(Answer(is_silent=True))

    with pytest.raises(Exception, match=r"(?i)timed out|timeout|^$"):
        new_client(timeout=200).call(STREAM)

    assert attempts.outcome == ("error", "timeout")


def test_an_error_in_the_middle_of_a_stream_is_no_success(
    new_client: NewClient, api: Api, attempts: Attempts
) -> None:
    error = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "overloaded"}}
    api.answer(events(text("Here "), error))

    # Older versions do not raise it.
    with contextlib.suppress(APIError):
        new_client().call(STREAM)

    assert attempts.outcome in {("error", "server_error"), ("no_image", "no_image")}


def test_a_stream_cut_after_its_picture_failed_with_it(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events(content(picture_part(picture()), reason=None), is_cut=True))

    with pytest.raises(Exception):  # noqa: B017, PT011 - its class is the SDK's affair
        new_client().call(STREAM)

    assert attempts.outcome == ("error", "connection")
    assert attempts.only["image_generation.image.bytes"] == (len(picture()),)


def test_a_stream_stays_a_generator(models: Any, api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(events(content(picture_part(picture()))))

    stream = models.generate_content_stream(**ARGUMENTS)

    assert type(stream) is GeneratorType
    assert api.requests == []
    assert next(stream).candidates[0].content.parts[0].inline_data.data == picture()
    assert attempts.all == []
    assert list(stream) == []
    assert attempts.outcome == ("ok", None)


def test_a_stream_left_before_its_picture_gave_none(models: Any, api: Api, attempts: Attempts) -> None:
    api.answer(events(text("Here "), text("it ")))

    stream = models.generate_content_stream(**ARGUMENTS)
    next(stream)
    stream.close()

    assert attempts.outcome[0] != "ok"


def test_a_stream_left_after_its_picture_succeeded(
    models: Any, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(events(content(picture_part(picture()), reason=None), content()))

    next(models.generate_content_stream(**ARGUMENTS))
    gc.collect()

    assert attempts.outcome == ("ok", None)


def test_an_asynchronous_stream_can_be_left(api: Api, attempts: Attempts, picture: Pictures) -> None:
    image_tracing.instrument("google_genai")
    api.answer(events(content(picture_part(picture()), reason=None), content()))

    async def read() -> None:
        client = AsyncClient(api.url).client
        stream = await client.aio.models.generate_content_stream(**ARGUMENTS)
        assert type(stream) is AsyncGeneratorType
        with without_warnings():
            await anext(stream)
        await stream.aclose()
        await close_async(client)

    asyncio.run(read())

    assert attempts.outcome == ("ok", None)
