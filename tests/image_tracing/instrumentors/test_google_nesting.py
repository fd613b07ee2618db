"""Ours around the official instrumentation of `google-genai`, and the other way round: one attempt."""

import asyncio
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.google_clients import (
    MODEL,
    AsyncClient,
    Client,
    SyncClient,
    close_async,
    without_warnings,
)
from tests.image_tracing.instrumentors.google_shapes import content, events, picture_part, pictures
from tests.image_tracing.instrumentors.servers import Api

import image_tracing
from image_tracing import attempt, generation
from image_tracing_postgres import Store, rows_from

SCOPE = "opentelemetry.instrumentation.google_genai"
pytest.importorskip(SCOPE, reason="the official instrumentation needs the newest OpenTelemetry")
official = import_module(SCOPE).GoogleGenAiSdkInstrumentor()


@pytest.fixture(params=["official below", "official above"])
def _instrumented(request: pytest.FixtureRequest, spans: Spans) -> Iterator[None]:
    """Both, one around the other."""
    steps: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (lambda: official.instrument(skip_dep_check=True), official.uninstrument),
        (
            lambda: image_tracing.instrument("google_genai"),
            lambda: image_tracing.uninstrument("google_genai"),
        ),
    ]
    if request.param == "official above":
        steps.reverse()
    for switch_on, _ in steps:
        switch_on()
    yield
    for _, switch_off in reversed(steps):
        switch_off()


@pytest.fixture(params=[SyncClient, AsyncClient], ids=["sync", "async"])
def client(request: pytest.FixtureRequest, api: Api, _instrumented: None) -> Client:
    client: Client = request.param(api.url)
    return client


def _official(spans: Spans) -> ReadableSpan:
    [span] = [
        span
        for span in spans.finished()
        if span.instrumentation_scope is not None and span.instrumentation_scope.name == SCOPE
    ]
    return span


def test_a_call_is_one_attempt(
    client: Client, api: Api, attempts: Attempts, spans: Spans, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    client.call()

    assert attempts.outcome == ("ok", None)
    assert _official(spans).name == f"generate_content {MODEL}"


def test_a_stream_is_one_attempt(
    client: Client, api: Api, attempts: Attempts, spans: Spans, picture: Pictures
) -> None:
    api.answer(events(content({"text": "Here"}, reason=None), content(picture_part(picture()))))

    assert len(client.call("generate_content_stream")) == 2

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.images.generated"] == 1
    assert (_official(spans).attributes or {})["gen_ai.response.finish_reasons"] == ("stop",)


def test_a_stream_that_fails_raises_as_ever(
    client: Client, api: Api, attempts: Attempts, spans: Spans
) -> None:
    api.answer(events(content({"text": "Here"}, reason=None), is_cut=True))

    with pytest.raises(Exception):  # noqa: B017, PT011 - its class is the SDK's affair
        client.call("generate_content_stream")

    assert attempts.outcome == ("error", "connection")
    assert not _official(spans).status.is_ok


def test_a_call_in_a_generation_is_a_row_with_one_attempt(
    request: pytest.FixtureRequest, client: Client, api: Api, spans: Spans, database: str, picture: Pictures
) -> None:
    if "official above" in request.node.name:
        reason = "rows: an attempt of theirs right above one of ours is not yet known to be the same"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    api.answer(pictures(picture()))

    with generation(name="illustrate"):
        client.call()

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()
    assert [made.outcome for made in trace.attempts] == ["ok"]


def test_a_decorated_function_around_both_is_one_attempt(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    @attempt(provider="house")
    def paint() -> Any:
        return client.call()

    paint()

    assert attempts.only["gen_ai.provider.name"] == "house"
    assert attempts.only["gen_ai.request.model"] == MODEL


@pytest.mark.usefixtures("_instrumented")
def test_an_asynchronous_stream_can_be_left(api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(events(content(picture_part(picture()), reason=None), content()))

    async def read() -> None:
        client = AsyncClient(api.url).client
        stream = await client.aio.models.generate_content_stream(model=MODEL, contents="a fox")
        with without_warnings():
            await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        await close_async(client)

    asyncio.run(read())

    assert attempts.outcome == ("ok", None)
