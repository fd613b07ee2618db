"""A generation and its attempts: who belongs to whom, who served, and when it has failed."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from image_tracing import (
    NoImageError,
    UsageError,
    attempt,
    current_attempt,
    current_generation,
    generation,
    in_context,
)

from ..conftest import Spans
from .conftest import Pictures

FAILURES: dict[str, Exception] = {
    "loading": RuntimeError("Model is currently loading"),
    "slow": TimeoutError("no image after 30 s"),
}


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def facts(span: ReadableSpan) -> dict[str, Any]:
    """Our own attributes without their prefix."""
    prefix = "image_generation."
    return {
        name.removeprefix(prefix): value
        for name, value in attributes(span).items()
        if name.startswith(prefix)
    }


@pytest.fixture
def paint(picture: Pictures) -> Any:
    @attempt
    def paint(model: str, prompt: str = "a cat") -> bytes | None:
        if model in FAILURES:
            raise FAILURES[model]
        return None if model == "empty" else picture(seed=len(prompt))

    return paint


def tried(paint: Any, *models: str) -> bytes | None:
    """A chain of fallbacks as users write it."""
    for model in models:
        try:
            found: bytes | None = paint(model)
        except Exception:  # noqa: BLE001 - the next model is the answer
            continue
        if found:
            return found
    return None


def test_a_fallback_that_works_is_a_success(spans: Spans, paint: Any) -> None:
    with generation(name="illustrate", lesson_id="l-1"):
        tried(paint, "loading", "slow", "flux")

    *attempts, root = spans.finished()
    assert root.name == "invoke_workflow illustrate"
    assert (root.kind, root.status.status_code) == (SpanKind.INTERNAL, StatusCode.UNSET)
    assert facts(root)["models.tried"] == ("loading", "slow", "flux")
    assert facts(root)["model_used"] == "flux"
    assert facts(root)["images.generated"] == 1
    assert [facts(span)["attempt.number"] for span in attempts] == [1, 2, 3]
    assert [facts(span)["outcome"] for span in attempts] == ["error", "error", "ok"]
    assert [span.kind for span in attempts] == [SpanKind.CLIENT] * 3


def test_attempts_name_their_generation_and_its_lesson(spans: Spans, paint: Any) -> None:
    with generation(lesson_id="l-1") as g:
        paint("flux")

    child, root = spans.finished()
    assert root.context is not None
    assert child.parent is not None
    assert child.parent.span_id == root.context.span_id
    assert facts(child)["generation_id"] == facts(root)["generation_id"] == f"{root.context.span_id:016x}"
    assert facts(child)["generation_id"] == g.generation_id
    assert facts(child)["lesson_id"] == facts(root)["lesson_id"] == "l-1"
    assert (facts(child)["role"], facts(root)["role"]) == ("attempt", "generation")


def test_a_generation_without_a_picture_has_failed_with_its_last_error(spans: Spans, paint: Any) -> None:
    with generation():
        tried(paint, "loading", "slow")

    root = spans.finished()[-1]
    assert root.status.status_code is StatusCode.ERROR
    assert root.status.description == "TimeoutError: no image after 30 s"
    assert facts(root)["error.category"] == "timeout"
    assert facts(root)["error.message"] == "TimeoutError: no image after 30 s"
    assert attributes(root)["error.type"] == "TimeoutError"
    assert "model_used" not in facts(root)


def test_a_return_without_a_picture_is_a_failure_too(spans: Spans, paint: Any) -> None:
    with generation():
        tried(paint, "slow", "empty")

    failed, root = spans.finished()[-2:]
    assert failed.status.status_code is StatusCode.ERROR
    assert (facts(failed)["outcome"], facts(failed)["error.category"]) == ("no_image", "no_image")
    assert (
        facts(root)["error.message"]
        == facts(failed)["error.message"]
        == "no image: the reply held no picture"
    )


def test_a_generation_without_attempts_is_completed(spans: Spans) -> None:
    with generation():
        pass

    [root] = spans.finished()
    assert root.status.status_code is StatusCode.UNSET
    assert facts(root)["models.tried"] == ()


def test_a_generation_that_raises_has_failed_whatever_came(spans: Spans, paint: Any) -> None:
    @generation
    def illustrate() -> None:
        paint("flux")
        raise StopIteration

    with pytest.raises(StopIteration):
        illustrate()

    root = spans.finished()[-1]
    assert facts(root)["error.message"] == "StopIteration"
    assert facts(root)["error.category"] == "unknown"
    assert facts(root)["model_used"] == "flux"


def test_a_generation_that_is_told_to_have_failed_has(spans: Spans, paint: Any) -> None:
    with generation() as g:
        paint("flux")
        g.fail("upload timed out")

    root = spans.finished()[-1]
    assert (facts(root)["error.message"], facts(root)["error.category"]) == ("upload timed out", "timeout")


def test_an_empty_word_of_failure_still_says_something(spans: Spans) -> None:
    with generation() as g:
        g.fail("")

    assert facts(spans.finished()[-1])["error.message"] == "failed"


def test_responses_and_uploads_are_recorded(spans: Spans, paint: Any) -> None:
    with generation() as g:
        paint("flux")
        g.record_upload(url="https://cdn.example.org/1.png?token=abcdef123")
        g.record_upload(error=ConnectionError("x"))

    root = spans.finished()[-1]
    assert facts(root)["images.uploaded"] == 1
    assert facts(root)["response"] == (
        '{"generatedImagesCount":1,"uploadedImagesCount":1,'
        '"imageUrls":["https://cdn.example.org/1.png?token=[redacted]"]}'
    )


def test_a_response_of_the_users_own_replaces_ours(spans: Spans) -> None:
    with generation() as g:
        g.set_response({"pages": 3, "api_key": "x"})

    assert facts(spans.finished()[-1])["response"] == '{"pages":3,"api_key":"[redacted]"}'


def test_an_attempt_alone_is_its_own_generation(spans: Spans, paint: Any) -> None:
    paint("flux")

    [span] = spans.finished()
    assert span.context is not None
    assert facts(span)["generation_id"] == f"{span.context.span_id:016x}"
    assert facts(span)["role"] == "attempt"
    assert facts(span)["attempt.number"] == 1


def test_an_attempt_within_a_lone_attempt_belongs_to_it(spans: Spans, paint: Any, picture: Pictures) -> None:
    @attempt
    def outer(model: str) -> bytes:
        paint("inner")
        return picture(seed=9)

    outer("outer")

    inner, around = spans.finished()
    assert facts(inner)["generation_id"] == facts(around)["generation_id"]
    assert [facts(inner)["attempt.number"], facts(around)["attempt.number"]] == [2, 1]


def test_a_generation_within_a_generation_keeps_its_own_attempts(spans: Spans, paint: Any) -> None:
    with generation(name="outer"):
        with generation(name="inner"):
            tried(paint, "slow")
        paint("flux")

    _, inner, _, outer = spans.finished()
    assert facts(inner)["models.tried"] == ("slow",)
    assert facts(outer)["models.tried"] == ("flux",)
    assert outer.status.status_code is StatusCode.UNSET


def test_the_last_model_that_served_is_the_one_used(spans: Spans, paint: Any) -> None:
    with generation():
        paint("first", "one")
        paint("second", "three")

    assert facts(spans.finished()[-1])["model_used"] == "second"


def test_the_same_picture_from_another_attempt_is_a_duplicate(spans: Spans, paint: Any) -> None:
    with generation():
        paint("first", "a cat")
        paint("second", "a dog")

    assert facts(spans.finished()[1])["outcome"] == "duplicate"
    assert spans.finished()[1].status.status_code is StatusCode.UNSET


def test_generations_that_run_together_do_not_mix(spans: Spans, picture: Pictures) -> None:
    @attempt
    async def paint(model: str) -> bytes:
        await asyncio.sleep(0)
        return picture()

    @generation
    async def illustrate(lesson_id: str) -> None:
        for step in range(3):
            await paint(f"{lesson_id}-{step}")

    async def run() -> None:
        await asyncio.gather(*(illustrate(f"l-{number}") for number in range(8)))

    asyncio.run(run())

    roots = [span for span in spans.finished() if facts(span)["role"] == "generation"]
    assert len(roots) == 8
    for root in roots:
        lesson_id = facts(root)["lesson_id"]
        assert facts(root)["models.tried"] == tuple(f"{lesson_id}-{step}" for step in range(3))


def test_a_thread_pool_keeps_the_generation_only_with_its_context(spans: Spans, paint: Any) -> None:
    with generation() as g, ThreadPoolExecutor(4) as pool:
        list(pool.map(in_context(paint), [f"m{number}" for number in range(8)]))
        pool.submit(paint, "lost").result()

    *attempts, root = spans.finished()
    inside = [span for span in attempts if facts(span)["generation_id"] == g.generation_id]
    assert len(inside) == 8
    assert sorted(facts(span)["attempt.number"] for span in inside) == list(range(1, 9))
    assert sorted(facts(root)["models.tried"]) == [f"m{number}" for number in range(8)]


def test_a_coroutine_is_carried_into_another_loop(spans: Spans) -> None:
    @attempt
    async def paint(model: str) -> str:
        return "https://example.org/1.png"

    with generation() as g, ThreadPoolExecutor(1) as pool:
        carried = in_context(paint)
        pool.submit(lambda: asyncio.run(carried("flux"))).result()

    assert facts(spans.finished()[0])["generation_id"] == g.generation_id


def test_carrying_what_is_no_function_is_told_at_once() -> None:
    with pytest.raises(
        UsageError, match=r"in_context wants a function; found bytes; write in_context\(function\)"
    ):
        in_context(b"")  # type: ignore[arg-type]


def test_there_is_always_a_current_one_to_talk_to(spans: Spans) -> None:
    current_generation().set_response({"a": 1})
    current_generation().record_upload(url="x")
    current_generation().fail("x")
    current_attempt().record_images(b"x")
    current_attempt().set_response("x")
    current_attempt().fail("x")

    assert spans.finished() == ()
    assert not current_generation().is_recording


def test_code_further_down_finds_the_generation_and_the_attempt(spans: Spans) -> None:
    with generation() as g, attempt(model="flux") as a:
        assert current_generation() is g
        assert current_attempt() is a
        a.record_images("https://example.org/1.png")


def test_a_block_records_what_it_is_told(spans: Spans, picture: Pictures) -> None:
    with attempt(model="flux", prompt="a cat", provider="fal_ai", request={"seed": 7}) as a:
        a.record_images(picture())
        a.set_response({"timings": {"inference": 2.5}})

    [span] = spans.finished()
    assert facts(span)["outcome"] == "ok"
    assert facts(span)["response"] == '{"timings":{"inference":2.5}}'
    assert attributes(span)["gen_ai.request.seed"] == 7
    assert attributes(span)["gen_ai.provider.name"] == "fal_ai"


def test_a_block_that_tells_nothing_says_how_to_tell(spans: Spans) -> None:
    with attempt(model="flux"):
        pass

    [span] = spans.finished()
    assert facts(span)["error.message"] == (
        "no image: none was told; call record_images(result) inside the block"
    )


def test_a_failed_block_keeps_its_error(spans: Spans) -> None:
    with pytest.raises(TimeoutError), attempt(model="flux"):
        raise TimeoutError("no image after 30 s")

    assert facts(spans.finished()[0])["error.message"] == "TimeoutError: no image after 30 s"


def test_the_caller_may_know_better(spans: Spans, picture: Pictures) -> None:
    @attempt
    def paint(model: str) -> bytes:
        current_attempt().fail("black picture", outcome="blank")
        return picture()

    assert paint("flux") == picture()

    [span] = spans.finished()
    assert (facts(span)["outcome"], facts(span)["error.category"]) == ("blank", "bad_image")
    assert facts(span)["error.message"] == "black picture"


def test_pictures_that_are_told_count_instead_of_the_result(spans: Spans, picture: Pictures) -> None:
    @attempt
    def paint(model: str) -> str:
        current_attempt().record_images(picture())
        return "saved as cat.png"

    paint("flux")

    assert facts(spans.finished()[0])["outcome"] == "ok"


def test_a_reply_told_beside_its_picture_counts_once(spans: Spans, picture: Pictures) -> None:
    @attempt
    def paint(model: str) -> bytes:
        current_attempt().set_response({"images": [picture()], "seed": 3})
        return picture()

    paint("flux")

    assert facts(spans.finished()[0])["outcome"] == "ok"
    assert facts(spans.finished()[0])["images.generated"] == 1


def test_the_pictures_of_a_reply_count_where_the_result_has_none(spans: Spans, picture: Pictures) -> None:
    with attempt(model="flux") as a:
        a.set_response({"images": [picture()]})

    assert facts(spans.finished()[0])["outcome"] == "ok"


def test_a_required_picture_that_is_missing_raises_so_that_the_chain_goes_on(
    spans: Spans, picture: Pictures
) -> None:
    @attempt(require_image=True)
    def paint(model: str) -> bytes | None:
        return picture() if model == "flux" else None

    with generation():
        assert tried(paint, "empty", "flux") == picture()
    with pytest.raises(
        NoImageError, match="wanted a picture from empty; no image: the reply held no picture"
    ):
        paint("empty")
    assert facts(spans.finished()[-1])["outcome"] == "no_image"


def test_a_traceback_is_kept_when_asked_for(spans: Spans) -> None:
    @attempt(traceback=True)
    def paint(model: str) -> bytes:
        raise TimeoutError("late, password=hunter2")

    with pytest.raises(TimeoutError):
        paint("flux")

    stacktrace = attributes(spans.finished()[0])["exception.stacktrace"]
    assert "Traceback" in stacktrace
    assert "hunter2" not in stacktrace
    assert spans.finished()[0].events == ()


# What mypy would refuse already, for those who do without it.
ANY_ATTEMPT: Any = attempt
ANY_GENERATION: Any = generation
MISUSES: dict[str, Any] = {
    "a text": lambda: ANY_GENERATION("illustrate"),
    "a number": lambda: ANY_ATTEMPT(3),
    "a class": lambda: ANY_ATTEMPT(type("Painter", (), {})),
    "a provider that is no text": lambda: ANY_ATTEMPT(provider=3),
    "a request that is no mapping": lambda: ANY_GENERATION(request=["a"]),
    "names that are no texts": lambda: ANY_ATTEMPT(ignore=[1]),
    "a name that is no parameter": lambda: ANY_ATTEMPT(ignore="sed")(tried),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_is_told_at_decoration(misuse: str) -> None:
    with pytest.raises(UsageError, match=r"wants .*; found "):
        MISUSES[misuse]()
