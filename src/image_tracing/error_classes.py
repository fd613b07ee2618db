"""One classifier from a failure to its error class, by duck typing: no SDK is imported.

Asked in this order: the exception's own class, error codes in words, the HTTP status, class names,
the message; then what it was raised from. What none of them tells is `unknown`.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from image_tracing.attributes import ErrorClass
from image_tracing.error_words import (
    CLASS_NAMES,
    CODES,
    HEADER_TEXT,
    KEY_TEXTS,
    LOADING_TEXTS,
    MINUTE_TEXTS,
    QUOTA_TEXTS,
    REFUSED_TEXTS,
    TEXTS,
)
from image_tracing.errors import NoImageError

_CHAIN_LIMIT: Final = 4
_GENERAL: Final[frozenset[ErrorClass]] = frozenset({"invalid_request", "server_error"})
_PRECISE: Final[frozenset[ErrorClass]] = frozenset({"quota", "refused"})
_DETAIL_LIMIT: Final = 10
_MESSAGE_LIMIT: Final = 4_000


def error_class_of(error: BaseException | str) -> ErrorClass:
    """The class of an exception, or of a failure told in words; `unknown` where nothing tells."""
    if isinstance(error, str):
        return _class_of_text(error.lower()) or "unknown"
    if type(error) is TimeoutError:
        return "timeout"
    try:
        for link in _chain(error, set()):
            found = _class_of(link)
            if found is not None:
                return found
    except Exception:  # noqa: BLE001 - an exception with hostile attributes is still only unknown
        return "unknown"
    return "unknown"


def status_code_of(error: BaseException) -> int | None:
    """The HTTP status that an exception of an SDK carries, from 100 to 599; None if it carries none."""
    if not _is_telling(error):
        return None
    response = _attribute(error, "response")
    for holder, names in (
        (error, ("status_code", "code", "status", "http_status")),
        (response, ("status_code", "status")),
    ):
        for name in names:
            value = _attribute(holder, name)
            if type(value) is int and 100 <= value <= 599:
                return value
            if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
                return int(value)
    if isinstance(response, dict):
        metadata = response.get("ResponseMetadata")
        status = metadata.get("HTTPStatusCode") if isinstance(metadata, dict) else None
        if type(status) is int:
            return status
    return None


def message_of(error: BaseException) -> str:
    """`str(error)`, or "" where that fails."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a hostile __str__ must not hurt the host
        return ""


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """The exception, then what it was raised from, then the members of a group."""
    if id(error) in seen or len(seen) >= _CHAIN_LIMIT:
        return
    seen.add(id(error))
    yield error
    if error.__cause__ is not None:
        yield from _chain(error.__cause__, seen)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:_CHAIN_LIMIT]:
            yield from _chain(member, seen)


def _class_of(error: BaseException) -> ErrorClass | None:
    kind: type = type(error)
    is_telling = _is_telling(error)
    if isinstance(error, NoImageError):
        return error.error_class
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):
        return "cancelled"
    if isinstance(error, SystemExit):
        return "interrupted"
    if isinstance(error, MemoryError):
        return "out_of_memory"
    class_names = _class_names(kind)
    if "cancellederror" in class_names:
        return "cancelled"
    message = message_of(error)[:_MESSAGE_LIMIT].lower()
    status = status_code_of(error) if is_telling else None
    codes = " ".join(_codes(error)).lower() if is_telling else ""
    if codes:
        for part, error_class in CODES:
            if part not in codes:
                continue
            if error_class == "rate_limited":
                return _class_of_limit(message)
            # UNAVAILABLE, INTERNAL and invalid_request_error say less than the status and words beside them.
            if error_class not in _GENERAL or status is None:
                return error_class
    by_name = _class_by_name(kind)
    if status is not None:
        by_status = _class_of_status(status, message, " ".join(class_names))
        if by_status == "invalid_request" and by_name in _PRECISE:
            # litellm's ContentPolicyViolationError has the status of any bad request.
            return by_name
        if by_status is not None:
            return by_status
    if isinstance(error, TimeoutError):
        return "timeout"
    # A connection that failed for want of time is a time-out, a refused prompt a refusal.
    if by_name == "connection" and ("timed out" in message or "timeout" in message):
        return "timeout"
    if by_name == "connection":
        cause = "" if error.__cause__ is None else message_of(error.__cause__)[:_MESSAGE_LIMIT].lower()
        if HEADER_TEXT in message or HEADER_TEXT in cause:
            return "auth"
    if by_name == "invalid_request" and _holds(message, REFUSED_TEXTS):
        return "refused"
    return by_name or _class_of_text(message)


@lru_cache(maxsize=512)
def _class_names(kind: type) -> tuple[str, ...]:
    """Its name and those of its bases, without BaseException and object."""
    return tuple(base.__name__.lower() for base in kind.__mro__[:-2])


@lru_cache(maxsize=512)
def _class_by_name(kind: type) -> ErrorClass | None:
    for class_name in _class_names(kind):
        for part, error_class in CLASS_NAMES:
            if part in class_name:
                return error_class
    return None


def _is_telling(error: BaseException) -> bool:
    """Whether the exception has any field of its own or of its class that could tell a status or code."""
    try:
        kind: type = type(error)
        return bool(error.__dict__) or _has_fields(kind)
    except AttributeError:
        return True


@lru_cache(maxsize=512)
def _has_fields(kind: type) -> bool:
    return any(
        hasattr(kind, name)
        for name in (
            "body",
            "code",
            "error_type",
            "http_status",
            "response",
            "status",
            "status_code",
            "type",
            "__getattr__",
        )
    )


def _class_of_status(status: int, message: str, class_names: str) -> ErrorClass | None:
    if status == 402:
        return "quota"
    if status == 429:
        return _class_of_limit(message)
    if status == 400 and _holds(message, KEY_TEXTS):
        return "auth"
    if status in (400, 403, 422, 451) and _holds(message, REFUSED_TEXTS):
        return "refused"
    if status in (400, 403) and _holds(message, QUOTA_TEXTS):
        return "quota"
    if status in (401, 403, 407):
        return "auth"
    if status in (404, 410):
        return "not_found"
    if status in (408, 504, 524):
        return "timeout"
    if status == 499:
        return "cancelled"
    is_loading = "hfhub" in class_names or _holds(message, LOADING_TEXTS)
    # "The server is overloaded or not ready yet": too busy, not on its way.
    if status == 503 and is_loading and "overloaded" not in message:
        return "model_loading"
    if status >= 500:
        return "out_of_memory" if "out of memory" in message else "server_error"
    if status >= 400:
        return "invalid_request"
    return None


def _class_of_limit(message: str) -> ErrorClass:
    """Whether too much was asked for at a time, or all that there is has been used up."""
    is_short = _holds(message, MINUTE_TEXTS) and "perday" not in message
    return "quota" if _holds(message, QUOTA_TEXTS) and not is_short else "rate_limited"


def _codes(error: BaseException) -> Iterator[str]:
    """Codes in words: of the exception itself, of its body, Google's status, AWS's answer, fal's details."""
    for name in ("code", "type", "status", "error_type"):
        value = _attribute(error, name)
        if isinstance(value, str):
            yield value[:200]
    body = _attribute(error, "body")
    response = _attribute(error, "response")
    for holder in (body, response):
        if not isinstance(holder, dict):
            continue
        inner = holder.get("error", holder.get("Error", holder))
        if isinstance(inner, dict):
            for name in ("code", "type", "status", "Code"):
                value = inner.get(name)
                if isinstance(value, str):
                    yield value[:200]
    # Fal's exceptions have a list of details for a message.
    message = _attribute(error, "message")
    for detail in message[:_DETAIL_LIMIT] if isinstance(message, list) else ():
        value = detail.get("type") if isinstance(detail, dict) else None
        if isinstance(value, str):
            yield value[:200]


def _class_of_text(message: str) -> ErrorClass | None:
    for texts, error_class in TEXTS:
        if _holds(message, texts):
            return error_class
    return None


def _holds(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)


def _attribute(holder: object, name: str) -> Any:
    try:
        return getattr(holder, name, None)
    except Exception:  # noqa: BLE001 - a hostile property must not hurt the host
        return None
