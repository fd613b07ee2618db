"""Why a foreign call failed, of which only words are left."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from image_tracing import attributes as names
from image_tracing.error_classes import error_class_of
from image_tracing.error_words import CLASS_NAMES
from image_tracing.fields import text_of
from image_tracing_postgres.foreign.documents import first

Attributes = Mapping[str, Any]

_MESSAGES: Final = (names.ERROR_MESSAGE, "error.message", "exception.message")
_CODES: Final = (names.ERROR_TYPE, "litellm.provider.error.code", "exception.type")
_STATUS: Final = re.compile(r"(?i)\b(?:error code|status(?: code)?|http)[ :=]{1,3}([1-5][0-9]{2})\b")


class Failure(NamedTuple):
    """`kind` is a code or the name of an exception."""

    kind: str
    error_class: str
    message: str | None


class _ToldError(Exception):
    """What the classifier of exceptions looks at."""

    code: str = ""
    status_code: int | None = None


def failure_in(span: ReadableSpan, attributes: Attributes) -> Failure | None:
    """Why the call failed; None for one that did not."""
    kind = text_of(attributes.get(names.ERROR_TYPE))
    if span.status.status_code is not StatusCode.ERROR and kind is None:
        return None
    message = text_of(first(attributes, _MESSAGES)) or text_of(span.status.description)
    codes = _codes(attributes)
    for event in span.events:
        of_event = event.attributes or {}
        codes += _codes(of_event)
        message = message or text_of(of_event.get("exception.message"))
    status = attributes.get(names.HTTP_RESPONSE_STATUS_CODE)
    return Failure(codes[0] if codes else "error", _class_of(message or "", codes, status), message)


def _codes(attributes: Attributes) -> list[str]:
    return [code[:200] for key in _CODES if (code := text_of(attributes.get(key)))]


def _class_of(message: str, codes: list[str], status: object) -> str:
    error = _ToldError(message)
    error.code = " ".join(codes)
    found = _STATUS.search(message[:1_000])
    error.status_code = status if isinstance(status, int) else int(found[1]) if found else None
    error_class = error_class_of(error)
    if error_class != "unknown":
        return error_class
    words = error.code.lower()
    return next((known for part, known in CLASS_NAMES if part in words), "unknown")
