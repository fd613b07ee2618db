"""Calls of the real `openai` client, against a server of ours that speaks its protocol."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.openai_clients import AsyncClient, Client, Offline, SyncClient
from tests.image_tracing.instrumentors.openai_shapes import (
    FAILURES,
    SAFETY,
    USAGE,
    encoded,
    pictures,
    refusal,
)
from tests.image_tracing.instrumentors.servers import Answer, Api, json_answer

import image_tracing
from image_tracing import attempt, current_generation, generation
from image_tracing_postgres import Store, rows_from

NewClient = Callable[..., Client]
WAYS: dict[str, dict[str, Any]] = {
    "generate": {},
    "edit": {"image": ("fox.png", b"\x89PNG", "image/png")},
    "create_variation": {"image": ("fox.png", b"\x89PNG", "image/png")},
}


@pytest.fixture(params=["sync", "async"])
def new_client(request: pytest.FixtureRequest, api: Api) -> NewClient:
    """Makes an instrumented client; options are those of `openai.OpenAI`."""
    image_tracing.instrument("openai")
    kind = SyncClient if request.param == "sync" else AsyncClient
    return lambda **options: kind(api.url, **options)


def test_a_call_is_an_attempt_of_its_own(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    new_client().call(size="64x48", quality="low", user="u-1", extra_headers={"x": "y"}, timeout=30)

    recorded = attempts.only
    assert attempts.span.name == "generate_content gpt-image-2"
    assert recorded["gen_ai.provider.name"] == "openai"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert recorded["image_generation.request"] == '{"quality":"low","size":"64x48","user":"u-1"}'
    assert (recorded["image_generation.size"], recorded["image_generation.quality"]) == ("64x48", "low")


def test_what_came_is_recorded(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    new_client().call()

    recorded = attempts.only
    assert recorded["image_generation.image.bytes"] == (len(picture()),)
    assert recorded["image_generation.image.mime_types"] == ("image/png",)
    assert recorded["gen_ai.response.id"] == "req_of_this_call"
    assert recorded["gen_ai.usage.input_tokens"] == USAGE["input_tokens"]
    assert recorded["gen_ai.usage.output_tokens"] == USAGE["output_tokens"]
    assert recorded["http.response.status_code"] == 200


def test_the_server_is_known_when_the_span_begins(new_client: NewClient, api: Api, spans: Spans) -> None:
    api.answer(pictures(b""))

    new_client().call()

    [span] = spans.finished()
    assert list(span.attributes or {})[5:7] == ["server.address", "server.port"]
    assert (span.attributes or {})["server.port"] == api.port


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai", "azure.ai.openai"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://max.ai/v1", "openai"),
    ],
)
def test_the_provider_is_told_by_the_server(url: str, provider: str, attempts: Attempts) -> None:
    image_tracing.instrument("openai")
    with pytest.raises(ConnectionError):
        Offline(api_key="k", base_url=url).images.generate(prompt="x")

    assert attempts.only["gen_ai.provider.name"] == provider


def test_the_azure_client_is_azure_wherever_it_points_to(
    api: Api, attempts: Attempts, picture: Pictures
) -> None:
    image_tracing.instrument("openai")
    api.answer(pictures(picture()))
    with openai.AzureOpenAI(api_key="k", api_version="2025-04-01-preview", azure_endpoint=api.url) as client:
        client.images.generate(prompt="x", model="my-deployment")

    assert attempts.only["gen_ai.provider.name"] == "azure.ai.openai"
    assert attempts.only["gen_ai.request.model"] == "my-deployment"


def test_an_id_in_the_reply_comes_before_that_of_the_request(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture(), id="img_1"))

    new_client().call()

    assert attempts.only["gen_ai.response.id"] == "img_1"


@pytest.mark.parametrize("name", ["edit", "create_variation"])
def test_pictures_are_edited_and_varied(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures, name: str
) -> None:
    api.answer(pictures(picture()))

    new_client().call(name, image=("fox.png", picture(), "image/png"), n=2)

    assert attempts.outcome == ("ok", None)
    assert attempts.only["gen_ai.request.choice.count"] == 2
    assert f"<bytes: {len(picture())} bytes>" in attempts.only["image_generation.request"]


def test_several_pictures_are_one_attempt(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture(seed=1), picture(seed=2), picture(seed=3)))

    new_client().call(n=3)

    assert attempts.only["image_generation.images.generated"] == 3
    assert attempts.only["gen_ai.request.choice.count"] == 3


def test_an_address_counts_as_a_picture(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    url = "https://pictures.example.org/1.png"
    api.answer(json_answer({"created": 1, "data": [{"url": url, "revised_prompt": "a fox, red"}]}))

    new_client().call(model="dall-e-3")

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.image.urls"] == (url,)
    assert attempts.only["image_generation.revised_prompt"] == "a fox, red"


def test_what_a_version_does_not_know_yet_is_seen(attempts: Attempts, picture: Pictures) -> None:
    class Reply(openai.BaseModel):
        created: int

    @attempt(model="m", provider="openai")
    def paint() -> Reply:
        return Reply.construct(created=1, data=[{"b64_json": encoded(picture())}], usage=USAGE)

    paint()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["gen_ai.usage.output_tokens"] == USAGE["output_tokens"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_has_its_class_and_is_the_same_exception(
    new_client: NewClient, api: Api, attempts: Attempts, situation: str, way: str
) -> None:
    answer, error, error_class = FAILURES[situation]
    api.answer(answer)
    client = new_client()

    with pytest.raises(error) as raised:
        client.call(way, **WAYS[way])

    assert client.seen == [raised.value]
    assert attempts.outcome == ("error", error_class)


@pytest.mark.parametrize("way", WAYS)
def test_a_time_out_is_one(new_client: NewClient, api: Api, attempts: Attempts, way: str) -> None:
    api.answer(Answer(is_silent=True))
    client = new_client(timeout=0.2)

    with pytest.raises(openai.APITimeoutError) as raised:
        client.call(way, **WAYS[way])

    assert client.seen == [raised.value]
    assert attempts.outcome == ("error", "timeout")


def test_a_failure_keeps_the_id_of_its_request(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    api.answer(refusal(400, "moderation_blocked", SAFETY))

    with pytest.raises(openai.BadRequestError):
        new_client().call()

    assert attempts.only["gen_ai.response.id"] == "req_of_this_call"
    assert attempts.only["http.response.status_code"] == 400


SUCCESSES_WITHOUT_PICTURE: dict[str, tuple[Answer, str, str]] = {
    "empty list": (json_answer({"created": 1, "data": []}), "no_image", "no_image"),
    "no list": (json_answer({"created": 1, "data": None}), "no_image", "no_image"),
    "nothing in it": (json_answer({"created": 1, "data": [{}]}), "no_image", "no_image"),
    "empty object": (json_answer({}), "no_image", "no_image"),
    "a page": (
        Answer(body=b"<html>Welcome</html>", headers={"content-type": "text/html"}), "no_image", "no_image"
    ),
    "no base64": (json_answer({"data": [{"b64_json": "(c) all rights reserved"}]}), "corrupt", "bad_image"),
    "half a picture": (
        json_answer({"data": [{"b64_json": encoded(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x30")}]}),
        "corrupt",
        "bad_image",
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("situation", SUCCESSES_WITHOUT_PICTURE)
def test_a_return_without_picture_is_no_success(
    new_client: NewClient, api: Api, attempts: Attempts, situation: str, way: str
) -> None:
    answer, outcome, error_class = SUCCESSES_WITHOUT_PICTURE[situation]
    api.answer(answer)
    client = new_client()

    assert client.call(way, **WAYS[way]) is client.seen[0]
    assert attempts.outcome == (outcome, error_class)


@pytest.mark.parametrize("way", WAYS)
def test_the_result_is_the_same_object(new_client: NewClient, api: Api, picture: Pictures, way: str) -> None:
    api.answer(pictures(picture()))
    client = new_client()

    result = client.call(way, **WAYS[way])

    assert client.seen[0] is result
    assert type(result) is openai.types.ImagesResponse


def test_what_was_sent_again_in_secret_is_counted(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    overloaded = json_answer({"error": {"message": "x"}}, status=503, retry_after_ms="1")
    api.answer(overloaded, overloaded, pictures(picture()))

    new_client(max_retries=2).call()

    assert len(api.requests) == 3
    assert attempts.only["http.request.resend_count"] == 2
    assert attempts.outcome == ("ok", None)


def test_what_was_sent_again_in_vain_is_counted(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    api.answer(json_answer({"error": {"message": "x"}}, status=503, retry_after_ms="1"))

    with pytest.raises(openai.InternalServerError):
        new_client(max_retries=1).call()

    assert attempts.only["http.request.resend_count"] == 1


def test_a_fallback_between_two_calls_is_one_generation(
    new_client: NewClient, api: Api, spans: Spans, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(refusal(400, "moderation_blocked", SAFETY), pictures(picture()))
    client = new_client()

    with generation(name="illustrate"):
        with pytest.raises(openai.BadRequestError):
            client.call()
        client.call(model="gpt-image-2-mini")
        identity = current_generation().generation_id

    root = spans.finished()[-1].attributes or {}
    assert root["image_generation.models.tried"] == ("gpt-image-2", "gpt-image-2-mini")
    assert root["image_generation.model_used"] == "gpt-image-2-mini"
    assert {(each.attributes or {})["image_generation.generation_id"] for each in attempts.all} == {identity}


def test_a_call_is_a_row(
    new_client: NewClient, api: Api, spans: Spans, database: str, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    new_client().call(size="64x48")

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    [made] = trace.attempts
    assert (trace.status, trace.model_used) == ("completed", "gpt-image-2")
    assert (made.provider, made.prompt, made.outcome) == ("openai", "a red fox", "ok")
    assert made.request["options"] == {"size": "64x48"}
    assert made.images[0].size_bytes == len(picture())


def test_without_instrumentation_nothing_is_recorded(
    new_client: NewClient, api: Api, spans: Spans, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    client = new_client()
    image_tracing.uninstrument("openai")

    client.call()

    assert spans.finished() == ()
