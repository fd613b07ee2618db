"""What single sets of spans amount to."""

import json
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource

from image_tracing_postgres import Store, rows_from

from .conftest import MORNING, SECOND, NewSpans


def test_a_generation_with_a_fallback_is_one_completed_row(store: Store, new: NewSpans) -> None:
    store.save(
        rows_from(
            [
                new.attempt(failed="too slow"),
                new.attempt(span_id=3, number=2, request_model="sdxl"),
                new.root(),
            ]
        )
    )

    [trace] = store.list()
    assert (trace.status, trace.model_used, list(trace.models_tried)) == (
        "completed",
        "sdxl",
        ["flux", "sdxl"],
    )
    assert (trace.lesson_id, trace.name, trace.service_name) == ("lesson-1", "illustrate", "lessons")
    assert (trace.error_message, trace.error_class, trace.total_duration_ms) == (None, None, 10_000)


def test_a_failed_attempt_keeps_its_error(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.attempt(failed="no image after 30 s")]))

    [attempt] = store.attempts(model="flux")
    assert (attempt.success, attempt.error, attempt.error_class) == (False, "no image after 30 s", "timeout")
    assert attempt.response == {"success": False, "dataSize": 0, "error": "no image after 30 s"}


def test_a_generation_whose_attempts_all_failed_has_the_last_error(store: Store, new: NewSpans) -> None:
    store.save(
        rows_from(
            [new.attempt(failed="first"), new.attempt(span_id=3, number=2, failed="second"), new.root()]
        )
    )

    [trace] = store.list()
    assert (trace.status, trace.error_message, trace.model_used) == ("failed", "second", None)


def test_a_failed_root_says_why_although_an_attempt_succeeded(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.attempt(), new.root(failed="upload refused")]))

    [trace] = store.list()
    assert (trace.status, trace.error_message, trace.error_class) == ("failed", "upload refused", "timeout")


def test_a_failed_root_without_a_message_still_has_one(store: Store, new: NewSpans) -> None:
    root = new.root(failed="x", error_message=None, error_type=None)
    root._status = type(root.status)(root.status.status_code)  # a status without a description
    store.save(rows_from([root]))

    assert [trace.error_message for trace in store.list()] == ["failed without a message"]


def test_a_root_alone_is_a_completed_generation(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.root(models_tried=["a", "b", "a"], model_used="b")]))

    [trace] = store.list()
    assert (trace.status, list(trace.models_tried), trace.model_used) == ("completed", ["a", "b"], "b")
    assert trace.attempts == ()


def test_attempts_alone_are_a_started_generation(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.attempt(span_id=3, number=2), new.attempt()]))

    [trace] = store.list()
    assert (trace.status, trace.name, trace.lesson_id) == ("started", None, "lesson-1")
    assert (trace.created_at.timestamp() * SECOND, trace.completed_at) == (MORNING + SECOND, None)


@pytest.mark.parametrize(("failed", "status"), [(None, "completed"), ("too slow", "failed")])
def test_an_attempt_without_a_generation_is_its_own(
    store: Store, new: NewSpans, failed: str | None, status: str
) -> None:
    store.save(rows_from([new.attempt(root=None, failed=failed)]))

    [trace] = store.list()
    assert (trace.status, trace.error_message, len(trace.attempts)) == (status, failed, 1)


def test_a_span_that_has_not_ended_starts_the_row(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.root(end_time=None)]))

    [trace] = store.list()
    assert (trace.status, trace.name, trace.completed_at) == ("started", "illustrate", None)


def test_an_interrupted_generation_has_failed_at_a_time_that_nobody_knows(
    store: Store, new: NewSpans
) -> None:
    store.save(rows_from([new.root(end_time=None, is_interrupted=True, request=None)]))

    [trace] = store.list(error_class="interrupted", status="failed")
    assert (trace.error_class, trace.error_message) == ("interrupted", "process ended")
    assert (trace.completed_at, trace.total_duration_ms, trace.is_stalled) == (None, None, False)
    assert (trace.name, trace.lesson_id, trace.service_name) == ("illustrate", "lesson-1", "lessons")


def test_an_interrupted_generation_keeps_its_attempts(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.attempt(), new.root(end_time=None, is_interrupted=True)]))

    [trace] = store.list()
    assert (trace.status, trace.error_class, trace.model_used) == ("failed", "interrupted", "flux")
    assert [attempt.model for attempt in trace.attempts] == ["flux"]


@pytest.mark.parametrize(
    ("is_interrupted", "status", "error"), [(False, "started", None), (True, "failed", "process ended")]
)
def test_a_lone_attempt_that_has_not_ended_is_a_generation_without_attempts(
    store: Store, new: NewSpans, is_interrupted: bool, status: str, error: str | None
) -> None:
    store.save(rows_from([new.attempt(root=None, end_time=None, is_interrupted=is_interrupted)]))

    [trace] = store.list(model="flux")
    assert (trace.status, trace.error_message, trace.attempts) == (status, error, ())
    assert list(trace.models_tried) == ["flux"]


def test_an_attempt_of_a_generation_has_no_row_before_its_end(new: NewSpans) -> None:
    assert rows_from([new.attempt(end_time=None), new.attempt(end_time=None, is_interrupted=True)]).ids == []


def test_spans_that_are_not_about_pictures_are_passed_over(new: NewSpans) -> None:
    assert (
        rows_from(
            [
                new.root(role=None, scope="requests", operation_name="chat"),
                new.attempt(role="agent", scope="x"),
            ]
        ).ids
        == []
    )


def test_our_spans_are_known_by_their_scope_when_their_role_was_dropped(new: NewSpans) -> None:
    rows = rows_from([new.root(role=None), new.attempt(role=None, operation_name=None)])

    assert (len(rows.traces), len(rows.attempts)) == (1, 1)


def test_a_program_in_any_language_needs_only_the_attribute_names(store: Store, new: NewSpans) -> None:
    attempt = new.attempt(
        scope="my-generator", outcome=None, request=None, steps=20, size="512x512", image_bytes=[10, 20]
    )
    store.save(rows_from([attempt]))

    [found] = store.attempts()
    assert (found.outcome, found.success, found.response["dataSize"]) == ("ok", True, 30)
    assert found.request["options"] == {"size": "512x512", "steps": 20}


def test_pictures_come_with_what_their_headers_told(store: Store, new: NewSpans) -> None:
    picture = {
        "index": 0,
        "mime_type": "image/png",
        "width": 64,
        "height": 32,
        "dataSize": 99,
        "sha256": "ab",
        "url": None,
    }
    store.save(rows_from([new.attempt(images=json.dumps([picture]))]))

    [attempt] = store.attempts()
    [image] = attempt.images
    assert (image.mime_type, image.width, image.height, image.size_bytes) == ("image/png", 64, 32, 99)
    assert attempt.response["dataSize"] == 99


def test_what_the_caller_added_to_the_response_stands_beside_ours(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.attempt(response=json.dumps({"seed": 7, "success": "lies"}))]))

    [attempt] = store.attempts()
    assert attempt.response == {"seed": 7, "success": True, "dataSize": 0, "error": None}


@pytest.mark.parametrize(
    ("outcome", "success", "error_class"),
    [
        ("ok", True, None),
        ("mismatch", True, None),
        ("duplicate", True, None),
        ("blank", False, "bad_image"),
        ("corrupt", False, "bad_image"),
        ("refused", False, "refused"),
        ("no_image", False, "no_image"),
        ("error", False, "unknown"),
    ],
)
def test_an_outcome_says_whether_a_picture_came(
    store: Store, new: NewSpans, outcome: str, success: bool, error_class: str | None
) -> None:
    store.save(rows_from([new.attempt(outcome=outcome)]))

    [attempt] = store.attempts()
    assert (attempt.outcome, attempt.success, attempt.error_class) == (outcome, success, error_class)


EVERYWHERE = (
    "attempt_number",
    "error_category",
    "error_message",
    "error_type",
    "generation_id",
    "image_bytes",
    "image_urls",
    "images",
    "lesson_id",
    "model_used",
    "models_tried",
    "negative_prompt",
    "outcome",
    "prompt",
    "provider_name",
    "request",
    "request_model",
    "response",
    "width",
    "workflow_name",
)
HOSTILE: list[Any] = [
    "a\0b", "\ud800", "\ud83d\ude00", '{"cut', "[" * 5_000 + "]" * 5_000, '{"a": NaN}', "[1e999]",
    "1" * 6_000, '{"a": "\\u0000"}', '{"\\ud800": 1}', "", "x" * 300_000, 5, 2**200, float("nan"),
    float("-inf"), True, b"\xff\x00", ["a", "b"], [], [None], {"a": {"b": [1]}}, {"a": float("nan")},
    "null", "{}", '"text"', "1.5e-400",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:20])
def test_any_value_of_any_attribute_is_stored_and_read_back(store: Store, new: NewSpans, value: Any) -> None:
    everywhere = dict.fromkeys(EVERYWHERE, value)
    rows = rows_from(
        [new.root(**everywhere), new.attempt(**everywhere), new.attempt(span_id=5, prompt=value)]
    )
    store.save(rows)

    assert rows.unreadable == 0
    assert len(store.list()) == len(rows.ids)
    assert all(json.loads(text)["id"] for text in store.iter_json())


@pytest.mark.parametrize("start", [-5, 0, 2**63 - 1, 400_000_000_000 * SECOND, 2**70])
def test_times_are_clamped_to_what_can_be_read_back(store: Store, new: NewSpans, start: int) -> None:
    store.save(
        rows_from(
            [new.root(start_time=start, end_time=start - 7), new.attempt(start_time=start, end_time=start)]
        )
    )

    [trace] = store.list()
    assert 1970 <= trace.created_at.year <= 9999
    assert (trace.total_duration_ms, trace.attempts[0].duration_ms) == (0, 0)


def test_a_lesson_id_is_cut_to_what_an_index_takes(store: Store, new: NewSpans) -> None:
    store.save(rows_from([new.root(lesson_id="🦊" * 3_000)]))

    [trace] = store.list(lesson_id="🦊" * 3_000)
    assert trace.lesson_id == "🦊" * 500


def test_one_strange_span_does_not_cost_the_others(store: Store, new: NewSpans) -> None:
    strange = new.attempt(span_id=9, outcome=None)
    strange._status = None  # type: ignore[assignment]
    rows = rows_from([strange, new.attempt(), new.root()])
    store.save(rows)

    assert len(store.attempts()) == 1
    assert rows.unread == [(strange, "it cannot be read: AttributeError")]
    assert (rows.unreadable, rows.readable) == (1, 2)


def test_the_service_is_the_roots(store: Store, new: NewSpans) -> None:
    other = Resource({"service.name": "worker"})
    store.save(rows_from([new.attempt(resource=other), new.root()]))

    assert [trace.service_name for trace in store.list()] == ["lessons"]
    assert len(store.list(service="lessons")) == 1
