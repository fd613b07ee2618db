"""With contents switched off no prompt, text, URL or message leaves; numbers, classes and ids do."""

import json
from typing import Any

import pytest

from image_tracing import ImageTracer, attempt, generation
from image_tracing.switches import switches

from ..conftest import Spans

SECRET = "my very own words"


@pytest.fixture(
    params=[
        ("IMAGE_TRACING_CAPTURE_CONTENT", "false"),
        ("IMAGE_TRACING_CAPTURE_CONTENT", "flase"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "NO_CONTENT"),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "false"),
    ],
    ids=lambda switch: "=".join(switch),
)
def _content_off(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*request.param)


def everything(spans: Spans) -> str:
    """Every word of every span."""
    return "\n".join(
        json.dumps([span.name, span.status.description, dict(span.attributes or {})], default=str)
        + "".join(str(dict(event.attributes or {})) for event in span.events)
        for span in spans.finished()
    )


@pytest.mark.usefixtures("_content_off")
def test_no_words_leave_in_any_field(spans: Spans) -> None:
    @attempt(provider="huggingface", traceback=True)
    def paint(model: str, prompt: str, negative_prompt: str, style: str, **rest: Any) -> Any:
        if model == "bad":
            raise ValueError(f"refused: {SECRET}")
        if model == "words":
            return {"text": SECRET, "finish_reason": SECRET, "rai_filtered_reason": SECRET}
        return {"url": f"https://example.org/{SECRET.replace(' ', '-')}", "revised_prompt": SECRET}

    @generation
    def illustrate(lesson_id: str, prompts: list[str], notes: dict[str, Any]) -> str:
        for model in ("bad", "words", "flux"):
            try:
                paint(model, SECRET, SECRET, SECRET, nested={SECRET: [SECRET, 5], "seed": 7}, size="64x48")
            except ValueError:
                continue
        return f"https://example.org/{SECRET}"

    illustrate("l-1", [SECRET], {SECRET: SECRET})
    with attempt(model="flux", prompt=SECRET, request={"a": SECRET}) as a:
        a.set_response({"a": SECRET})
        a.fail(SECRET)
    tracer = ImageTracer(lesson_id="l-2")
    tracer.start_trace({"prompts": [SECRET]})
    tracer.add_image_generation_attempt(
        model="flux", prompt=SECRET, response={"success": False, "note": SECRET}, error=SECRET
    )
    tracer.fail_trace(SECRET)

    text = everything(spans)
    assert "very" not in text
    assert "very-own" not in text
    assert len(spans.finished()) == 7


@pytest.mark.usefixtures("_content_off")
def test_numbers_models_classes_and_ids_stay(spans: Spans) -> None:
    @attempt(provider="huggingface")
    def paint(model: str, prompt: str, *, seed: int = 7, size: str = "64x48", safe: bool = True) -> None:
        raise TimeoutError(f"late for {prompt}")

    with pytest.raises(TimeoutError), generation(lesson_id="l-1"):
        paint("flux", SECRET)

    child, root = (dict(span.attributes or {}) for span in spans.finished())
    assert child["gen_ai.request.model"] == "flux"
    assert child["gen_ai.request.seed"] == 7
    assert child["image_generation.size"] == "64x48"
    assert json.loads(child["image_generation.request"]) == {  # type: ignore[arg-type]
        "seed": 7,
        "size": "[not captured]",
        "safe": True,
    }
    assert child["image_generation.error.category"] == "timeout"
    assert child["image_generation.error.message"] == "TimeoutError"
    assert root["image_generation.error.message"] == "TimeoutError"
    assert root["image_generation.lesson_id"] == "l-1"
    assert "image_generation.prompt" not in child


def test_prompts_are_recorded_unless_switched_off() -> None:
    assert switches().content
    assert not switches().messages


@pytest.mark.parametrize("word", ["SPAN_ONLY", "span_and_event", "true"])
def test_the_standard_switch_adds_the_standard_messages(
    spans: Spans, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", word)

    with attempt(model="flux", prompt="a cat") as a:
        a.record_images("https://example.org/1.png")

    found = dict(spans.finished()[0].attributes or {})
    assert json.loads(found["gen_ai.input.messages"]) == [  # type: ignore[arg-type]
        {"role": "user", "parts": [{"type": "text", "content": "a cat"}]}
    ]
    [message] = json.loads(found["gen_ai.output.messages"])  # type: ignore[arg-type]
    assert message["parts"][0]["uri"] == "https://example.org/1.png"


def test_tracebacks_may_be_switched_on_for_all(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_CAPTURE_TRACEBACK", "true")

    with pytest.raises(TimeoutError), attempt(model="flux"):
        raise TimeoutError

    assert "Traceback" in str((spans.finished()[0].attributes or {})["exception.stacktrace"])


def test_a_generation_has_the_messages_of_its_attempts(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    replies = {"a": None, "b": ["https://example.org/1.png", "https://example.org/2.png"]}

    @attempt
    def paint(model: str, prompt: str) -> object:
        return replies[model]

    with generation(lesson_id="l-1"):
        for model, prompt in (("a", "a cat"), ("b", "a cat"), ("b", "a dog")):
            paint(model, prompt)

    root = dict(spans.finished()[-1].attributes or {})
    asked = json.loads(str(root["gen_ai.input.messages"]))
    given = json.loads(str(root["gen_ai.output.messages"]))
    assert [message["parts"][0]["content"] for message in asked] == ["a cat", "a dog"]
    assert [message["parts"][0]["uri"][-5:] for message in given] == ["1.png", "2.png", "1.png", "2.png"]
