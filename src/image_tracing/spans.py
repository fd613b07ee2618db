"""Spans as generations and attempts write them."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from opentelemetry.trace import Span, StatusCode

from image_tracing import attributes as names
from image_tracing.content import clean_text
from image_tracing.error_classes import message_of
from image_tracing.faults import tell_once
from image_tracing.storable import SPAN_LIMIT_BYTES, cut, size_bytes

_ERROR_LIMIT_BYTES: Final = 8_192
_TRACEBACK_LIMIT_BYTES: Final = 32_768
# A text longer than this can be what brings a span over its limit.
_LONG: Final = 4_096
# Room for the attributes that are never long.
_REST_BYTES: Final = 32_768


def has_kept(span: Span, attributes: Mapping[str, Any]) -> bool:
    """Whether a span was created with its attributes: samplers may drop them, and then they are set again."""
    try:
        return len(span.attributes) >= len(attributes)  # type: ignore[attr-defined]
    except (AttributeError, TypeError):
        return False


def error_text(error: BaseException, *, has_content: bool) -> str:
    """`TimeoutError: no image after 30 s`; only the class without a message or content. Never empty."""
    name = type(error).__name__
    message = message_of(error) if has_content else ""
    return clean_message(f"{name}: {message}" if message else name)


def clean_message(message: str) -> str:
    """An error's text without secrets, cut to 8 kB: it is written twice, as attribute and as status."""
    return cut(clean_text(message), limit_bytes=_ERROR_LIMIT_BYTES)


def error_type_of(error: BaseException) -> str:
    """The full name of the exception's class, without `builtins`."""
    kind: type = type(error)
    return _name_of(kind)


@lru_cache(maxsize=512)
def _name_of(kind: type) -> str:
    module = kind.__module__
    return clean_text(kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}")


def traceback_of(error: BaseException) -> str:
    """The formatted traceback, redacted and cut; a third of a millisecond, hence only when asked for."""
    from traceback import format_exception

    return cut(clean_text("".join(format_exception(error))), limit_bytes=_TRACEBACK_LIMIT_BYTES)


def set_attributes(
    span: Span, attributes: dict[str, Any], *, first: Mapping[str, Any], vital: tuple[str, ...]
) -> None:
    """Write all at once, but for those that the span was created with, `first`.

    Where a limit on their number has dropped some, the oldest ones, those that are `vital` are written again.
    Beyond the size limit of a span the longest texts are cut until the rest fits.
    """
    get = attributes.get
    length = (
        len(get(names.PROMPT, ""))
        + len(get(names.REQUEST, ""))
        + len(get(names.RESPONSE, ""))
        + len(get(names.NEGATIVE_PROMPT, ""))
    )
    if length > _LONG:
        _cut_to_span_limit(attributes)
    span.set_attributes(attributes)
    if getattr(span, "dropped_attributes", True):
        known = {**first, **attributes}
        span.set_attributes({name: known[name] for name in vital if name in known})


def _cut_to_span_limit(attributes: dict[str, Any]) -> None:
    sizes = {
        name: size_bytes(value)
        for name, value in attributes.items()
        if isinstance(value, str) and len(value) > _LONG
    }
    excess = sum(sizes.values()) + _REST_BYTES - SPAN_LIMIT_BYTES
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if excess <= 0:
            return
        limit_bytes = max(_LONG, sizes[name] - excess)
        attributes[name] = cut(attributes[name], limit_bytes=limit_bytes)
        attributes[names.TRUNCATED] = True
        excess -= sizes[name] - limit_bytes


def set_error(span: Span, message: str) -> None:
    """Status ERROR with the message as description."""
    span.set_status(StatusCode.ERROR, message)


def end(span: Span, end_time: int | None) -> None:
    """End `span`. Processors of others are called here, and the SDK lets what they raise pass."""
    try:
        span.end(end_time)
    except Exception:  # noqa: BLE001 - instrumentation never hurts the host
        tell_once("end a span")
