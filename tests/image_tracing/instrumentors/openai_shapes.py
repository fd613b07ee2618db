"""What the images endpoints of OpenAI answer, written after its API reference."""

import base64
from typing import Any

import openai
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


SAFETY = "Your request was rejected as a result of our safety system."
FAILURES: dict[str, tuple[Answer, type[Exception], str]] = {
    "refused by moderation": (
        refusal(400, "moderation_blocked", SAFETY, kind="image_generation_user_error"),
        openai.BadRequestError,
        "refused",
    ),
    "refused by the policy": (
        refusal(400, "content_policy_violation", SAFETY),
        openai.BadRequestError,
        "refused",
    ),
    "refused in words": (refusal(400, None, SAFETY), openai.BadRequestError, "refused"),
    "rate limit": (
        refusal(429, "rate_limit_exceeded", "Rate limit reached for gpt-image-2", kind="requests"),
        openai.RateLimitError,
        "rate_limited",
    ),
    "quota": (
        refusal(429, "insufficient_quota", "You exceeded your current quota", kind="insufficient_quota"),
        openai.RateLimitError,
        "quota",
    ),
    "hard limit": (
        refusal(400, "billing_hard_limit_reached", "Billing hard limit has been reached"),
        openai.BadRequestError,
        "quota",
    ),
    "bad key": (
        refusal(401, "invalid_api_key", "Incorrect API key provided: sk-test."),
        openai.AuthenticationError,
        "auth",
    ),
    "not verified": (
        refusal(403, None, "Your organization must be verified to use the model"),
        openai.PermissionDeniedError,
        "auth",
    ),
    "no such model": (
        refusal(404, "model_not_found", "The model does not exist"),
        openai.NotFoundError,
        "not_found",
    ),
    "bad size": (
        refusal(400, "invalid_value", "Invalid value: '7x7'"),
        openai.BadRequestError,
        "invalid_request",
    ),
    "server error": (
        refusal(500, None, "The server had an error", kind="server_error"),
        openai.InternalServerError,
        "server_error",
    ),
    "overloaded": (
        refusal(503, None, "The engine is currently overloaded"),
        openai.InternalServerError,
        "server_error",
    ),
    "gateway page": (
        Answer(status=502, body=b"<html>Bad Gateway</html>", headers={"content-type": "text/html"}),
        openai.InternalServerError,
        "server_error",
    ),
    "dropped connection": (Answer(is_dropped=True), openai.APIConnectionError, "connection"),
    "cut body": (
        Answer(body=b'{"data": [', headers={"content-type": "application/json"}, is_cut=True),
        Exception,
        "connection",
    ),
    "malformed body": (
        Answer(body=b'{"data": [', headers={"content-type": "application/json"}),
        ValueError,
        "server_error",
    ),
}
