"""Calls of the real `fal-client`, against a server of ours that speaks fal's protocols."""

from collections.abc import Callable
from typing import Any

import fal_client
import httpx
import pytest
from tests.conftest import Spans
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.fal_clients import (
    FLUX,
    REQUEST_ID,
    URL,
    WAYS,
    Client,
    Fal,
    call_here,
    in_detail,
    pictures,
    refusal,
    remembered,
)
from tests.image_tracing.instrumentors.servers import Answer, Api

import image_tracing
from image_tracing import attempt, generation
from image_tracing_postgres import Store, rows_from

OLD = not hasattr(fal_client.client, "_request")


@pytest.fixture(params=[f"{kind} {way}" for kind in ("sync", "async") for way in WAYS])
def client(request: pytest.FixtureRequest, api: Api, monkeypatch: pytest.MonkeyPatch) -> Client:
    """An instrumented client."""
    kind, way = request.param.split()
    call_here(api, monkeypatch)
    seen = remembered(monkeypatch, way, is_async=kind == "async")
    image_tracing.instrument("fal")
    return Client(way, is_async=kind == "async", seen=seen)


def test_a_call_is_an_attempt_of_its_own(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))

    client.call(image_size="landscape_4_3", num_inference_steps=28, seed=7, negative_prompt="rain")

    recorded = attempts.only
    assert attempts.span.name == f"generate_content {FLUX}"
    assert recorded["gen_ai.provider.name"] == "fal_ai"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert recorded["image_generation.negative_prompt"] == "rain"
    assert recorded["image_generation.request"] == (
        '{"image_size":"landscape_4_3","num_inference_steps":28,"seed":7}'
    )
    assert (recorded["image_generation.steps"], recorded["gen_ai.request.seed"]) == (28, 7)
    assert attempts.outcome == ("ok", None)


def test_what_came_is_recorded(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))

    client.call()

    recorded = attempts.only
    assert recorded["image_generation.image.urls"] == (URL,)
    assert '"width":64,"height":48' in recorded["image_generation.images"]
    assert recorded["server.port"] == api.port


def test_the_id_of_the_request_is_recorded(client: Client, api: Api, attempts: Attempts) -> None:
    if OLD and client.way == "run":
        pytest.skip("nothing tells it before 0.5.9")
    Fal(api, pictures(URL))

    client.call()

    assert attempts.only["gen_ai.response.id"] == REQUEST_ID


def test_several_pictures_are_one_attempt(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL, f"{URL}?2"))

    client.call(num_images=2, image_size={"width": 64, "height": 48})

    recorded = attempts.only
    assert recorded["image_generation.images.generated"] == 2
    assert recorded["gen_ai.request.choice.count"] == 2
    assert recorded["image_generation.size"] == "64x48"


def test_the_path_is_a_part_of_the_model(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))

    client.call("fal-ai/flux", more={"path": "/schnell"})

    assert attempts.only["gen_ai.request.model"] == "fal-ai/flux/schnell"


SHORTFALLS: dict[str, tuple[Answer, str]] = {
    "every picture flagged": (pictures(URL, flags=[True]), "refused"),
    "flagged as a whole": (pictures(URL, flags=True), "refused"),
    "empty list": (pictures(), "no_image"),
    "no list": (pictures(images=None), "no_image"),
    "empty object": (pictures(images=[], has_nsfw_concepts=[], prompt=""), "no_image"),
    "no picture": (pictures(images=[{"url": ""}]), "no_image"),
}


@pytest.mark.parametrize("situation", SHORTFALLS)
def test_a_return_without_picture_is_no_success(
    client: Client, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, outcome = SHORTFALLS[situation]
    Fal(api, answer)

    result = client.call()

    assert client.seen[0] is result
    assert attempts.outcome == (outcome, outcome)


def test_one_flagged_picture_of_two_is_counted(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL, f"{URL}?2", flags=[True, False]))

    client.call()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.images.filtered"] == 1


FLAGGED = "The content could not be processed because it was flagged by a content checker."
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
FAILURES: dict[str, tuple[Answer, str]] = {
    "refused by a model": (refusal(422, in_detail("content_policy_violation", FLAGGED)), "refused"),
    "refused in words": (refusal(422, "NSFW content detected"), "refused"),
    "no picture made": (refusal(422, in_detail("no_media_generated", "No media")), "no_image"),
    "rate limit": (refusal(429, "Reached the limit of concurrent requests"), "rate_limited"),
    "quota": (refusal(403, LOCKED), "quota"),
    "quota in a word": (refusal(403, "User is locked. Reason: TOP_UP."), "quota"),
    "locked": (refusal(403, "User is locked. Reason: Admin lock."), "auth"),
    "bad key": (refusal(401, "Cannot access application. Authentication is required."), "auth"),
    "no such model": (refusal(404, "Application 'flux' not found"), "not_found"),
    "bad size": (refusal(422, in_detail("value_error", "image_size")), "invalid_request"),
    "no prompt": (refusal(422, in_detail("missing", "field required")), "invalid_request"),
    "took too long": (refusal(504, in_detail("generation_timeout", "Generation timeout")), "timeout"),
    "never began": (refusal(504, "Request timed out", error_type="startup_timeout"), "timeout"),
    "server error": (refusal(500, in_detail("internal_server_error", "Error")), "server_error"),
    "runner gone": (refusal(503, "Runner disconnected", error_type="runner_disconnected"), "server_error"),
    "gateway page": (
        Answer(status=502, body=b"<html>Bad Gateway</html>", headers={"content-type": "text/html"}),
        "server_error",
    ),
    "dropped connection": (Answer(is_dropped=True), "connection"),
    "cut body": (Answer(body=b'{"images": [', is_cut=True), "connection"),
    "malformed body": (Answer(body=b'{"images": ['), "server_error"),
}


@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_has_its_class_and_is_the_same_exception(
    client: Client, api: Api, attempts: Attempts, situation: str
) -> None:
    answer, error_class = FAILURES[situation]
    Fal(api, answer)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is the SDK's affair
        client.call()

    assert client.seen[0] is raised.value
    assert attempts.outcome == ("error", error_class)


def test_a_time_out_is_one(
    client: Client, api: Api, attempts: Attempts, monkeypatch: pytest.MonkeyPatch
) -> None:
    Fal(api, Answer(is_silent=True))
    client.options["default_timeout"] = 0.2
    monkeypatch.setattr(fal_client.client, "QUEUE_POLL_TIMEOUT", 0.2, raising=False)

    with pytest.raises(httpx.TimeoutException) as raised:
        client.call(more={"timeout": 0.2} if client.way == "run" else {})

    assert client.seen[0] is raised.value
    assert attempts.outcome == ("error", "timeout")


def test_a_failure_tells_its_status(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, refusal(422, in_detail("content_policy_violation", FLAGGED)))

    with pytest.raises(Exception, match="flagged"):
        client.call()

    assert attempts.only["http.response.status_code"] == 422


def test_instrumented_twice_a_call_is_recorded_once(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))
    image_tracing.instrument("fal")

    client.call()

    assert len(attempts.all) == 1
    assert "image_generation.attempt.calls" not in attempts.only


def test_without_instrumentation_nothing_is_recorded(client: Client, api: Api, spans: Spans) -> None:
    Fal(api, pictures(URL))
    image_tracing.uninstrument("fal")

    client.call()

    assert spans.finished() == ()


def test_a_decorated_function_around_it_is_the_attempt(client: Client, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))

    @attempt(provider="house")
    def paint(prompt: str) -> Any:
        return client.call(prompt=f"{prompt}, in oil")

    paint("a fox")

    assert attempts.only["gen_ai.provider.name"] == "house"
    assert attempts.only["gen_ai.request.model"] == FLUX
    assert attempts.only["image_generation.prompt"] == "a fox"


def test_other_applications_are_left_alone(client: Client, api: Api, spans: Spans) -> None:
    Fal(api, pictures(URL))

    client.call("fal-ai/any-llm")

    assert spans.finished() == ()


def test_a_fallback_is_a_row(client: Client, api: Api, spans: Spans, database: str) -> None:
    with generation(lesson_id="l-1"):
        Fal(api, refusal(422, in_detail("content_policy_violation", FLAGGED)))
        with pytest.raises(Exception, match="flagged"):
            client.call()
        Fal(api, pictures(URL))
        client.call("fal-ai/flux/schnell")

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    first, second = trace.attempts
    assert (trace.status, trace.model_used) == ("completed", "fal-ai/flux/schnell")
    assert (first.provider, first.error_class, second.outcome) == ("fal_ai", "refused", "ok")
    assert second.images[0].url == URL


@pytest.mark.parametrize("name", ["run", "subscribe", "submit"])
@pytest.mark.parametrize("suffix", ["", "_async"])
def test_instrumented_before_or_after_the_import(
    interpreter: Callable[..., Any], name: str, suffix: str
) -> None:
    answer = interpreter(
        f"""
        import json, sys
        import image_tracing
        image_tracing.instrument("fal")
        early = "fal_client" in sys.modules
        import fal_client
        client = fal_client.AsyncClient if "{suffix}" else fal_client.SyncClient
        def patched():
            return [hasattr(fal_client.{name}{suffix}, "__image_tracing__"),
                    hasattr(client.{name}, "__image_tracing__")]
        first = patched()
        image_tracing.uninstrument("fal")
        without = patched() + [fal_client.{name}{suffix}.__func__ is client.{name}]
        image_tracing.instrument("fal")
        print(json.dumps([early, first, without, patched()]))
        """
    )

    assert answer == [False, [True, True], [False, False, True], [True, True]]
