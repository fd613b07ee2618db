"""What the images endpoints of OpenAI answer, written after its API reference."""

import base64
from typing import Any

from tests.image_tracing.instrumentors.servers import Answer, json_answer

USAGE: dict[str, Any] = {
    "input_tokens": 50,
    "output_tokens": 1056,
    "total_tokens": 1106,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 50},
}


def encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def pictures(*contents: bytes, **more: Any) -> Answer:
    """A reply with these pictures."""
    data = [{"b64_json": encoded(content)} for content in contents]
    return json_answer(
        {"created": 1_761_474_600, "data": data, "usage": USAGE, **more}, x_request_id="req_of_this_call"
    )


def refusal(status: int, code: str | None, message: str, *, kind: str = "invalid_request_error") -> Answer:
    """An error as the API tells it; never tried again."""
    return json_answer(
        {"error": {"message": message, "type": kind, "param": None, "code": code}},
        status=status,
        x_request_id="req_of_this_call",
        x_should_retry="false",
    )


def partial(picture: bytes, index: int, *, kind: str = "image_generation") -> dict[str, Any]:
    """A partial picture of a stream."""
    return {"type": f"{kind}.partial_image", "partial_image_index": index, **_event(picture)}


def completed(picture: bytes, *, kind: str = "image_generation") -> dict[str, Any]:
    """The picture at the end of a stream."""
    return {"type": f"{kind}.completed", "usage": USAGE, **_event(picture)}


def _event(picture: bytes) -> dict[str, Any]:
    return {
        "b64_json": encoded(picture),
        "background": "opaque",
        "created_at": 1_761_474_600,
        "output_format": "png",
        "quality": "low",
        "size": "1024x1024",
    }
