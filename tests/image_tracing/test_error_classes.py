"""Failures are told apart by duck typing; what nothing tells is unknown."""

import asyncio
import json
import urllib.error
from email.message import Message
from typing import Any

import httpx2
import openai
import PIL
import pytest
from google.auth import exceptions as google_exceptions
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError, LocalTokenNotFoundError

from image_tracing import ErrorClass, NoImageError
from image_tracing.error_classes import error_class_of, status_code_of
from image_tracing.spans import error_text

REQUEST = httpx2.Request("POST", "http://127.0.0.1")


def error(name: str, message: str = "x", /, **fields: Any) -> Exception:
    """An exception of an SDK that is not imported."""
    made: Exception = type(name, (Exception,), {})(message)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def hub_error(status: int, message: str = "") -> HfHubHTTPError:
    return HfHubHTTPError(message, response=httpx2.Response(status, request=REQUEST))


def fal_error(kind: str) -> Exception:
    return error("FalClientHTTPError", status_code=422, message=[{"loc": ["body"], "type": kind}])


def google_error(name: str, message: str) -> Exception:
    made: Exception = getattr(google_exceptions, name)(message)
    return made


def caused(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


NO_KEY = httpx2.LocalProtocolError("Illegal header value b'Bearer '")
AWS = {"Error": {"Code": "ThrottlingException"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
CASES: list[tuple[BaseException | str, ErrorClass]] = [
    (TimeoutError("no image after 30 s"), "timeout"),
    (InferenceTimeoutError("x"), "timeout"),
    (hub_error(503, "Model is currently loading"), "model_loading"),
    (error("InternalServerError", "overloaded or not ready yet", status_code=503), "server_error"),
    (hub_error(429), "rate_limited"),
    (hub_error(402), "quota"),
    (hub_error(401), "auth"),
    (hub_error(403), "auth"),
    (hub_error(404), "not_found"),
    (hub_error(400), "invalid_request"),
    (hub_error(500), "server_error"),
    (hub_error(504), "timeout"),
    (httpx2.ConnectError("x"), "connection"),
    (httpx2.ReadTimeout("x"), "timeout"),
    (asyncio.CancelledError(), "cancelled"),
    (KeyboardInterrupt(), "cancelled"),
    (SystemExit(1), "interrupted"),
    (ConnectionResetError("x"), "connection"),
    (MemoryError(), "out_of_memory"),
    (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
    (error("OutOfMemoryError"), "out_of_memory"),
    (PIL.UnidentifiedImageError("cannot identify image file"), "bad_image"),
    (OSError("image file is truncated (5 bytes not processed)"), "bad_image"),
    (error("RateLimitError", status_code=429, body={"code": "insufficient_quota"}), "quota"),
    (error("BadRequestError", "our safety system", status_code=400, type="invalid_request_error"), "refused"),
    (error("InternalServerError", status_code=503, type="invalid_request_error"), "server_error"),
    (error("PermissionDeniedError", status_code=403, type="invalid_request_error"), "auth"),
    (error("BadRequestError", status_code=400, type="invalid_request_error"), "invalid_request"),
    (json.JSONDecodeError("x", "{", 1), "server_error"),
    (caused(error("ClientPayloadError"), error("ContentLengthError", code=400)), "connection"),
    (error("ClientError", "exceeded your current quota: PerMinute", code=429), "rate_limited"),
    (error("ClientError", "exceeded your current quota: PerMinute, PerDay", code=429), "quota"),
    (error("ClientError", "API key not valid", code=400, status="INVALID_ARGUMENT"), "auth"),
    (error("ChunkedEncodingError", "Connection broken: IncompleteRead(9 bytes read)"), "connection"),
    (error("RateLimitError", status_code=429, code="rate_limit_exceeded"), "rate_limited"),
    (error("BadRequestError", status_code=400, code="moderation_blocked"), "refused"),
    (error("BadRequestError", "safety system", status_code=400), "refused"),
    (error("BadRequestError", status_code=400), "invalid_request"),
    (error("AuthenticationError", status_code=401), "auth"),
    (error("APITimeoutError"), "timeout"),
    (error("APIConnectionError"), "connection"),
    (error("InternalServerError", status_code=500), "server_error"),
    (error("ContentPolicyViolationError"), "refused"),
    (error("ContentPolicyViolationError", "not allowed", status_code=400), "refused"),
    (error("BudgetExceededError", "Budget has been exceeded!"), "quota"),
    (error("PermissionDeniedError", "Your team doesn't have any credits yet", status_code=403), "quota"),
    (error("BadRequestError", "Billing hard limit has been reached", status_code=400), "quota"),
    (NO_KEY, "auth"),
    (caused(openai.APIConnectionError(request=REQUEST), NO_KEY), "auth"),
    (error("InvalidHeader", "Invalid return character in header value: 'x'"), "auth"),
    (LocalTokenNotFoundError("Token is required"), "auth"),
    (google_error("DefaultCredentialsError", "Your default credentials were not found."), "auth"),
    (google_error("RefreshError", "invalid_grant: Bad Request"), "auth"),
    (google_error("TransportError", "could not reach the metadata server"), "connection"),
    (httpx2.ProxyError("503 Service Unavailable"), "connection"),
    (httpx2.UnsupportedProtocol("Request URL is missing an 'http://'"), "invalid_request"),
    (error("ClientError", code=429, status="RESOURCE_EXHAUSTED"), "rate_limited"),
    (error("ClientError", code=400, status="INVALID_ARGUMENT"), "invalid_request"),
    (error("ServerError", code=503, status="UNAVAILABLE"), "server_error"),
    (error("ServerError", code=504, status="DEADLINE_EXCEEDED"), "timeout"),
    (error("FalClientHTTPError", "flagged as unsafe", status_code=422), "refused"),
    (fal_error("no_media_generated"), "no_image"),
    (error("FalClientHTTPError", "User is locked. Reason: TOP_UP.", status_code=403), "quota"),
    (error("FalClientTimeoutError"), "timeout"),
    (error("ModelError", "NSFW content detected. Try running it again"), "refused"),
    (error("ReplicateError", status=404), "not_found"),
    (error("ClientError", response=AWS), "rate_limited"),
    (urllib.error.HTTPError("http://x", 429, "Too Many", Message(), None), "rate_limited"),
    (NoImageError("x", outcome="refused", error_class="refused"), "refused"),
    (caused(RuntimeError("painting failed"), TimeoutError()), "timeout"),
    (ExceptionGroup("all failed", [ValueError("x"), TimeoutError()]), "timeout"),
    (StopIteration(), "unknown"),
    (ValueError("x"), "unknown"),
    (FileNotFoundError("x"), "unknown"),
    (ModuleNotFoundError("No module named 'torch'"), "unknown"),
    ("Model timeout", "timeout"),
    ("anything else", "unknown"),
]


@pytest.mark.parametrize(("failure", "error_class"), CASES, ids=lambda value: repr(value)[:60])
def test_a_failure_has_its_class(failure: BaseException | str, error_class: ErrorClass) -> None:
    assert error_class_of(failure) == error_class


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("str")

    @property
    def status_code(self) -> int:
        raise RuntimeError("status_code")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_a_hostile_exception_is_only_unknown() -> None:
    assert error_class_of(HostileError()) == "unknown"
    assert status_code_of(HostileError()) is None
    assert error_text(HostileError(), has_content=True) == "HostileError"


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first

    assert error_class_of(first) == "unknown"


def test_an_error_without_a_message_is_told_by_its_class() -> None:
    assert error_text(StopIteration(), has_content=True) == "StopIteration"


def test_secrets_in_messages_are_redacted() -> None:
    failure = ConnectionError("could not reach postgresql://me:hunter2@host/db")

    assert error_text(failure, has_content=True) == (
        "ConnectionError: could not reach postgresql://me:[redacted]@host/db"
    )
