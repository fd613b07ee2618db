"""Calls of the real `huggingface_hub` clients, against a server of ours that speaks their protocol."""

from collections.abc import Callable
from typing import Any

import PIL.Image
import pytest
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.inference import _client
from huggingface_hub.inference._generated import _async_client
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.huggingface_clients import (
    MODEL,
    AsyncClient,
    Client,
    SyncClient,
    error_answer,
    hub,
    picture_answer,
    use,
)
from tests.image_tracing.instrumentors.servers import Answer, Api, json_answer

import image_tracing
from image_tracing import attempt
from image_tracing_postgres import Store, rows_from

# Of version 1.0, when pictures are sent.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NewClient = Callable[..., Client]
WAYS: dict[str, dict[str, Any]] = {"text_to_image": {}, "image_to_image": {"image": b"\x89PNG"}}
METHODS = [
    (owner, name)
    for owner in (_client.InferenceClient, _async_client.AsyncInferenceClient)
    for name in ("text_to_image", "image_to_image", "_inner_post")
]


@pytest.fixture(params=["sync", "async"])
def new_client(request: pytest.FixtureRequest, api: Api) -> NewClient:
    """Makes an instrumented client of an endpoint of one's own; options are those of the library."""
    image_tracing.instrument("huggingface")
    kind = SyncClient if request.param == "sync" else AsyncClient
    return lambda **options: kind(**{"model": api.url, **options})


def test_a_call_is_an_attempt_of_its_own(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(picture_answer(picture()))

    new_client().call(negative_prompt="a dog", width=64, height=48, num_inference_steps=4, seed=7)

    recorded = attempts.only
    assert recorded["gen_ai.provider.name"] == "huggingface"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert recorded["image_generation.negative_prompt"] == "a dog"
    assert recorded["image_generation.request"] == (
        '{"height":48,"width":64,"num_inference_steps":4,"seed":7}'
    )
    assert (recorded["gen_ai.request.seed"], recorded["image_generation.steps"]) == (7, 4)
    assert (recorded["server.address"], recorded["server.port"]) == ("127.0.0.1", api.port)


def test_the_size_is_that_of_the_bytes_that_came(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    content = picture("JPEG", width=40, height=30)
    api.answer(picture_answer(content))

    result = new_client().call()

    assert isinstance(result, PIL.Image.Image)
    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.image.bytes"] == (len(content),)
    assert attempts.only["image_generation.image.mime_types"] == ("image/jpeg",)


def test_a_picture_is_changed(new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(picture_answer(picture()))

    new_client().call("image_to_image", image=picture(), target_size={"width": 64, "height": 48})

    assert attempts.outcome == ("ok", None)
    assert f'"image":"<bytes: {len(picture())} bytes>"' in attempts.only["image_generation.request"]
    assert attempts.only["image_generation.size"] == "64x48"


def test_a_picture_of_another_size_is_a_mismatch(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(picture_answer(picture()))

    new_client().call(width=1024, height=1024)

    assert attempts.outcome == ("mismatch", None)


def test_the_result_is_the_same_object(
    new_client: NewClient, api: Api, picture: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def open_picture(content: bytes) -> Any:
        made.append(opened(content))
        return made[-1]

    opened = vars(_client)["_bytes_to_image"]
    monkeypatch.setattr(_client, "_bytes_to_image", open_picture)
    monkeypatch.setattr(_async_client, "_bytes_to_image", open_picture)
    api.answer(picture_answer(picture()))

    assert new_client().call() is made[0]


def test_the_client_tells_the_model_where_the_call_does_not(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(picture_answer(picture()))

    new_client().call()

    assert attempts.only["gen_ai.request.model"] == api.url


@pytest.mark.parametrize("provider", [None, "auto", "fal-ai"])
def test_who_runs_the_model_is_known(
    new_client: NewClient,
    api: Api,
    attempts: Attempts,
    picture: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    provider: str | None,
) -> None:
    use(api, monkeypatch)
    api.answer(hub(picture(), fal_ai="fal-ai/flux/dev"))

    new_client(model=MODEL, provider=provider).call()

    recorded = attempts.only
    assert attempts.outcome == ("ok", None)
    assert recorded["gen_ai.request.model"] == MODEL
    assert recorded["gen_ai.response.model"] == "fal-ai/flux/dev"
    assert recorded["image_generation.backend"] == "fal-ai"
    assert recorded["image_generation.image.bytes"] == (len(picture()),)


def test_a_model_that_nobody_runs_is_not_found(
    new_client: NewClient, api: Api, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(api, monkeypatch)
    api.answer(hub(b""))

    with pytest.raises((StopIteration, RuntimeError)):
        new_client(model=MODEL).call()

    assert attempts.outcome == ("error", "not_found")


def test_a_model_that_this_provider_does_not_run_is_not_found(
    new_client: NewClient, api: Api, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(api, monkeypatch)
    api.answer(hub(b"", replicate="flux"))

    with pytest.raises(ValueError, match="is not supported by provider fal-ai"):
        new_client(model=MODEL, provider="fal-ai").call()

    assert attempts.outcome == ("error", "not_found")


def test_a_provider_that_does_not_exist_is_a_bad_request(new_client: NewClient, attempts: Attempts) -> None:
    with pytest.raises(ValueError, match="not supported"):
        new_client(model=MODEL, provider="acme").call()

    assert attempts.outcome == ("error", "invalid_request")


FAILURES: dict[str, tuple[Answer, str]] = {
    "loading": (error_answer(503, "Model flux is currently loading"), "model_loading"),
    "busy": (error_answer(503, "Model too busy, unable to get response"), "model_loading"),
    "rate limit": (error_answer(429, "Too Many Requests"), "rate_limited"),
    "quota": (error_answer(402, "You have exceeded your monthly included credits"), "quota"),
    "quota in words": (error_answer(429, "You have exceeded your monthly included credits"), "quota"),
    "bad key": (error_answer(401, "Invalid credentials in Authorization header"), "auth"),
    "gated": (error_answer(403, "Access to model is restricted"), "auth"),
    "refused in words": (error_answer(400, "NSFW content detected in the prompt"), "refused"),
    "bad parameter": (error_answer(422, "guidance_scale must be positive"), "invalid_request"),
    "bad request": (error_answer(400, "width must be a multiple of 8"), "invalid_request"),
    "no such model": (error_answer(404, "Model not found"), "not_found"),
    "out of memory": (error_answer(500, "CUDA out of memory"), "out_of_memory"),
    "server error": (error_answer(500, "Internal Server Error"), "server_error"),
    "gateway page": (Answer(status=502, body=b"<html>Bad Gateway</html>"), "server_error"),
    "gateway time-out": (Answer(status=504, body=b"<html>Gateway Time-out</html>"), "timeout"),
    "dropped connection": (Answer(is_dropped=True), "connection"),
    "cut body": (Answer(body=b"\x89PNG", is_cut=True), "connection"),
    # What should be the picture itself.
    "malformed body": (Answer(body=b"<html>"), "bad_image"),
    "empty body": (Answer(), "bad_image"),
    "empty list": (json_answer({"images": []}), "bad_image"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_has_its_class_and_is_the_same_exception(
    new_client: NewClient, api: Api, attempts: Attempts, situation: str, way: str
) -> None:
    answer, error_class = FAILURES[situation]
    api.answer(answer)
    client = new_client()

    with pytest.raises(Exception) as raised:  # noqa: PT011 - its class is the SDK's affair
        client.call(way, **WAYS[way])

    assert client.seen == [raised.value] or error_class == "bad_image"
    assert attempts.outcome == ("error", error_class)
    assert attempts.only.get("http.response.status_code", 200) == answer.status


def test_a_failure_keeps_the_id_of_its_request(new_client: NewClient, api: Api, attempts: Attempts) -> None:
    api.answer(error_answer(429, "Too Many Requests"))

    with pytest.raises(HfHubHTTPError):
        new_client().call()

    assert attempts.only["gen_ai.response.id"] == "r-of-this-call"


@pytest.mark.parametrize("way", WAYS)
def test_a_time_out_is_one(new_client: NewClient, api: Api, attempts: Attempts, way: str) -> None:
    api.answer(Answer(is_silent=True))
    client = new_client(timeout=0.2)

    # InferenceTimeoutError, before 1.1 the time-out of httpx itself.
    with pytest.raises(Exception, match=r"timed out|^$") as raised:
        client.call(way, **WAYS[way])

    assert client.seen == [raised.value]
    assert attempts.outcome == ("error", "timeout")


def test_half_a_picture_is_no_success(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    content = picture(width=640, height=480)
    api.answer(picture_answer(content[: len(content) // 2]))

    new_client().call()

    assert attempts.outcome == ("corrupt", "bad_image")


def test_a_provider_that_gives_no_picture_fails(
    new_client: NewClient, api: Api, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(api, monkeypatch)
    directory = hub(b"", fal_ai="fal-ai/flux/dev")
    api.answer(
        lambda request: json_answer({"images": []}) if request.method == "POST" else directory(request)
    )

    with pytest.raises(IndexError):
        new_client(model=MODEL, provider="fal-ai").call()

    assert attempts.outcome == ("error", "no_image")


def test_a_decorated_function_around_a_call_is_one_attempt(
    new_client: NewClient, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(picture_answer(picture()))
    client = new_client()

    @attempt
    def paint() -> bytes:
        client.call(seed=7)
        return picture()

    paint()

    assert attempts.only["gen_ai.request.model"] == api.url
    assert attempts.only["gen_ai.request.seed"] == 7
    assert attempts.only["image_generation.backend"] == "hf-inference"


def test_a_call_is_a_row(
    new_client: NewClient, api: Api, spans: Spans, database: str, picture: Pictures
) -> None:
    api.answer(picture_answer(picture()))
    new_client().call(width=64, height=48)

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    [made] = trace.attempts
    assert (trace.status, trace.model_used) == ("completed", api.url)
    assert (made.provider, made.prompt, made.outcome) == ("huggingface", "a red fox", "ok")
    assert made.images[0].size_bytes == len(picture())


def test_uninstrument_leaves_everything_as_it_was() -> None:
    def surfaces() -> list[Any]:
        return [vars(owner)[name] for owner, name in METHODS] + [vars(_client)["get_provider_helper"]]

    before = surfaces()
    image_tracing.instrument("huggingface")
    assert not any(now is then for now, then in zip(surfaces(), before, strict=True))

    image_tracing.uninstrument("huggingface")

    assert all(now is then for now, then in zip(surfaces(), before, strict=True))
