"""Predictions of the real `replicate` client that are created and fetched by hand."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import replicate
from tests.conftest import Spans
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.remembering import remember
from tests.image_tracing.instrumentors.replicate_clients import (
    FAILURES,
    FLUX,
    PREDICTION_ID,
    URL,
    VERSION,
    Replicate,
    made_client,
    prediction,
)
from tests.image_tracing.instrumentors.servers import Api

import image_tracing
from image_tracing import generation

ASKED = {"prompt": "a red fox", "seed": 7}


@pytest.fixture
def client(api: Api) -> Iterator[Any]:
    """An instrumented client."""
    image_tracing.instrument("replicate")
    made = made_client(api)
    yield made
    made._client.close()


WAYS: dict[str, Callable[[Any], Any]] = {
    "by version": lambda client: client.predictions.create(VERSION, ASKED),
    "by version by name": lambda client: client.predictions.create(version=VERSION, input=ASKED),
    "by model": lambda client: client.predictions.create(model=FLUX, input=ASKED),
    "of models": lambda client: client.models.predictions.create(model=FLUX, input=ASKED),
    "of models by parts": lambda client: client.models.predictions.create(tuple(FLUX.split("/")), ASKED),
    "by deployment": lambda client: client.predictions.create(deployment="me/foxes", input=ASKED),
    "of deployments": lambda client: client.deployments.predictions.create("me/foxes", ASKED),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_prediction_is_an_attempt_when_it_has_ended(
    client: Any, api: Api, attempts: Attempts, way: str
) -> None:
    Replicate(api, prediction("starting"), prediction("processing"), prediction(output=[URL]))

    made = WAYS[way](client)
    assert attempts.all == []
    made.wait()

    assert attempts.outcome == ("ok", None)
    assert attempts.only["gen_ai.request.model"] == FLUX
    assert attempts.only["image_generation.prompt"] == "a red fox"
    assert attempts.only["gen_ai.request.seed"] == 7
    assert attempts.only["gen_ai.response.id"] == PREDICTION_ID


def test_an_asynchronous_prediction_is_an_attempt(api: Api, attempts: Attempts) -> None:
    image_tracing.instrument("replicate")
    Replicate(api, prediction("starting"), prediction("processing"), prediction(output=[URL]))

    async def paint() -> None:
        client = made_client(api)
        made = await client.predictions.async_create(version=VERSION, input=ASKED)
        await made.async_wait()
        await client._async_client.aclose()

    asyncio.run(paint())

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.request"] == f'{{"version":"{VERSION}","seed":7}}'


def test_an_attempt_begins_with_the_creation(client: Any, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction("starting"), prediction(output=[URL]))

    made = client.predictions.create(VERSION, ASKED)
    created = time.time_ns()
    made.wait()

    assert (attempts.span.start_time or 0) < created < (attempts.span.end_time or 0)


def test_a_prediction_asked_for_by_its_id_is_found(client: Any, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction("starting"), prediction("processing"), prediction(output=[URL]))

    made = client.predictions.create(VERSION, ASKED)
    while client.predictions.get(made.id).status != "succeeded":
        pass
    client.predictions.get(made.id)

    assert attempts.outcome == ("ok", None)


def test_a_prediction_that_has_ended_at_once_is_an_attempt(client: Any, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction("processing", output=[URL]), prediction(output=[URL]))

    client.predictions.create(VERSION, ASKED).wait()

    assert attempts.outcome == ("ok", None)


ENDS = {
    "refused": (prediction("failed", error="NSFW content detected"), ("error", "refused")),
    "failed": (prediction("failed", error="list index out of range"), ("error", "server_error")),
    "canceled": (prediction("canceled"), ("error", "cancelled")),
    "empty": (prediction(output=[]), ("no_image", "no_image")),
    "nothing": (prediction(output=None), ("no_image", "no_image")),
}


@pytest.mark.parametrize("situation", ENDS)
def test_a_prediction_without_picture_is_no_success(
    client: Any, api: Api, attempts: Attempts, situation: str
) -> None:
    end, outcome = ENDS[situation]
    Replicate(api, prediction("starting"), end)

    client.predictions.create(VERSION, ASKED).wait()

    assert attempts.outcome == outcome


def test_a_prediction_that_is_canceled_is_one(client: Any, api: Api, attempts: Attempts) -> None:
    Replicate(api, prediction("starting"), prediction("canceled"))

    client.predictions.create(VERSION, ASKED).cancel()

    assert attempts.outcome == ("error", "cancelled")


def create(api: Api) -> None:
    client = made_client(api)
    try:
        client.models.predictions.create(FLUX, ASKED)
    finally:
        client._client.close()


async def create_async(api: Api) -> None:
    client = made_client(api)
    try:
        await client.models.predictions.async_create(FLUX, ASKED)
    finally:
        await client._async_client.aclose()


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("situation", FAILURES)
def test_a_creation_that_fails_is_an_attempt_and_raises_the_same_exception(
    monkeypatch: pytest.MonkeyPatch, api: Api, attempts: Attempts, situation: str, is_async: bool
) -> None:
    answer, error_class = FAILURES[situation]
    name = "async_create" if is_async else "create"
    seen = remember(monkeypatch, replicate.model.ModelsPredictions, name)
    image_tracing.instrument("replicate")
    api.answer(answer)

    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is the SDK's affair
        asyncio.run(create_async(api)) if is_async else create(api)

    assert seen == [raised.value]
    assert attempts.outcome == ("error", error_class)
    assert attempts.only["gen_ai.request.model"] == FLUX


def test_what_is_never_fetched_leaves_nothing(client: Any, api: Api, spans: Spans) -> None:
    Replicate(api, prediction("starting"))

    with generation(name="illustrate"):
        client.predictions.create(VERSION, ASKED)

    [root] = spans.finished()
    assert root.status.is_unset


def test_a_prediction_stays_what_it_is(client: Any, api: Api) -> None:
    Replicate(api, prediction("starting"))

    made = client.predictions.create(VERSION, ASKED)

    assert made.dict() == prediction("starting")


def test_uninstrumented_it_is_not_recorded(client: Any, api: Api, spans: Spans) -> None:
    Replicate(api, prediction("starting"), prediction(output=[URL]))
    made = client.predictions.create(VERSION, ASKED)
    image_tracing.uninstrument("replicate")

    made.wait()

    assert spans.finished() == ()
