"""Which spans of other instrumentations are about pictures."""

import json
from typing import Any

import pytest
from opentelemetry.sdk.trace import Event

from image_tracing_postgres import Store, rows_from

from .conftest import Foreign

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}
SEEN = json.dumps(
    [{"role": "user", "parts": [{"type": "uri", "modality": "image", "uri": "https://x/y.png"}]}]
)
FOX = "https://x.example/fox.png"


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("x", {"gen_ai.output.type": "image"}),
        ("x", {"gen_ai.operation.name": "text_to_image"}),
        ("x", {"gen_ai.system": "a", "gen_ai.request.type": "image_edit"}),
        ("x", {**CHAT, "gen_ai.request.image.size": "1x1"}),
        ("x", {**CHAT, "gen_ai.request.image_count": 1}),
        ("x", {**CHAT, "gen_ai.usage.image.output_tokens": 5}),
        ("x", {**CHAT, "gen_ai.output.messages": SEEN}),
        ("x", {**CHAT, "gen_ai.response.finish_reasons": ("IMAGE_SAFETY",)}),
        ("x", {**CHAT, "gcp.gen_ai.operation.config.response_modalities": ("TEXT", "IMAGE")}),
        ("x", {"openinference.span.kind": "LLM", "output.images.0.image.url": FOX}),
        ("image.sample grok", CHAT),
        ("openai.images.generate", {"gen_ai.system": "openai"}),
        ("ai.generateImage", {"ai.model.id": "flux"}),
        ("replicate.run", {"gen_ai.request.model": "flux"}),
        ("replicate.run", {"gen_ai.request.model": "m", "gen_ai.completion.0.content": FOX}),
    ],
)
def test_a_sign_of_a_picture_makes_a_row(foreign: Foreign, name: str, attributes: dict[str, Any]) -> None:
    assert len(rows_from([foreign(attributes, name=name)]).ids) == 1


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("GET /images", {"http.request.method": "GET", "image.url": FOX}),
        ("chat gpt-5", {**CHAT, "gen_ai.request.model": "gpt-5"}),
        ("chat gpt-5", {**CHAT, "gen_ai.input.messages": SEEN}),
        ("chat gpt-image-2", {**CHAT, "gen_ai.request.model": "gpt-image-2"}),
        ("chat", {**CHAT, "gen_ai.usage.image.output_tokens": 0}),
        ("x", {"gen_ai.output.type": "text", "llm.model_name": "flux"}),
        ("replicate.run", {"gen_ai.request.model": "llama", "gen_ai.completion.0.content": "Once"}),
        ("image_generation", {"http.request.method": "POST"}),
    ],
)
def test_other_spans_are_passed_over(foreign: Foreign, name: str, attributes: dict[str, Any]) -> None:
    assert rows_from([foreign(attributes, name=name)]).ids == []


@pytest.mark.parametrize(
    ("failed", "more", "error_class"),
    [
        ("Error code: 429 - slow down", {}, "rate_limited"),
        ("Error code: 401 - no", {}, "auth"),
        ("", {"error.type": "openai.APITimeoutError"}, "timeout"),
        ("oh", {"error.type": "500", "http.response.status_code": 503}, "server_error"),
        ("nobody knows", {}, "unknown"),
    ],
)
def test_a_failure_has_the_class_that_its_words_tell(
    store: Store, foreign: Foreign, failed: str, more: dict[str, Any], error_class: str
) -> None:
    store.save(rows_from([foreign({"gen_ai.output.type": "image", **more}, failed=failed or None)]))

    assert [(each.outcome, each.error_class) for each in store.attempts()] == [("error", error_class)]


def test_the_message_may_stand_in_an_event(store: Store, foreign: Foreign) -> None:
    event = Event("exception", {"exception.type": "E", "exception.message": "connection refused"})
    store.save(rows_from([foreign({"gen_ai.output.type": "image", "error.type": "E"}, events=[event])]))

    assert [(each.error, each.error_class) for each in store.attempts()] == [
        ("connection refused", "connection")
    ]


def test_a_reply_of_words_alone_is_no_image(store: Store, foreign: Foreign) -> None:
    words = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "I can't draw"}]}])
    store.save(rows_from([foreign({"gen_ai.output.type": "image", "gen_ai.output.messages": words})]))

    assert [(each.outcome, each.error_class) for each in store.attempts()] == [("no_image", "no_image")]


def test_a_count_of_zero_is_no_image(store: Store, foreign: Foreign) -> None:
    store.save(rows_from([foreign({"gen_ai.output.type": "image", "gen_ai.response.image.count": 0})]))

    assert [each.outcome for each in store.attempts()] == ["no_image"]


def test_a_conversation_stands_in_for_the_lesson(store: Store, foreign: Foreign) -> None:
    store.save(rows_from([foreign({"gen_ai.output.type": "image", "session.id": "s-1"})]))

    assert [trace.lesson_id for trace in store.list()] == ["s-1"]


def test_an_attempt_that_names_its_generation_is_in_it(store: Store, foreign: Foreign) -> None:
    named = {"gen_ai.output.type": "image", "image_generation.generation_id": "00000000000000aa"}
    store.save(rows_from([foreign(named, parent=0x77)]))

    assert [trace.otel_span_id for trace in store.list()] == ["00000000000000aa"]
