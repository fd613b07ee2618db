"""What `fal-client` does in secret: its queue, its tries, its threads, its own client."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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
    Client,
    Fal,
    call_here,
    pictures,
    refusal,
)
from tests.image_tracing.instrumentors.servers import Answer, Api

import image_tracing
from image_tracing import current_attempt, generation

ASKED = {"prompt": "a red fox"}
module: Any = fal_client.client
has_time_limit = pytest.mark.skipif(
    not hasattr(module, "FalClientTimeoutError"), reason="came with fal-client 0.13"
)
tries_again = pytest.mark.skipif(not hasattr(module, "MAX_ATTEMPTS"), reason="came with fal-client 0.6")


@pytest.fixture
def client(api: Api, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An instrumented synchronous client."""
    call_here(api, monkeypatch)
    image_tracing.instrument("fal")
    made: Any = fal_client.SyncClient(key="key")
    yield made
    made._client.close()


def test_an_attempt_begins_with_the_submission(client: Any, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))

    handle = client.submit(FLUX, ASKED)
    submitted = time.time_ns()
    assert attempts.all == []
    handle.get()

    assert attempts.span.start_time is not None
    assert attempts.span.start_time < submitted < (attempts.span.end_time or 0)


def test_a_result_fetched_again_is_no_attempt(client: Any, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))
    handle = client.submit(FLUX, ASKED)

    handle.get()
    handle.get()
    client.result(FLUX, handle.request_id)

    assert len(attempts.all) == 1


def test_a_result_that_failed_to_come_may_be_fetched_again(client: Any, api: Api, attempts: Attempts) -> None:
    Fal(api, Answer(is_dropped=True))
    handle = client.submit(FLUX, ASKED)
    with pytest.raises(Exception):  # noqa: B017, PT011
        handle.get()
    Fal(api, pictures(URL))

    handle.get()

    outcomes = [(each.attributes or {})["image_generation.outcome"] for each in attempts.all]
    assert outcomes == ["error", "ok"]


def test_a_result_fetched_by_its_id_is_that_of_the_submission(
    client: Any, api: Api, attempts: Attempts
) -> None:
    Fal(api, pictures(URL))
    handle = client.submit(FLUX, ASKED)

    client.status(FLUX, handle.request_id)
    client.result(FLUX, handle.request_id)

    assert attempts.only["image_generation.prompt"] == "a red fox"
    assert attempts.only["gen_ai.response.id"] == REQUEST_ID


def test_a_result_that_another_program_asked_for_is_an_attempt(
    client: Any, api: Api, attempts: Attempts
) -> None:
    Fal(api, pictures(URL))

    client.result(FLUX, "of-another-program")

    assert attempts.outcome == ("ok", None)
    assert attempts.only["gen_ai.request.model"] == FLUX
    assert attempts.only["gen_ai.response.id"] == "of-another-program"
    assert "image_generation.prompt" not in attempts.only


def test_what_is_never_fetched_leaves_nothing(client: Any, api: Api, spans: Spans) -> None:
    Fal(api, pictures(URL))

    with generation(name="illustrate"):
        client.submit(FLUX, ASKED)

    [root] = spans.finished()
    assert root.status.is_unset


def test_a_submission_that_fails_is_an_attempt(client: Any, api: Api, attempts: Attempts) -> None:
    api.answer(refusal(401, "Authentication is required"))

    with pytest.raises(Exception, match="Authentication"):
        client.submit(FLUX, ASKED)

    assert attempts.outcome == ("error", "auth")
    assert attempts.only["image_generation.prompt"] == "a red fox"


def test_a_thread_fetches_for_the_generation_that_submitted(client: Any, api: Api, spans: Spans) -> None:
    Fal(api, pictures(URL))

    with generation(name="illustrate") as around, ThreadPoolExecutor(1) as pool:
        handle = client.submit(FLUX, ASKED)
        pool.submit(handle.get).result()
        identity = around.generation_id

    [made, _] = spans.finished()
    assert (made.attributes or {})["image_generation.generation_id"] == identity


def test_handles_stay_what_they_are(client: Any, api: Api) -> None:
    Fal(api, pictures(URL))

    handle = client.submit(FLUX, ASKED)

    assert type(handle) is fal_client.SyncRequestHandle
    assert "image_tracing" not in repr(handle)
    assert handle == type(handle)(**{name: getattr(handle, name) for name in handle.__dataclass_fields__})


@has_time_limit
def test_a_time_limit_changes_nothing(client: Any, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL))
    seen = []

    client.subscribe(FLUX, ASKED, client_timeout=20, on_enqueue=lambda _: seen.append(current_attempt()))

    assert attempts.outcome == ("ok", None)
    assert attempts.only["gen_ai.response.id"] == REQUEST_ID
    assert seen[0].model == FLUX


@has_time_limit
@pytest.mark.parametrize("is_async", [False, True])
def test_a_time_limit_that_is_over_is_a_time_out(
    client: Any, api: Api, attempts: Attempts, is_async: bool
) -> None:
    Fal(api, pictures(URL), states=("IN_PROGRESS",))
    subscribing = Client("subscribe", is_async=is_async, seen=[])

    with pytest.raises(module.FalClientTimeoutError):
        subscribing.call(more={"client_timeout": 1.2})

    # A request that was cancelled goes on in its thread until it notices.
    Fal(api, pictures(URL))
    assert attempts.outcome == ("error", "timeout")
    assert attempts.only["gen_ai.response.id"] == REQUEST_ID


@has_time_limit
def test_the_threads_of_the_package_are_its_own_again(client: Any) -> None:
    image_tracing.uninstrument("fal")

    assert "submit" not in vars(module.EXECUTOR)


@tries_again
@pytest.mark.parametrize("way", ["run", "subscribe", "submit"])
@pytest.mark.parametrize("is_async", [False, True])
def test_tries_made_again_in_secret_are_counted(
    client: Any, api: Api, attempts: Attempts, monkeypatch: pytest.MonkeyPatch, way: str, is_async: bool
) -> None:
    monkeypatch.setattr(module, "MAX_ATTEMPTS", 4)
    fal = Fal(api, pictures(URL))
    api.answer(Answer(is_dropped=True), Answer(is_dropped=True), fal)

    Client(way, is_async=is_async, seen=[]).call()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["http.request.resend_count"] == 2


def test_asking_how_it_goes_is_no_new_try(client: Any, api: Api, attempts: Attempts) -> None:
    Fal(api, pictures(URL), states=("IN_QUEUE", "IN_QUEUE", "IN_PROGRESS", "COMPLETED"))

    client.subscribe(FLUX, ASKED)

    assert "http.request.resend_count" not in attempts.only


def test_a_key_that_cannot_be_sent_is_a_bad_one_and_stays_secret(
    client: Any, api: Api, attempts: Attempts
) -> None:
    Fal(api, pictures(URL))
    with_line_break: Any = fal_client.SyncClient(key="12ab:34cd\n")

    with pytest.raises(httpx.LocalProtocolError, match="12ab:34cd"):
        with_line_break.run(FLUX, ASKED)
    with_line_break._client.close()

    assert attempts.outcome == ("error", "auth")
    assert "34cd" not in attempts.span.to_json()


@pytest.fixture
def own_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of the package's own that have met no event loop yet."""
    for name in ("sync_client", "async_client"):
        for attribute in ("_client", "_auth"):
            vars(getattr(fal_client, name)).pop(attribute, None)


@pytest.mark.parametrize("way", ["run", "subscribe", "submit"])
def test_functions_of_the_package_are_recorded(
    client: Any, own_clients: None, api: Api, attempts: Attempts, way: str
) -> None:
    Fal(api, pictures(URL))

    result = getattr(fal_client, way)(FLUX, ASKED)
    if way == "submit":
        result.get()
    fal_client.sync_client._client.close()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.prompt"] == "a red fox"


@pytest.mark.parametrize("way", ["run", "subscribe", "submit"])
def test_asynchronous_functions_of_the_package_are_recorded(
    client: Any, own_clients: None, api: Api, attempts: Attempts, way: str
) -> None:
    Fal(api, pictures(URL))

    async def paint() -> None:
        result = await getattr(fal_client, f"{way}_async")(FLUX, ASKED)
        if way == "submit":
            await result.get()
        http: Any = fal_client.async_client._client
        await (http if hasattr(http, "aclose") else await http).aclose()

    asyncio.run(paint())

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.prompt"] == "a red fox"


def test_without_a_provider_of_traces_nothing_changes(interpreter: Callable[..., Any]) -> None:
    answer = interpreter(
        """
        import json
        import image_tracing
        image_tracing.instrument("fal")
        import fal_client
        try:
            fal_client.SyncClient(key="k").submit("fal-ai/flux", {"prompt": object()})
        except TypeError as error:
            print(json.dumps(str(error)))
        """
    )

    assert "not JSON serializable" in answer
