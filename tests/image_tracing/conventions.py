"""The semantic conventions that our spans and metrics claim, and what of a span breaks them.

The names, the values of enumerations, the units and kinds of instruments and the schema's address are read
from the packages that publish them: opentelemetry-semantic-conventions, and opentelemetry-util-genai for what
is newer than its last registry with GenAI. Neither has types and requirement levels: those are in the tables
below, from the registry's own files (registry.yaml, spans.yaml, metrics.yaml of model/gen-ai, in
semantic-conventions 1.41.0 and in semantic-conventions-genai).
"""

import importlib
import inspect
import pkgutil
import re
import warnings
from enum import Enum
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.semconv import schemas
from opentelemetry.semconv._incubating import attributes as registry
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.util.genai import _inference_invocation as ahead
from opentelemetry.util.genai import types as messages

OWN = "image_generation."
TYPES: Final = {
    "error.type": "string",
    "exception.stacktrace": "string",
    "gen_ai.input.messages": "string",
    "gen_ai.operation.name": "string",
    "gen_ai.output.messages": "string",
    "gen_ai.output.type": "string",
    "gen_ai.provider.name": "string",
    "gen_ai.request.choice.count": "int",
    "gen_ai.request.model": "string",
    "gen_ai.request.seed": "int",
    "gen_ai.request.stream": "boolean",
    "gen_ai.response.finish_reasons": "string[]",
    "gen_ai.response.id": "string",
    "gen_ai.response.model": "string",
    "gen_ai.response.time_to_first_chunk": "double",
    "gen_ai.token.type": "string",
    "gen_ai.usage.audio.input_tokens": "int",
    "gen_ai.usage.audio.output_tokens": "int",
    "gen_ai.usage.image.input_tokens": "int",
    "gen_ai.usage.image.output_tokens": "int",
    "gen_ai.usage.input_tokens": "int",
    "gen_ai.usage.output_tokens": "int",
    "gen_ai.usage.text.input_tokens": "int",
    "gen_ai.usage.text.output_tokens": "int",
    "gen_ai.workflow.name": "string",
    "http.request.resend_count": "int",
    "http.response.status_code": "int",
    "server.address": "string",
    "server.port": "int",
}
# Where a known value fits it has to be taken; providers may be others as well.
CLOSED: Final = ("gen_ai.operation.name", "gen_ai.output.type", "gen_ai.token.type")
KINDS: Final = {
    "generate_content": {SpanKind.CLIENT, SpanKind.INTERNAL},
    "invoke_workflow": {SpanKind.INTERNAL},
}
# Levels "required" of spans.yaml; what is required under a condition is in `violations`.
REQUIRED: Final = {
    "generate_content": ("gen_ai.operation.name", "gen_ai.provider.name"),
    "invoke_workflow": ("gen_ai.operation.name",),
}
NAMED_BY: Final = {"generate_content": "gen_ai.request.model", "invoke_workflow": "gen_ai.workflow.name"}
# What samplers may ask for has to be there when the span begins.
SAMPLED_BY: Final = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "server.address",
    "server.port",
)


def _read() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    names: dict[str, str] = {}
    values: dict[str, frozenset[str]] = {}
    for found in pkgutil.iter_modules(registry.__path__):
        module = importlib.import_module(f"{registry.__name__}.{found.name}")
        own = {key: value for key, value in vars(module).items() if key.isupper() and isinstance(value, str)}
        names.update(dict.fromkeys(own.values(), found.name))
        for key, value in vars(module).items():
            if inspect.isclass(value) and issubclass(value, Enum) and key.endswith("Values"):
                constant = re.sub(r"(?<!^)(?=[A-Z])", "_", key.removesuffix("Values")).upper()
                if constant in own:
                    values[own[constant]] = frozenset(str(each.value) for each in value)
    return names, values


with warnings.catch_warnings():
    # GenAI has moved to a repository of its own, which has no package yet; here all of it is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    NAMES, VALUES = _read()
AHEAD: Final = frozenset(
    value
    for key, value in vars(ahead).items()
    if key.startswith("_GEN_AI_") and isinstance(value, str) and value not in NAMES
)
SCHEMA_URLS: Final = frozenset(each.value for each in schemas.Schemas)


def is_of_type(value: object, wanted: str) -> bool:
    if wanted == "string[]":
        return isinstance(value, tuple) and all(type(each) is str for each in value)
    kinds: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "int": (int,),
        "double": (float,),
        "boolean": (bool,),
    }
    return type(value) in kinds[wanted]


def wrong_attributes(attributes: dict[str, Any]) -> list[str]:
    """What is wrong with names, types and values."""
    wrong = []
    for name, value in attributes.items():
        if name.startswith(OWN):
            continue
        if name not in NAMES and name not in AHEAD:
            wrong.append(f"{name} is in no published registry")
        elif name not in TYPES:
            wrong.append(f"{name} has no type in the table")
        elif not is_of_type(value, TYPES[name]):
            wrong.append(f"{name} is to be {TYPES[name]}: {value!r}")
        elif name in CLOSED and value not in VALUES[name]:
            wrong.append(f"{name} has no known value: {value!r}")
    return wrong


def violations(span: ReadableSpan) -> list[str]:
    """In what a span of ours breaks the conventions; nothing when it conforms."""
    attributes = dict(span.attributes or {})
    wrong = wrong_attributes(attributes)
    operation = attributes.get("gen_ai.operation.name")
    if operation not in KINDS:
        return [*wrong, f"the operation is not one of ours: {operation!r}"]
    wrong.extend(f"{name} is required" for name in REQUIRED[operation] if name not in attributes)
    if span.kind not in KINDS[operation]:
        wrong.append(f"{operation} is not to be {span.kind}")
    subject = attributes.get(NAMED_BY[operation])
    if span.name != (operation if subject is None else f"{operation} {subject}"):
        wrong.append(f"the name is to be operation and subject: {span.name!r}")
    if attributes.get("gen_ai.request.choice.count") == 1:
        wrong.append("gen_ai.request.choice.count is left out where it is one")
    if attributes.get("gen_ai.request.stream") is False:
        wrong.append("gen_ai.request.stream is left out where nothing streams")
    if "server.address" in attributes and "server.port" not in attributes:
        wrong.append("server.address goes with server.port")
    has_failed = span.status.status_code is StatusCode.ERROR
    if span.status.status_code is StatusCode.OK:
        wrong.append("status OK is for applications to set")
    if has_failed != ("error.type" in attributes) or (has_failed and not span.status.description):
        wrong.append("an ERROR has an error.type and a description, nothing else has")
    scope = span.instrumentation_scope
    if scope is None or scope.schema_url not in SCHEMA_URLS:
        wrong.append(f"the schema is not published: {scope}")
    return wrong


def wrong_messages(value: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the messages in `gen_ai.input.messages` or `gen_ai.output.messages`."""
    parts: dict[str, Any] = {"text": messages.TextPart, "uri": messages.UriPart}
    wrong = []
    for message in value:
        kind: Any = messages.OutputMessage if "finish_reason" in message else messages.InputMessage
        if not {"role", "parts"} <= set(message) <= set(kind.__dataclass_fields__):
            wrong.append(f"fields of a message: {message}")
        for part in message["parts"]:
            if set(part) != set(parts[part["type"]].__dataclass_fields__):
                wrong.append(f"fields of a part: {part}")
    return wrong
