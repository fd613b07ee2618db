"""Calls of the real `replicate` client, against a server of ours that speaks Replicate's protocol."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import replicate
from replicate.exceptions import ModelError
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.replicate_clients import (
    FAILURES,
    FLUX,
    PREDICTION_ID,
    SDXL,
    URL,
    VERSION,
    Client,
    Replicate,
    made_client,
    prediction,
    problem,
    remembered,
)
from tests.image_tracing.instrumentors.servers import Answer, Api, Request

import image_tracing
from image_tracing import attempt, generation
from image_tracing_postgres import Store, rows_from

has_files = pytest.mark.skipif(not hasattr(replicate.helpers, "FileOutput"), reason="came with replicate 1.0")


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, api: Api, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An instrumented client."""
    is_async = request.param == "async"
    seen = remembered(monkeypatch, is_async=is_async)
    image_tracing.instrument("replicate")
    return Client(api, is_async=is_async, seen=seen)


def test_a_call_is_an_attempt_of_its_own(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction(output=[URL]))

    client.call(num_outputs=1, aspect_ratio="16:9", seed=7, negative_prompt="rain")

    recorded = attempts.only
    assert attempts.span.name == f"generate_content {FLUX}"
    assert recorded["gen_ai.provider.name"] == "replicate"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert recorded["image_generation.negative_prompt"] == "rain"
    assert recorded["image_generation.request"] == '{"num_outputs":1,"aspect_ratio":"16:9","seed":7}'
    assert (recorded["image_generation.aspect_ratio"], recorded["gen_ai.request.seed"]) == ("16:9", 7)
    assert attempts.outcome == ("ok", None)


def test_what_came_is_recorded(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction(output=[URL]))

    client.call()

    recorded = attempts.only
    assert recorded["image_generation.image.urls"] == (URL,)
    assert recorded["gen_ai.response.id"] == PREDICTION_ID
    assert recorded["gen_ai.response.model"] == FLUX
    assert recorded["server.port"] == api.port


def test_nothing_is_downloaded(client: Client, api: Api) -> None:
    Replicate(api, prediction(output=[URL, URL]))

    client.call()

    assert [request.method for request in api.requests] == ["POST"]


def test_several_pictures_are_one_attempt(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction(output=[URL, f"{URL}?2"]))

    client.call(num_outputs=2)

    assert attempts.only["image_generation.images.generated"] == 2
    assert attempts.only["gen_ai.request.choice.count"] == 2


def test_a_version_is_an_option_of_its_model(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction(output=[URL]))

    client.call(SDXL, width=64)

    assert attempts.only["gen_ai.request.model"] == "stability-ai/sdxl"
    assert attempts.only["image_generation.request"] == f'{{"version":"{VERSION}","width":64}}'


@has_files
def test_a_picture_in_the_reply_itself_is_measured(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    encoded = base64.b64encode(picture()).decode()
    Replicate(api, prediction(output=f"data:image/png;base64,{encoded}"))

    client.call()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.image.bytes"] == (len(picture()),)


def test_a_model_is_waited_for(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction("starting"), prediction("processing"), prediction(output=[URL]))

    client.call()

    assert attempts.outcome == ("ok", None)
    assert "http.request.resend_count" not in attempts.only


def test_outputs_that_come_one_by_one_are_one_attempt(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(
        api,
        prediction("starting"),
        prediction("processing", output=[URL]),
        prediction(output=[URL, f"{URL}?2"]),
        is_iterator=True,
    )

    result = client.call(SDXL)

    assert len(result) == 2
    assert attempts.only["image_generation.images.generated"] == 2


def test_outputs_cut_off_in_the_middle_are_a_failure(client: Client, api: Api, attempts: Attempts) -> None:
    first = Replicate(api, prediction("starting"), prediction("processing", output=[URL]), is_iterator=True)
    seen: list[Request] = []

    def answer(request: Request) -> Answer:
        seen.append(request)
        return Answer(is_dropped=True) if len(seen) > 3 else first(request)

    api.answer(answer)

    with pytest.raises(httpx.HTTPError):
        client.call(SDXL)

    assert attempts.outcome == ("error", "connection")


@pytest.mark.parametrize("is_async", [False, True])
def test_outputs_left_after_the_first_are_a_success(api: Api, attempts: Attempts, is_async: bool) -> None:
    image_tracing.instrument("replicate")
    going_on = prediction("processing", output=[URL])
    Replicate(api, prediction("starting"), going_on, prediction(output=[URL, f"{URL}?2"]), is_iterator=True)

    async def leave() -> None:
        client = made_client(api)
        if is_async:
            outputs = await client.async_run(SDXL, input={"prompt": "x"})
            await anext(outputs)
            await outputs.aclose()
            await client._async_client.aclose()
        else:
            outputs = client.run(SDXL, input={"prompt": "x"})
            next(outputs)
            outputs.close()
            client._client.close()

    asyncio.run(leave())

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.images.generated"] == 1


SHORTFALLS: dict[str, dict[str, Any]] = {
    "empty list": prediction(output=[]),
    "nothing": prediction(output=None),
    "words": prediction(output="I cannot draw that."),
    "canceled": prediction("canceled"),
}


@pytest.mark.parametrize("situation", SHORTFALLS)
def test_a_return_without_picture_is_no_success(
    client: Client, api: Api, attempts: Attempts, situation: str
) -> None:
    Replicate(api, SHORTFALLS[situation])

    result = client.call()

    assert client.seen[0] is result
    assert attempts.outcome == ("no_image", "no_image")


NSFW = "NSFW content detected. Try running it again, or try a different prompt."
SENSITIVE = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
MODEL_FAILURES = {
    NSFW: "refused",
    SENSITIVE: "refused",
    "CUDA out of memory. Tried to allocate 2.00 GiB": "out_of_memory",
    "Prediction timed out": "timeout",
    "Prediction interrupted; please retry (code: PA)": "server_error",
    "list index out of range": "server_error",
}


@pytest.mark.parametrize("message", MODEL_FAILURES)
def test_the_failure_of_a_model_has_its_class(
    client: Client, api: Api, attempts: Attempts, message: str
) -> None:
    Replicate(api, prediction("failed", error=message))

    with pytest.raises(ModelError) as raised:
        client.call()

    assert client.seen == [raised.value]
    assert attempts.outcome == ("error", MODEL_FAILURES[message])
    assert attempts.only["gen_ai.response.id"] == PREDICTION_ID


@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_has_its_class_and_is_the_same_exception(
    client: Client, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, error_class = FAILURES[situation]
    api.answer(answer)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is the SDK's affair
        client.call()

    assert client.seen == [raised.value]
    assert attempts.outcome == ("error", error_class)


def test_a_failure_tells_its_status(client: Client, api: Api, attempts: Attempts) -> None:
    api.answer(problem(402, "You have insufficient credit", "Insufficient credit"))

    with pytest.raises(Exception, match="insufficient"):
        client.call()

    assert attempts.only["http.response.status_code"] == 402


def test_a_time_out_is_one(client: Client, api: Api, attempts: Attempts) -> None:
    # With `Prefer: wait` the client waits as long as the server said it would.
    Replicate(api, prediction("starting"))
    first = api.answers[0]
    api.answer(first, Answer(is_silent=True))

    with pytest.raises(httpx.TimeoutException):
        client.call(options={"timeout": httpx.Timeout(0.3)})

    assert attempts.outcome == ("error", "timeout")


def test_what_was_sent_again_in_secret_is_counted(client: Client, api: Api, attempts: Attempts) -> None:
    server = Replicate(api, prediction("starting"), prediction(output=[URL]))
    api.answer(server, problem(503, "busy"), problem(429, "busy"), server)

    client.call()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["http.request.resend_count"] == 2


def test_files_are_told_by_type_and_size(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction(output=[URL]))

    client.call(image="data:image/png;base64," + "A" * 4_000)

    assert "AAAA" not in attempts.only["image_generation.request"]


def test_instrumented_twice_a_call_is_recorded_once(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction(output=[URL]))
    image_tracing.instrument("replicate")

    client.call()

    assert len(attempts.all) == 1
    assert "image_generation.attempt.calls" not in attempts.only


def test_without_instrumentation_nothing_is_recorded(client: Client, api: Api, spans: Spans) -> None:
    Replicate(api, prediction(output=[URL]))
    image_tracing.uninstrument("replicate")

    client.call()

    assert spans.finished() == ()


def test_a_decorated_function_around_it_is_the_attempt(client: Client, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction(output=[URL]))

    @attempt(provider="house")
    def paint(prompt: str) -> Any:
        return client.call(prompt=f"{prompt}, in oil")

    paint("a fox")

    assert attempts.only["gen_ai.provider.name"] == "house"
    assert attempts.only["gen_ai.request.model"] == FLUX
    assert attempts.only["image_generation.prompt"] == "a fox"


def test_other_models_are_left_alone(client: Client, api: Api, spans: Spans) -> None:
    Replicate(api, prediction(output=["Once", " upon"]))

    client.call("meta/meta-llama-3-70b-instruct")

    assert spans.finished() == ()


def test_a_fallback_is_a_row(client: Client, api: Api, spans: Spans, database: str) -> None:
    with generation(lesson_id="l-1"):
        Replicate(api, prediction("failed", error=NSFW))
        with pytest.raises(ModelError):
            client.call()
        Replicate(api, prediction(output=[URL]))
        client.call("google/imagen-4")

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    first, second = trace.attempts
    assert (trace.status, trace.model_used) == ("completed", "google/imagen-4")
    assert (first.provider, first.error_class, second.outcome) == ("replicate", "refused", "ok")


@pytest.mark.parametrize("name", ["run", "async_run"])
def test_functions_of_the_package_are_recorded(
    api: Api, attempts: Attempts, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    default: Any = replicate.default_client
    monkeypatch.setenv("REPLICATE_BASE_URL", api.url)
    monkeypatch.setattr(default, "_base_url", api.url, raising=False)
    for attribute in ("_Client__client", "_Client__async_client"):
        monkeypatch.setattr(default, attribute, None, raising=False)
    image_tracing.instrument("replicate")
    Replicate(api, prediction(output=[URL]))

    async def paint() -> None:
        if name == "run":
            replicate.run(FLUX, input={"prompt": "a red fox"})
            default._client.close()
        else:
            await replicate.async_run(FLUX, input={"prompt": "a red fox"})
            await default._async_client.aclose()

    asyncio.run(paint())

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.prompt"] == "a red fox"
    assert attempts.only["server.port"] == api.port


@pytest.mark.parametrize("name", ["run", "async_run"])
def test_instrumented_before_or_after_the_import(interpreter: Callable[..., Any], name: str) -> None:
    answer = interpreter(
        f"""
        import json, sys, warnings
        warnings.simplefilter("ignore")
        import image_tracing
        image_tracing.instrument("replicate")
        early = "replicate" in sys.modules
        import replicate
        def patched():
            return [hasattr(replicate.{name}, "__image_tracing__"),
                    hasattr(replicate.Client.{name}, "__image_tracing__")]
        first = patched()
        image_tracing.uninstrument("replicate")
        without = patched() + [replicate.{name}.__func__ is replicate.Client.{name}]
        image_tracing.instrument("replicate")
        print(json.dumps([early, first, without, patched()]))
        """
    )

    assert answer == [False, [True, True], [False, False, True], [True, True]]
