"""Calls of the real `litellm` over the real `openai` client, against a server of ours.

It wants older versions of other libraries than the rest of the tests, and is installed apart from them.
"""

import asyncio
import gc
import io
import json
import os
import warnings
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from typing import Any

import pytest
from tests.conftest import Spans
from tests.image_tracing.conftest import Pictures
from tests.image_tracing.instrumentors.conftest import Attempts
from tests.image_tracing.instrumentors.openai_shapes import FAILURES, SAFETY, USAGE, pictures, refusal
from tests.image_tracing.instrumentors.servers import Answer, Api, json_answer

import image_tracing
from image_tracing import attempt, generation
from image_tracing_postgres import Store, rows_from

# Else it fetches its list of prices from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
litellm: Any = pytest.importorskip("litellm", reason="make test-sdks runs these: it wants other versions")
# It leaves loops, tasks and connections behind, and pydantic warns of its models.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MODEL = "openai/gpt-image-2"


class Client:
    """`call` is `image_generation` or its asynchronous twin."""

    def __init__(self, url: str, *, is_async: bool, options: dict[str, Any]) -> None:
        self._is_async = is_async
        self._options = {"api_key": "sk-test", "api_base": f"{url}/v1", "max_retries": 0, **options}

    def call(self, name: str = "image_generation", **arguments: Any) -> Any:
        asked = {"prompt": "a red fox", "model": MODEL, **self._options, **arguments}
        if self._is_async:
            return awaited(getattr(litellm, f"a{name}")(**asked))
        return getattr(litellm, name)(**asked)


def awaited(coming: Awaitable[Any]) -> Any:
    """What came, with the clients that it leaves open closed by their own loop."""

    async def wait() -> Any:
        try:
            return await coming
        finally:
            for client in list(litellm.in_memory_llm_clients_cache.cache_dict.values()):
                closing = client.close() if hasattr(client, "close") else None
                if isawaitable(closing):
                    await closing

    return asyncio.run(wait())


def more(name: str) -> dict[str, Any]:
    """What this function wants beside a prompt."""
    return {"image": io.BytesIO(b"\x89PNG")} if name == "image_edit" else {}


NewClient = Callable[..., Client]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Its clients stay open for the loop that made them."""
    litellm.suppress_debug_info = True
    litellm.in_memory_llm_clients_cache.flush_cache()
    yield
    litellm.in_memory_llm_clients_cache.flush_cache()


@pytest.fixture(autouse=True, scope="module")
def _swept() -> Iterator[None]:
    """What it never closes is thrown away here, where nobody is warned of it."""
    yield
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


@pytest.fixture(params=["litellm sync", "litellm async", "litellm openai sync", "litellm openai async"])
def new_client(request: pytest.FixtureRequest, api: Api) -> NewClient:
    """Makes instrumented calls, also over an instrumented `openai`."""
    *sdks, kind = request.param.split()
    image_tracing.instrument(*sdks)
    return lambda **options: Client(api.url, is_async=kind == "async", options=options)


@pytest.fixture
def client(new_client: NewClient) -> Client:
    return new_client()


def test_a_call_is_an_attempt_of_its_own(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    client.call(size="64x48", quality="low", metadata={"who": "me"})

    recorded = attempts.only
    assert attempts.span.name == f"generate_content {MODEL}"
    assert recorded["gen_ai.provider.name"] == "openai"
    assert recorded["image_generation.prompt"] == "a red fox"
    assert json.loads(recorded["image_generation.request"]) == {"quality": "low", "size": "64x48"}
    assert (recorded["image_generation.size"], recorded["image_generation.quality"]) == ("64x48", "low")
    assert recorded["server.port"] == api.port


def test_what_came_is_recorded(client: Client, api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(pictures(picture()))

    client.call()

    recorded = attempts.only
    assert attempts.outcome == ("ok", None)
    assert recorded["image_generation.image.bytes"] == (len(picture()),)
    assert recorded["gen_ai.usage.input_tokens"] == USAGE["input_tokens"]
    assert recorded["gen_ai.usage.output_tokens"] == USAGE["output_tokens"]


def test_several_pictures_are_one_attempt(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture(seed=1), picture(seed=2)))

    client.call(n=2)

    assert attempts.only["image_generation.images.generated"] == 2
    assert attempts.only["gen_ai.request.choice.count"] == 2
    assert "image_generation.attempt.calls" not in attempts.only


def test_a_picture_is_edited(client: Client, api: Api, attempts: Attempts, picture: Pictures) -> None:
    api.answer(pictures(picture()))

    client.call("image_edit", image=io.BytesIO(picture()))

    assert attempts.outcome == ("ok", None)
    assert attempts.only["image_generation.request"] == f'{{"image":"<BytesIO: {len(picture())} bytes>"}}'


@pytest.mark.parametrize(
    ("model", "options", "provider"),
    [
        ("vertex_ai/imagen-4", {}, "gcp.vertex_ai"),
        ("huggingface/flux", {}, "huggingface"),
        ("gpt-image-2", {"custom_llm_provider": "azure"}, "azure.ai.openai"),
    ],
)
def test_the_provider_is_told_by_the_model(
    model: str, options: dict[str, Any], provider: str, attempts: Attempts
) -> None:
    image_tracing.instrument("litellm")

    litellm.image_generation("a fox", model, mock_response="https://e.org/1.png", **options)

    assert attempts.only["gen_ai.provider.name"] == provider


def test_a_provider_that_no_name_tells_is_known_from_the_price_list(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))

    client.call(model="gpt-image-1")

    assert attempts.only["gen_ai.provider.name"] == "openai"


NAMES = ("image_generation", "image_edit")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("situation", FAILURES)
def test_a_failure_has_its_class(
    client: Client, api: Api, attempts: Attempts, situation: str, name: str
) -> None:
    answer, _, error_class = FAILURES[situation]
    api.answer(answer)

    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is the SDK's affair
        client.call(name, **more(name))

    # A body that is cut some versions take for a whole one that is malformed.
    assert attempts.outcome[1] in {error_class, "server_error" if situation == "cut body" else error_class}


@pytest.mark.parametrize("name", NAMES)
def test_a_time_out_is_one(new_client: NewClient, api: Api, attempts: Attempts, name: str) -> None:
    api.answer(Answer(is_silent=True))

    with pytest.raises(litellm.Timeout):
        new_client(timeout=0.3).call(name, **more(name))

    assert attempts.outcome == ("error", "timeout")


@pytest.mark.parametrize("is_async", [False, True])
def test_results_and_exceptions_are_its_own(
    api: Api, picture: Pictures, monkeypatch: pytest.MonkeyPatch, is_async: bool
) -> None:
    seen: list[Any] = []
    name = "aimage_generation" if is_async else "image_generation"
    inner = getattr(litellm, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            seen.append(inner(*args, **kwargs))
        except Exception as error:
            seen.append(error)
            raise
        return seen[-1]

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        try:
            seen.append(await inner(*args, **kwargs))
        except Exception as error:
            seen.append(error)
            raise
        return seen[-1]

    monkeypatch.setattr(litellm, name, call_async if is_async else call)
    image_tracing.instrument("litellm")
    client = Client(api.url, is_async=is_async, options={})
    api.answer(pictures(picture()), refusal(400, None, SAFETY))

    result = client.call()
    with pytest.raises(litellm.BadRequestError) as raised:
        client.call()

    assert seen[0] is result
    assert seen[1] is raised.value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", [{"created": 1, "data": []}, {"created": 1, "data": None}])
def test_a_return_without_picture_is_no_success(
    client: Client, api: Api, attempts: Attempts, body: object, name: str
) -> None:
    api.answer(json_answer(body))

    client.call(name, **more(name))

    assert attempts.outcome == ("no_image", "no_image")


def test_what_was_sent_again_in_secret_is_counted(api: Api, attempts: Attempts, picture: Pictures) -> None:
    image_tracing.instrument("litellm", "openai")
    api.answer(json_answer({"error": {"message": "x"}}, status=503, retry_after_ms="1"), pictures(picture()))

    Client(api.url, is_async=False, options={"max_retries": 2}).call()

    assert attempts.only["http.request.resend_count"] == 1
    assert attempts.only["gen_ai.response.id"] == "req_of_this_call"


def test_instrumented_twice_a_call_is_recorded_once(
    client: Client, api: Api, attempts: Attempts, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    image_tracing.instrument("litellm")
    image_tracing.instrument()

    client.call()

    assert len(attempts.all) == 1


def test_without_instrumentation_nothing_is_recorded(
    client: Client, api: Api, spans: Spans, picture: Pictures
) -> None:
    api.answer(pictures(picture()))
    image_tracing.uninstrument()

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
    assert attempts.only["gen_ai.request.model"] == MODEL
    assert "image_generation.attempt.calls" not in attempts.only


def test_a_fallback_is_a_row(
    client: Client, api: Api, spans: Spans, database: str, picture: Pictures
) -> None:
    api.answer(refusal(400, "moderation_blocked", SAFETY), pictures(picture()))
    with generation(lesson_id="l-1"):
        with pytest.raises(litellm.BadRequestError):
            client.call()
        client.call(model="openai/gpt-image-2-mini")

    with Store(database) as store:
        store.save(rows_from(spans.finished()))
        [trace] = store.list()

    first, second = trace.attempts
    assert (trace.status, trace.model_used) == ("completed", "openai/gpt-image-2-mini")
    assert (first.provider, first.error_class, second.outcome) == ("openai", "refused", "ok")


def router(api: Api, **options: Any) -> Any:
    """A router with two models behind one name, the second for when the first fails."""
    common = {"api_key": "sk-test", "api_base": f"{api.url}/v1", "max_retries": 0}
    return litellm.Router(
        model_list=[
            {"model_name": "fox", "litellm_params": {"model": "openai/gpt-image-2", **common}},
            {"model_name": "spare", "litellm_params": {"model": "openai/gpt-image-2-mini", **common}},
        ],
        fallbacks=[{"fox": ["spare"]}],
        num_retries=0,
        **options,
    )


def paint_by(made: Any, *, is_async: bool) -> Any:
    if is_async:
        return awaited(made.aimage_generation(prompt="a red fox", model="fox"))
    return made.image_generation(prompt="a red fox", model="fox")


@pytest.mark.parametrize("is_async", [False, True])
def test_a_router_is_a_generation_with_an_attempt_for_each_try(
    api: Api, spans: Spans, attempts: Attempts, picture: Pictures, is_async: bool
) -> None:
    image_tracing.instrument("litellm", "openai")
    api.answer(refusal(400, "moderation_blocked", SAFETY), pictures(picture()))

    paint_by(router(api), is_async=is_async)

    root = spans.finished()[-1].attributes or {}
    models = ("openai/gpt-image-2", "openai/gpt-image-2-mini")
    assert root["image_generation.role"] == "generation"
    assert root["image_generation.models.tried"] == models
    assert root["image_generation.model_used"] == models[1]
    assert len(attempts.all) == 2


@pytest.mark.parametrize("is_async", [False, True])
def test_a_router_within_a_generation_joins_it(
    api: Api, spans: Spans, attempts: Attempts, picture: Pictures, is_async: bool
) -> None:
    image_tracing.instrument("litellm")
    api.answer(refusal(500, None, "x"), pictures(picture()))

    with generation(name="illustrate"):
        paint_by(router(api), is_async=is_async)

    assert [span.name.split()[0] for span in spans.finished()] == [
        "generate_content",
        "generate_content",
        "invoke_workflow",
    ]
    assert spans.finished()[-1].name == "invoke_workflow illustrate"


def test_a_router_that_fails_is_a_failed_generation(api: Api, spans: Spans, attempts: Attempts) -> None:
    image_tracing.instrument("litellm")
    api.answer(refusal(400, "moderation_blocked", SAFETY))

    with pytest.raises(litellm.BadRequestError):
        paint_by(router(api), is_async=False)

    root = spans.finished()[-1]
    assert not root.status.is_ok
    assert not root.status.is_unset
    assert len(attempts.all) == 2


def test_a_router_is_its_own_again(api: Api, spans: Spans, picture: Pictures) -> None:
    image_tracing.instrument("litellm")
    image_tracing.uninstrument("litellm")
    api.answer(pictures(picture()))

    paint_by(router(api), is_async=False)

    assert spans.finished() == ()


def test_instrumented_before_or_after_the_import(interpreter: Callable[..., Any]) -> None:
    answer = interpreter(
        """
        import json, os, sys, warnings
        warnings.simplefilter("ignore")
        os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
        import image_tracing
        image_tracing.instrument("litellm")
        early = "litellm" in sys.modules
        import litellm
        def patched():
            names = ("image_generation", "aimage_generation", "image_edit", "aimage_edit")
            return [hasattr(getattr(litellm, name), "__image_tracing__") for name in names]
        first = patched()
        image_tracing.uninstrument("litellm")
        without = patched()
        image_tracing.instrument("litellm")
        print(json.dumps([early, first, without, patched()]))
        """
    )

    assert answer == [False, [True] * 4, [False] * 4, [True] * 4]
