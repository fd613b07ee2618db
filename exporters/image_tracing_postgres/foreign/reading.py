"""A foreign span under the names of our own: what rows, redaction and limits know how to treat."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from image_tracing import attributes as names
from image_tracing.content import captured, clean_text
from image_tracing.fields import text_of
from image_tracing.outcomes import verdict_on
from image_tracing.replies import Reply
from image_tracing.reply_attributes import write_reply
from image_tracing.storable import SPAN_LIMIT_BYTES, storable_json
from image_tracing.switches import Switches, switches
from image_tracing_postgres.foreign.bodies import without_bodies
from image_tracing_postgres.foreign.documents import first
from image_tracing_postgres.foreign.failures import Failure, failure_in
from image_tracing_postgres.foreign.images import reply_in
from image_tracing_postgres.foreign.messages import prompt_in
from image_tracing_postgres.foreign.names import PARENT, ROLE_WORKFLOW
from image_tracing_postgres.foreign.options import documents_in, options_in, value_in
from image_tracing_postgres.foreign.providers import provider_of
from image_tracing_postgres.foreign.recognition import is_of_image, is_workflow
from image_tracing_postgres.foreign.usage import usage_in

Attributes = Mapping[str, Any]
Documents = Sequence[Mapping[str, Any]]

_MODELS: Final = (
    names.REQUEST_MODEL,
    "llm.model_name",
    "ai.model.id",
    names.RESPONSE_MODEL,
)
# What stands for no model.
_NO_MODELS: Final = frozenset({"none", "unknown", "null"})
_PROMPTS: Final = (
    "gen_ai.prompt",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0.user",
    "gen_ai.request.image_prompt",
    "prompt",
    "ai.prompt",
)
_LESSONS: Final = (
    names.LESSON_ID,
    "session.id",
    "langfuse.session.id",
    "gen_ai.conversation.id",
)
# What a program may tell in our own names although it tells no role.
_OURS: Final = (names.ATTEMPT_NUMBER, names.ERROR_CATEGORY, names.GENERATION_ID, names.OUTCOME)
# Logfire's mark on a span that only says that another one began: its parent.
_PENDING_PARENT: Final = "logfire.pending_parent_id"
_NO_PARENT: Final = "0" * 16


def told_by(span: ReadableSpan, attributes: Attributes) -> tuple[ReadableSpan, dict[str, Any]] | None:
    """The span, and what it says in our names; None for a span that is not about pictures.

    The span is another one, without an end, where it only announces one that began.
    """
    if is_workflow(attributes):
        told = span, _workflow(span, attributes)
    elif not is_of_image(span.name, attributes):
        return None
    elif attributes.get("logfire.span_type") == "pending_span":
        begun = _begun(span, attributes)
        if begun is None:
            return None
        told = begun, _call(attributes, span.name, switches())
    else:
        told = span, _attempt(span, attributes)
    return told[0], {
        name: without_bodies(value) if isinstance(value, str) else value for name, value in told[1].items()
    }


def _begun(span: ReadableSpan, attributes: Attributes) -> ReadableSpan | None:
    """The call that this span announces, if it is sure to be a generation of its own: nothing is above it."""
    parent, context = span.parent, span.context
    if parent is None or context is None or attributes.get(_PENDING_PARENT, _NO_PARENT) != _NO_PARENT:
        return None
    flags = context.trace_flags
    return ReadableSpan(
        name=span.name,
        context=SpanContext(context.trace_id, parent.span_id, is_remote=False, trace_flags=flags),
        resource=span.resource,
        kind=span.kind,
        start_time=span.start_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _workflow(span: ReadableSpan, attributes: Attributes) -> dict[str, Any]:
    told: dict[str, Any] = {names.ROLE: ROLE_WORKFLOW}
    _put(told, names.WORKFLOW_NAME, attributes.get(names.WORKFLOW_NAME))
    _put(told, names.LESSON_ID, first(attributes, _LESSONS))
    failure = failure_in(span, attributes)
    if failure is not None:
        _add_failure(failure, told, switches())
    return told


def _attempt(span: ReadableSpan, attributes: Attributes) -> dict[str, Any]:
    given = switches()
    told = _call(attributes, span.name, given)
    reply, is_told = reply_in(attributes)
    if reply.images:
        write_reply(Reply(images=reply.images, filtered=reply.filtered), told, given)
    failure = failure_in(span, attributes)
    told[names.OUTCOME] = "ok" if failure is None else "error"
    if failure is not None:
        _add_failure(failure, told, given)
    elif is_told:
        _add_verdict(reply, told, given)
    response = _response(reply, attributes, given)
    if response:
        told[names.RESPONSE] = storable_json(response)
    told |= {name: attributes[name] for name in _OURS if name in attributes}
    if span.parent is not None and names.GENERATION_ID not in told:
        told[PARENT] = f"{span.parent.span_id:016x}"
    return told


def _add_failure(failure: Failure, told: dict[str, Any], given: Switches) -> None:
    told[names.ERROR_TYPE] = clean_text(failure.kind)
    told[names.ERROR_CATEGORY] = failure.error_class
    # Without contents the class stands for the message, since that may quote the prompt.
    message = failure.message if given.content else failure.error_class
    told[names.ERROR_MESSAGE] = clean_text(message or failure.kind)


def _add_verdict(reply: Reply, told: dict[str, Any], given: Switches) -> None:
    verdict = verdict_on(reply, asked_width=None, asked_height=None, is_repeated=lambda _: False)
    told[names.OUTCOME] = verdict.outcome
    if verdict.error_class is not None:
        told[names.ERROR_CATEGORY] = verdict.error_class
    message = verdict.message if given.content else verdict.message_without_content
    if message is not None:
        told[names.ERROR_MESSAGE] = clean_text(message)


def _response(reply: Reply, attributes: Attributes, given: Switches) -> dict[str, Any]:
    """What else came, for the row's response."""
    response: dict[str, Any] = {}
    if given.content:
        _put(response, "revised_prompt", reply.revised_prompt)
    _put(response, "id", attributes.get(names.RESPONSE_ID) or reply.response_id)
    _put(response, "model", attributes.get(names.RESPONSE_MODEL) or reply.response_model)
    usage = usage_in(attributes)
    for name, count in (("input_tokens", reply.input_tokens), ("output_tokens", reply.output_tokens)):
        if count:
            usage.setdefault(name, count)
    if usage:
        response["usage"] = usage
    return response


def _call(attributes: Attributes, name: str, given: Switches) -> dict[str, Any]:
    """What was asked for."""
    told: dict[str, Any] = {names.ROLE: names.ROLE_ATTEMPT, names.OPERATION_NAME: names.GENERATE_CONTENT}
    documents = documents_in(attributes)
    model = _model(name, attributes, documents)
    _put(told, names.REQUEST_MODEL, model)
    _put(told, names.PROVIDER_NAME, provider_of(attributes, model))
    _put(told, names.LESSON_ID, first(attributes, _LESSONS))
    if given.content:
        _put(told, names.PROMPT, _prompt(attributes, documents))
        negative = attributes.get(names.NEGATIVE_PROMPT) or value_in(documents, "negative_prompt")
        _put(told, names.NEGATIVE_PROMPT, negative)
    options = options_in(attributes, documents)
    if options:
        cleaned = captured(options, has_content=given.content)
        told[names.REQUEST] = storable_json(cleaned, limit_bytes=SPAN_LIMIT_BYTES)
    return told


def _put(told: dict[str, Any], name: str, value: object) -> None:
    """Add a text, clean, unless it is none."""
    text = text_of(value)
    if text is not None:
        told[name] = clean_text(text)


def _model(name: str, attributes: Attributes, documents: Documents) -> str | None:
    for key in _MODELS:
        model = text_of(attributes.get(key))
        if model is not None and model.lower() not in _NO_MODELS:
            return model
    model = text_of(value_in(documents, "model"))
    if model is None and attributes.get(names.OPERATION_NAME) is not None:
        # `{operation} {model}` is how such spans are called.
        operation, _, rest = name.partition(" ")
        model = rest if operation == attributes[names.OPERATION_NAME] and " " not in rest else None
    return model or None


def _prompt(attributes: Attributes, documents: Documents) -> str | None:
    prompt = text_of(attributes.get(names.PROMPT)) or prompt_in(attributes)
    if prompt is None:
        prompt = text_of(first(attributes, _PROMPTS))
    if prompt is None:
        given = value_in(documents, "prompt")
        prompt = "\n".join(map(str, given)) if isinstance(given, list) else text_of(given)
    value = attributes.get("input.value")
    if prompt is None and isinstance(value, str) and value[:1] not in ("{", "["):
        prompt = value
    return prompt
