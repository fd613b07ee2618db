"""Received spans without their contents, for a viewer with IMAGE_TRACING_CAPTURE_CONTENT=false."""

import json
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Status

from image_tracing import attributes as names
from image_tracing.content import hidden_tree, is_only_numbers
from image_tracing_postgres.spans import told_by

_CONTENTS: Final = frozenset(
    {
        names.ERROR_MESSAGE,
        names.IMAGE_URLS,
        names.INPUT_MESSAGES,
        names.NEGATIVE_PROMPT,
        names.OUTPUT_MESSAGES,
        names.PROMPT,
        names.RESPONSE,
        names.REVISED_PROMPT,
    }
)
# Options that may be texts; numbers such as `1024x768` are no content.
_OPTIONS: Final = frozenset(
    {
        names.ASPECT_RATIO,
        names.BACKEND,
        names.OUTPUT_FORMAT,
        names.QUALITY,
        names.SCHEDULER,
        names.SIZE,
        names.STYLE,
    }
)


def without_content(span: ReadableSpan) -> ReadableSpan:
    """The span without prompts, option texts, picture URLs, response data and error texts.

    Models, numbers, classes, durations and ids stay. The attributes are under our names, whoever sent them.
    """
    kept = {}
    _, span, attributes = told_by(span)
    for name, value in attributes.items():
        if name in _CONTENTS or (name in _OPTIONS and not is_only_numbers(str(value))):
            continue
        kept[name] = _HIDDEN[name](value) if name in _HIDDEN else value
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=kept,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _request(value: object) -> str:
    return json.dumps(hidden_tree(_parsed(value)))


def _images(value: object) -> str:
    images = _parsed(value)
    if isinstance(images, list):
        return json.dumps([{**image, "url": None} for image in images if isinstance(image, dict)])
    return "[]"


def _parsed(value: object) -> Any:
    """What a JSON text says, None if it is none."""
    try:
        return json.loads(value) if isinstance(value, str) else None
    except (ValueError, RecursionError):
        return None


_HIDDEN: Final = {names.REQUEST: _request, names.IMAGES: _images}
