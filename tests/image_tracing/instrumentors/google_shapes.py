"""What the Gemini API and Vertex AI answer, written after their API references."""

import base64
import json
from typing import Any

from tests.image_tracing.instrumentors.servers import Answer, json_answer

USAGE = {
    "promptTokenCount": 7,
    "candidatesTokenCount": 1290,
    "thoughtsTokenCount": 100,
    "totalTokenCount": 1397,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
}
SENSITIVE = (
    "Image generation failed with the following error: The prompt could not be submitted. This prompt "
    "contains sensitive words that violate Google's Responsible AI practices."
)


def picture_part(picture: bytes, **more: Any) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(picture).decode()}, **more}


def content(*parts: dict[str, Any], reason: str | None = "STOP", **more: Any) -> dict[str, Any]:
    """A reply of one candidate; no parts at all where `parts` is empty."""
    candidate: dict[str, Any] = {
        "content": {"role": "model", "parts": list(parts)} if parts else {"role": "model"},
        "index": 0,
    }
    if reason is not None:
        candidate["finishReason"] = reason
    return whole({**candidate, **more})


def whole(*candidates: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "candidates": list(candidates),
        "usageMetadata": USAGE,
        "modelVersion": "gemini-2.5-flash-image-001",
        "responseId": "id_of_this_reply",
        **more,
    }


def blocked(reason: str) -> dict[str, Any]:
    """A reply to a prompt that was not let through."""
    return {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 7}}


def pictures(*contents: bytes) -> Answer:
    """A reply of Gemini with these pictures."""
    return json_answer(content(*map(picture_part, contents)))


def events(*chunks: dict[str, Any], is_cut: bool = False) -> Answer:
    """A stream of replies."""
    text = "".join(f"data: {json.dumps(chunk)}\r\n\r\n" for chunk in chunks)
    return Answer(body=text.encode(), headers={"content-type": "text/event-stream"}, is_cut=is_cut)


def prediction(picture: bytes, **more: Any) -> dict[str, Any]:
    return {"mimeType": "image/png", "bytesBase64Encoded": base64.b64encode(picture).decode(), **more}


def imagen(*predictions: dict[str, Any]) -> Answer:
    """A reply of Imagen."""
    return json_answer({"predictions": predictions})


def refusal(code: int, status: str, message: str, *details: dict[str, Any]) -> Answer:
    """An error as Google's APIs tell it."""
    error = {"code": code, "status": status, "message": message, "details": list(details)}
    return json_answer({"error": error}, status=code)


def limit(identity: str) -> Answer:
    """A limit that was reached; Gemini calls each a quota, `identity` says which."""
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": identity}]}
    return refusal(
        429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan.", failure
    )


KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
JSON = {"content-type": "application/json"}
FAILURES: dict[str, tuple[Answer, str]] = {
    "refused in words": (refusal(400, "INVALID_ARGUMENT", SENSITIVE), "refused"),
    "rate limit": (limit("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), "rate_limited"),
    "rate limit of Vertex": (refusal(429, "RESOURCE_EXHAUSTED", "Resource exhausted."), "rate_limited"),
    "quota": (limit("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), "quota"),
    "bad key": (refusal(400, "INVALID_ARGUMENT", "API key not valid.", KEY), "auth"),
    "no key": (refusal(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers"), "auth"),
    "token expired": (refusal(401, "UNAUTHENTICATED", "Request had invalid credentials"), "auth"),
    "no such model": (refusal(404, "NOT_FOUND", "models/x is not found"), "not_found"),
    "bad size": (refusal(400, "INVALID_ARGUMENT", "aspect_ratio must be one of"), "invalid_request"),
    "wrong country": (
        refusal(400, "FAILED_PRECONDITION", "User location is not supported"),
        "invalid_request",
    ),
    "server error": (refusal(500, "INTERNAL", "An internal error has occurred"), "server_error"),
    "overloaded": (refusal(503, "UNAVAILABLE", "The model is overloaded"), "server_error"),
    "too late": (refusal(504, "DEADLINE_EXCEEDED", "The request timed out"), "timeout"),
    "gateway page": (Answer(status=502, body=b"<html>Bad Gateway</html>"), "server_error"),
    "dropped connection": (Answer(is_dropped=True), "connection"),
    "cut body": (Answer(body=b'{"candidates": [', headers=JSON, is_cut=True), "connection"),
    "malformed body": (Answer(body=b'{"candidates": [', headers=JSON), "server_error"),
}
