"""What the environment switches on and off; read when a span begins, never at import."""

import os
from dataclasses import dataclass
from typing import Final

# Anything but these words keeps contents out, so that a typing error leaks nothing.
_TRUE_WORDS: Final = frozenset({"", "1", "on", "true", "yes"})
# OpenTelemetry's own switch; absent it means "no content" for gen_ai.*.messages and nothing for us.
_OTEL_SWITCH: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_OTEL_OFF: Final = frozenset({"no_content", "false", "0", "off", "no"})
_OTEL_SPANS: Final = frozenset({"span_only", "span_and_event", "true", "1", "on", "yes"})


@dataclass(frozen=True, slots=True)
class Switches:
    """`content`: prompts, option texts, picture URLs, response data and error texts are recorded.

    `messages`: the prompt also goes into `gen_ai.input.messages`. `traceback`: errors keep their traceback.
    """

    content: bool = True
    messages: bool = False
    traceback: bool = False


def switches() -> Switches:
    """The switches as the environment has them now."""
    environment = os.environ
    own = environment.get("IMAGE_TRACING_CAPTURE_CONTENT")
    standard = environment.get(_OTEL_SWITCH)
    traceback = environment.get("IMAGE_TRACING_CAPTURE_TRACEBACK")
    if own is None and standard is None and traceback is None:
        return _DEFAULT
    standard_word = (standard or "").strip().lower()
    content = (own or "").strip().lower() in _TRUE_WORDS and standard_word not in _OTEL_OFF
    return Switches(
        content=content,
        messages=content and standard_word in _OTEL_SPANS,
        traceback=content and bool(traceback) and (traceback or "").strip().lower() in _TRUE_WORDS,
    )


_DEFAULT: Final = Switches()
