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
    if _is_silent():
        return _DEFAULT
    own, standard, traceback = (os.environ.get(name, "").strip().lower() for name in _NAMES)
    content = own in _TRUE_WORDS and standard not in _OTEL_OFF
    return Switches(
        content=content,
        messages=content and standard in _OTEL_SPANS,
        traceback=content and traceback != "" and traceback in _TRUE_WORDS,
    )


def _is_silent() -> bool:
    """Whether none of them is set: os.environ takes a microsecond to say so for each."""
    variables = getattr(os.environ, "_data", None)
    if type(variables) is not dict:
        return False
    first, second, third = _KEYS
    return not (first in variables or second in variables or third in variables)


_NAMES: Final = ("IMAGE_TRACING_CAPTURE_CONTENT", _OTEL_SWITCH, "IMAGE_TRACING_CAPTURE_TRACEBACK")
_KEYS: Final = tuple(name.encode() if os.name == "posix" else name for name in _NAMES)
_DEFAULT: Final = Switches()
