"""The imperative form, as the original system called it."""

import json
from typing import Any

from opentelemetry.trace import StatusCode

from image_tracing import ImageTracer

from ..conftest import Spans
from .conftest import Pictures


def facts(spans: Spans) -> list[dict[str, Any]]:
    prefix = "image_generation."
    return [
        {name.removeprefix(prefix): value for name, value in (span.attributes or {}).items()}
        for span in spans.finished()
    ]


def test_a_trace_is_told_step_by_step(spans: Spans) -> None:
    tracer = ImageTracer(lesson_id="lesson-123")
    tracer.start_trace({"numberOfImages": 2, "prompts": ["a cat", "a dog"]})
    tracer.add_image_generation_attempt(
        model="flux",
        prompt="a cat",
        request={"seed": 1},
        response={"success": True, "dataSize": 212272},
        duration_ms=3500,
        success=True,
        error=None,
    )
    tracer.complete_trace(
        {"generatedImagesCount": 2, "uploadedImagesCount": 2, "imageUrls": ["https://a/1", "https://a/2"]},
        model_used="flux",
    )

    child, root = facts(spans)
    assert child["outcome"] == "ok"
    assert json.loads(child["images"])[0]["dataSize"] == 212272
    assert child["prompt"] == "a cat"
    assert child["gen_ai.request.seed"] == 1
    assert json.loads(root["request"]) == {"numberOfImages": 2, "prompts": ["a cat", "a dog"]}
    assert json.loads(root["response"])["uploadedImagesCount"] == 2
    assert (root["images.requested"], root["images.uploaded"], root["model_used"]) == (2, 2, "flux")
    span = spans.finished()[0]
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time == 3_500_000_000


def test_a_failed_trace_has_its_words_and_class(spans: Spans) -> None:
    tracer = ImageTracer()
    tracer.start_trace()
    tracer.add_image_generation_attempt(model="flux", error="429 too many requests")
    tracer.fail_trace("Model timeout")

    child, root = facts(spans)
    assert (child["outcome"], child["error.category"]) == ("error", "rate_limited")
    assert (root["error.message"], root["error.category"]) == ("Model timeout", "timeout")


def test_exceptions_are_told_like_words(spans: Spans) -> None:
    tracer = ImageTracer()
    tracer.start_trace()
    tracer.add_image_generation_attempt(model="flux", error=TimeoutError("late"))
    tracer.fail_trace(ValueError("no model left"))

    child, root = facts(spans)
    assert child["error.message"] == "TimeoutError: late"
    assert root["error.message"] == "ValueError: no model left"


def test_attempts_that_all_failed_make_a_completed_trace_a_failed_one(spans: Spans) -> None:
    tracer = ImageTracer()
    tracer.start_trace()
    tracer.add_image_generation_attempt(model="flux", success=False, error="nsfw content")
    tracer.complete_trace()

    assert spans.finished()[-1].status.status_code is StatusCode.ERROR
    assert facts(spans)[0]["outcome"] == "refused"


def test_real_pictures_are_measured(spans: Spans, picture: Pictures) -> None:
    tracer = ImageTracer()
    tracer.start_trace()
    tracer.add_image_generation_attempt(model="flux", images=[picture()])
    tracer.complete_trace()

    assert json.loads(facts(spans)[0]["images"])[0]["width"] == 64


def test_wrong_order_is_no_error(spans: Spans) -> None:
    tracer = ImageTracer()
    tracer.complete_trace()
    tracer.fail_trace("x")
    tracer.add_image_generation_attempt(model="flux", success=True)
    tracer.start_trace({"prompts": []})
    tracer.complete_trace()
    tracer.complete_trace()

    roots = [found for found in facts(spans) if found["role"] == "generation"]
    assert [root.get("error.message") for root in roots] == [
        "the next trace was started before this one was completed",
        None,
    ]


def test_hostile_values_are_no_error(spans: Spans) -> None:
    tracer = ImageTracer(lesson_id=object())
    values: Any = object()
    tracer.start_trace(values)
    tracer.add_image_generation_attempt(model=values, prompt=values, request=values, response=values)
    tracer.complete_trace(values, model_used="flux")

    assert spans.finished()[-1].name == "invoke_workflow generation"


def test_a_request_told_whole_gives_its_options_and_prompt(spans: Spans) -> None:
    tracer = ImageTracer()
    tracer.start_trace()
    tracer.add_image_generation_attempt(
        model="flux",
        request={"prompt": "a cat", "model": "flux", "options": {"steps": 4}},
        success=True,
    )
    tracer.complete_trace()

    child, _root = facts(spans)
    assert json.loads(child["request"]) == {"steps": 4}
    assert child["prompt"] == "a cat"
