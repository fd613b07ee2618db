"""The JSON document of a trace (contract section 5) and the dataclasses, one made from the other."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from image_tracing_postgres.records import Attempt, Image, Trace


def trace_from(document: Mapping[str, Any]) -> Trace:
    """The trace that a document of the store describes."""
    return Trace(
        id=UUID(document["id"]),
        lesson_id=document["lesson_id"],
        status=document["status"],
        model_used=document["model_used"],
        models_tried=tuple(document["models_tried"]),
        total_duration_ms=document["total_duration_ms"],
        request_data=document["request_data"],
        response_data=document["response_data"],
        error_message=document["error_message"],
        error_class=document["error_class"],
        created_at=datetime.fromisoformat(document["created_at"]),
        completed_at=_time(document["completed_at"]),
        name=document["name"],
        service_name=document["service_name"],
        otel_trace_id=document["otel_trace_id"],
        otel_span_id=document["otel_span_id"],
        is_stalled=document["is_stalled"],
        attempts=tuple(_attempt_from(attempt) for attempt in document["image_generation_attempts"]),
    )


def document_from(trace: Trace) -> dict[str, Any]:
    """The document of a trace, ready for `json.dumps`; the same keys in the same order as the REST API's."""
    return {
        "id": str(trace.id),
        "lesson_id": trace.lesson_id,
        "status": trace.status,
        "model_used": trace.model_used,
        "models_tried": list(trace.models_tried),
        "total_duration_ms": trace.total_duration_ms,
        "request_data": trace.request_data,
        "response_data": trace.response_data,
        "error_message": trace.error_message,
        "error_class": trace.error_class,
        "created_at": _text(trace.created_at),
        "completed_at": None if trace.completed_at is None else _text(trace.completed_at),
        "name": trace.name,
        "service_name": trace.service_name,
        "otel_trace_id": trace.otel_trace_id,
        "otel_span_id": trace.otel_span_id,
        "is_stalled": trace.is_stalled,
        "image_generation_attempts": [_document_of_attempt(attempt) for attempt in trace.attempts],
    }


def _attempt_from(document: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number=document["number"],
        model=document["model"],
        provider=document["provider"],
        prompt=document["prompt"],
        request=document["request"],
        response=document["response"],
        duration_ms=document["duration_ms"],
        success=document["success"],
        error=document["error"],
        error_class=document["error_class"],
        outcome=document["outcome"],
        started_at=datetime.fromisoformat(document["timestamp"]),
        otel_span_id=document["otel_span_id"],
        images=_images_from(document["images"]),
    )


def _images_from(documents: Any) -> tuple[Image, ...]:
    """The images as far as they have the shape of images: the column takes any JSON of other writers."""
    if not isinstance(documents, list):
        return ()
    return tuple(
        Image(
            index=index if (number := _number(document.get("index"))) is None else number,
            mime_type=_string(document.get("mime_type")),
            width=_number(document.get("width")),
            height=_number(document.get("height")),
            size_bytes=_number(document.get("dataSize")),
            sha256=_string(document.get("sha256")),
            url=_string(document.get("url")),
        )
        for index, document in enumerate(documents)
        if isinstance(document, dict)
    )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _document_of_attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "model": attempt.model,
        "provider": attempt.provider,
        "prompt": attempt.prompt,
        "request": dict(attempt.request),
        "response": dict(attempt.response),
        "duration_ms": attempt.duration_ms,
        "success": attempt.success,
        "error": attempt.error,
        "error_class": attempt.error_class,
        "outcome": attempt.outcome,
        "timestamp": _text(attempt.started_at),
        "number": attempt.number,
        "otel_span_id": attempt.otel_span_id,
        "images": [
            {
                "index": image.index,
                "mime_type": image.mime_type,
                "width": image.width,
                "height": image.height,
                "dataSize": image.size_bytes,
                "sha256": image.sha256,
                "url": image.url,
            }
            for image in attempt.images
        ],
    }


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _text(time: datetime) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
