"""Records as the store gives them, every field overridable."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from image_tracing_postgres.records import Attempt, Image, Trace

BEGAN_AT = datetime(2025, 10, 26, 10, 30, tzinfo=UTC)

AttemptFactory = Callable[..., Attempt]
TraceFactory = Callable[..., Trace]


@pytest.fixture(scope="session")
def image() -> Callable[..., Image]:
    def image_of(**fields: Any) -> Image:
        plain: dict[str, Any] = {
            "index": 0,
            "mime_type": "image/png",
            "width": 1024,
            "height": 1024,
            "size_bytes": 212_272,
            "sha256": "ab" * 32,
            "url": None,
        }
        return Image(**plain | fields)

    return image_of


@pytest.fixture(scope="session")
def attempt() -> AttemptFactory:
    """An attempt; `at_ms` is its start after the generation's. A class of error makes it a failed one."""

    def attempt_of(*, at_ms: int = 0, **fields: Any) -> Attempt:
        failed = "error_class" in fields
        plain: dict[str, Any] = {
            "number": 1,
            "model": "stabilityai/sdxl-turbo",
            "provider": "huggingface",
            "prompt": "a red fox",
            "request": {"prompt": "a red fox", "model": "stabilityai/sdxl-turbo", "options": {}},
            "response": {"success": not failed, "dataSize": 0, "error": None},
            "duration_ms": 1000,
            "success": not failed,
            "error": "it broke" if failed else None,
            "error_class": None,
            "outcome": "error" if failed else "ok",
            "started_at": BEGAN_AT + timedelta(milliseconds=at_ms),
            "otel_span_id": "00f067aa0ba902b7",
            "images": (),
        }
        return Attempt(**plain | fields)

    return attempt_of


@pytest.fixture(scope="session")
def trace(attempt: AttemptFactory) -> TraceFactory:
    def trace_of(*attempts: Attempt, **fields: Any) -> Trace:
        plain: dict[str, Any] = {
            "id": UUID("123e4567-e89b-12d3-a456-426614174000"),
            "lesson_id": "lesson-123",
            "status": "completed",
            "model_used": next((each.model for each in reversed(attempts) if each.success), None),
            "models_tried": list(dict.fromkeys(each.model for each in attempts if each.model)),
            "total_duration_ms": 4000,
            "request_data": {"prompts": ["a red fox"]},
            "response_data": {},
            "error_message": None,
            "error_class": None,
            "created_at": BEGAN_AT,
            "completed_at": BEGAN_AT + timedelta(seconds=4),
            "name": "illustrate",
            "service_name": "lessons",
            "otel_trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "otel_span_id": "00f067aa0ba902b7",
            "is_stalled": False,
            "attempts": attempts,
        }
        return Trace(**plain | fields)

    return trace_of
