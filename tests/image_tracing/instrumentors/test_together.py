"""Calls of the real `together` client, against a server of ours that speaks its protocol."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest
import together
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.remembering import remember
from tests.image_tracing.instrumentors.servers import Answer, Api, json_answer
from together.resources import images as resources

import image_tracing
from image_tracing import attempt, generation
from image_tracing_postgres import Store, rows_from

FLUX = "black-forest-labs/FLUX.1-schnell"
IS_OLD = not hasattr(resources, "ImagesResource")
only_new = pytest.mark.skipif(IS_OLD, reason="came with together 2.0")


def pictures(*contents: bytes, **more: Any) -> Answer:
    """A reply with these pictures, after the API reference."""
    data = [
        {"index": index, "type": "b64_json", "b64_json": base64.b64encode(content).decode()}
        for index, content in enumerate(contents)
    ]
    return json_answer({"id": "o7-of-this-call", "model": FLUX, "object": "list", "data": data, **more})


def refusal(status: int, kind: str, message: str, *, code: str | None = None) -> Answer:
    """An error as the API tells it; never tried again."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json_answer({"id": "o7-failed", "error": error}, status=status, x_should_retry="false")


class Client:
    """One of the two clients; `call` is `images.generate(...)`, awaited where need be."""

    def __init__(self, url: str, *, is_async: bool, seen: list[Any], options: dict[str, Any]) -> None:
        self.seen = seen
        self._kind: Any = together.AsyncTogether if is_async else together.Together
        self._is_async = is_async
        self._options = {"api_key": "key", "base_url": f"{url}/v1", "max_retries": 0, **options}

    def call(self, **arguments: Any) -> Any:
        asked = {"prompt": "a red fox", "model": FLUX, "response_format": "base64", **arguments}
        if self._is_async:
            return asyncio.run(self._call(asked))
        client = self._kind(**self._options)
        try:
            return client.images.generate(**asked)
        finally:
            # Those of version 1 keep nothing open.
            if not IS_OLD:
                client.close()

    async def _call(self, asked: dict[str, Any]) -> Any:
        client = self._kind(**self._options)
        try:
            return await client.images.generate(**asked)
        finally:
            if not IS_OLD:
                await client.close()


@pytest.fixture(params=["sync", "async"])
def new_client(
    request: pytest.FixtureRequest, api: Api, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Client]:
    """Makes an instrumented client; options are those of `together.Together`."""
    is_async = request.param == "async"
    name = ("Async" if is_async else "") + ("Images" if IS_OLD else "ImagesResource")
    seen = remember(monkeypatch, getattr(resources, name), "generate")
    image_tracing.instrument("together")
    return lambda **options: Client(api.url, is_async=is_async, seen=seen, options=options)


@pytest.fixture
def client(new_client: Callable[..., Client]) -> Client:
    return new_client()


def test_a_call_is_an_attempt_of_its_own(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    client.call(width=64, height=48, steps=4, seed=7, negative_prompt="rain")

    recorded = attempts.only
    assert attempts.span.name == f"generate_content {FLUX}"
    assert recorded["gen_ai.provider.name"] == "together_ai"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert recorded["image_generation.negative_prompt"] == "rain"
    assert (recorded["image_generation.steps"], recorded["gen_ai.request.seed"]) == (4, 7)
    assert recorded["server.port"] == api.port
    assert attempts.outcome == ("ok", None)


def test_what_came_is_recorded(client: Client, api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(pictures(picture()))

    client.call(width=64, height=48)

    recorded = attempts.only
    assert recorded["image_generation.image.bytes"] == (len(picture()),)
    assert recorded["gen_ai.response.id"] == "o7-of-this-call"
    assert recorded["gen_ai.response.model"] == FLUX


def test_only_what_was_given_is_recorded(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    client.call(width=64, height=48, n=1)

    expected = '{"n":1,"height":48,"width":64,"response_format":"base64"}'
    if not IS_OLD:
        expected = '{"height":48,"n":1,"response_format":"base64","width":64}'
    assert attempts.only["image_generation.request"] == expected
    assert "gen_ai.request.choice.count" not in attempts.only


def test_several_pictures_are_one_attempt(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture(seed=1), picture(seed=2)))

    client.call(n=2)

    assert attempts.only["image_generation.images.generated"] == 2
    assert attempts.only["gen_ai.request.choice.count"] == 2


def test_an_address_counts_as_a_picture(client: Client, api: Api, attempts: Attempts) -> None:
    url = "https://api.together.ai/imgproxy/1.jpeg"
    api.answer(pictures(data=[{"index": 0, "type": "url", "url": url}]))

    client.call(response_format="url")

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.image.urls"] == (url,)


NSFW = "The image generation request was flagged: NSFW content detected in the prompt."
FAILURES: dict[str, tuple[Answer, str]] = {
    "refused in words": (refusal(422, "invalid_request_error", NSFW), "refused"),
    "refused by a code": (refusal(400, "invalid_request_error", "x", code="content_moderation"), "refused"),
    "rate limit": (
        refusal(429, "model_rate_limit", "You have reached the rate limit specific to this model."),
        "rate_limited",
    ),
    "rate limit in words": (
        refusal(429, "rate_limit", "Rate limit: 0.3 queries per second"),
        "rate_limited",
    ),
    "quota": (refusal(402, "credit_limit", "Credit limit exceeded, please add credits"), "quota"),
    "bad key": (
        refusal(401, "invalid_request_error", "Invalid API key provided", code="invalid_api_key"),
        "auth",
    ),
    "no access": (refusal(403, "invalid_request_error", "Unable to access non-serverless model"), "auth"),
    "no such model": (
        refusal(404, "invalid_request_error", "Unable to access model x", code="model_not_available"),
        "not_found",
    ),
    "bad steps": (
        refusal(400, "invalid_request_error", "steps must be between 1 and 4"),
        "invalid_request",
    ),
    "server error": (refusal(500, "server_error", "Internal server error"), "server_error"),
    "overloaded": (
        refusal(503, "service_unavailable", "The server is overloaded or not ready yet."),
        "server_error",
    ),
    "gateway page": (
        Answer(status=502, body=b"<html>Bad Gateway</html>", headers={"content-type": "text/html"}),
        "server_error",
    ),
    "dropped connection": (Answer(is_dropped=True), "connection"),
    "cut body": (
        Answer(body=b'{"data": [', headers={"content-type": "application/json"}, is_cut=True),
        "connection",
    ),
    "malformed body": (
        Answer(body=b'{"data": [', headers={"content-type": "application/json"}),
        "server_error",
    ),
}


@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_has_its_class_and_is_the_same_exception(
    client: Client, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, error_class = FAILURES[situation]
    api.answer(answer)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is the SDK's affair
        client.call()

    assert client.seen[0] is raised.value
    assert attempts.outcome == ("error", error_class)


def test_a_time_out_is_one(new_client: Callable[..., Client], api: Api, attempts: Attempts) -> None:
    api.answer(Answer(is_silent=True))

    with pytest.raises(Exception):  # noqa: B017, PT011
        new_client(timeout=1).call()

    assert attempts.outcome == ("error", "timeout")


@only_new
def test_a_failure_tells_its_status(client: Client, api: Api, attempts: Attempts) -> None:
    api.answer(refusal(422, "invalid_request_error", NSFW))

    with pytest.raises(together.UnprocessableEntityError):
        client.call()

    assert attempts.only["http.response.status_code"] == 422
    assert NSFW in attempts.only["image_generation.error.message"]


SUCCESSES_WITHOUT_PICTURE: dict[str, tuple[Answer, str]] = {
    "empty list": (pictures(), "no_image"),
    "no list": (pictures(data=None), "no_image"),
    "empty object": (json_answer({}), "no_image"),
    "no picture": (pictures(b"<html>"), "corrupt"),
}


@pytest.mark.parametrize("situation", SUCCESSES_WITHOUT_PICTURE)
def test_a_return_without_picture_is_no_success(
    client: Client, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, outcome = SUCCESSES_WITHOUT_PICTURE[situation]
    api.answer(answer)

    result = client.call()

    assert client.seen[0] is result
    assert attempts.outcome[0] == outcome


def test_half_a_picture_is_corrupt(client: Client, api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(pictures(picture()[:-20]))

    client.call()

    assert attempts.outcome == ("corrupt", "bad_image")


def test_the_result_is_the_same_object(client: Client, api: Api, picture: Pictures) -> None:
    api.answer(pictures(picture()))

    result = client.call()

    assert client.seen[0] is result


@only_new
def test_what_was_sent_again_in_secret_is_counted(
    new_client: Callable[..., Client], api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(json_answer({"error": {}}, status=503, retry_after_ms="1"), pictures(picture()))

    new_client(max_retries=2).call()

    assert attempts.only["http.request.resend_count"] == 1
    assert attempts.outcome == ("ok", None)


@only_new
def test_a_raw_response_is_read_and_given_on(api: Api, attempts: Attempts, picture: Pictures) -> None:
    image_tracing.instrument("together")
    api.answer(pictures(picture()))

    with together.Together(api_key="key", base_url=api.url) as client:
        response: Any = client.images.with_raw_response.generate(prompt="a red fox", model=FLUX)

    assert response.parse().data[0].index == 0
    assert attempts.outcome == ("ok", None)


def test_instrumented_twice_a_call_is_recorded_once(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    image_tracing.instrument("together")
    image_tracing.instrument()

    client.call()

    assert len(attempts.all) == 1


def test_without_instrumentation_nothing_is_recorded(
    client: Client, api: Api, spans: Spans, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    image_tracing.uninstrument("together")
    image_tracing.uninstrument("together")

    client.call()

    assert spans.finished() == ()


def test_a_decorated_function_around_it_is_the_attempt(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    @attempt(provider="house")
    def paint(prompt: str) -> Any:
        return client.call(prompt=f"{prompt}, in oil")

    paint("a fox")

    assert attempts.only["gen_ai.provider.name"] == "house"
    assert attempts.only["gen_ai.request.model"] == FLUX
    assert attempts.only["image_generation.prompt"] == "a fox"


def test_instrumented_before_the_import(interpreter: Callable[..., Any]) -> None:
    answer = interpreter(
        """
        import json, sys, warnings
        warnings.simplefilter("ignore")
        import image_tracing
        image_tracing.instrument("together")
        early = "together" in sys.modules
        from together.resources import images
        owner = getattr(images, "ImagesResource", None) or images.Images
        patched = hasattr(owner.generate, "__wrapped__")
        image_tracing.uninstrument("together")
        print(json.dumps([early, patched, hasattr(owner.generate, "__wrapped__")]))
        """
    )

    assert answer == [False, True, False]


def test_a_fallback_is_a_row(
    client: Client, api: Api, spans: Spans, database: str, picture: Pictures
) -> None:
    api.answer(refusal(422, "invalid_request_error", NSFW), pictures(picture()))
    with generation(lesson_id="l-1"):
        with pytest.raises(Exception):  # noqa: B017, PT011
            client.call(width=64, height=48)
        client.call(model="other", width=64, height=48)

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    first, second = trace.attempts
    assert (trace.status, trace.models_tried, trace.model_used) == ("completed", (FLUX, "other"), "other")
    assert (first.provider, first.error_class, second.outcome) == ("together_ai", "refused", "ok")
