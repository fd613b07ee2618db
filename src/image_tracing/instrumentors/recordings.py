"""Calls of SDKs being recorded: as attempts of their own, or as parts of the attempt around them."""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Final

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from image_tracing import attributes as names
from image_tracing.abandoned import end_abandoned
from image_tracing.attempts import Attempt
from image_tracing.content import captured
from image_tracing.error_classes import status_code_of
from image_tracing.faults import tell_once
from image_tracing.instrumentors.sdk_calls import CALL_KEY, UNFINISHED, SdkCall, current_call
from image_tracing.instrumentors.streams import follow
from image_tracing.options import Options
from image_tracing.parameters import Parameters
from image_tracing.plans import AttemptPlan, Call
from image_tracing.replies import Reply
from image_tracing.tracer import current
from image_tracing.vocabulary import add_address

_NO_CONTEXT: Final = Context()
_ID_LIMIT: Final = 300


class CallRecording:
    """One call of an SDK. `attempt` is its own, or the one it is a part of.

    What the SDK returned is read for its pictures; `tell` adds what only an instrumentor knows.
    """

    def __init__(self, call: SdkCall, attempt: Attempt, parent: "CallRecording | Attempt | None") -> None:
        self.attempt = attempt
        self.reply = Reply()
        self._call = call
        self._parent = parent
        self._request_id: str | None = None
        self._parts: list[Reply] = []
        self._begun = perf_counter()
        around = attempt.context if parent is None else context_api.get_current()
        self.context = Context({**around, CALL_KEY: self})
        self.is_ended = False

    def tell(
        self,
        *,
        response_id: object = None,
        request_id: object = None,
        response_model: object = None,
        status_code: object = None,
        resends: object = None,
        input_tokens: object = None,
        output_tokens: object = None,
        revised_prompt: object = None,
        refusal: object = None,
    ) -> None:
        """Note facts that the result does not show by its shape; values of other types count for nothing.

        The first `response_id` counts, told or read; `request_id` stands in where there is none. Of anything
        else the last word counts.
        """
        reply = self.reply
        reply.response_id = reply.response_id or _text(response_id)
        self._request_id = _text(request_id) or self._request_id
        reply.response_model = _text(response_model) or reply.response_model
        reply.revised_prompt = _text(revised_prompt) or reply.revised_prompt
        reply.refusal = _text(refusal) or reply.refusal
        reply.status_code = _count(status_code) or reply.status_code
        reply.resends = _count(resends) or reply.resends
        if _count(input_tokens) is not None:
            reply.input_tokens = _count(input_tokens)
        if _count(output_tokens) is not None:
            reply.output_tokens = _count(output_tokens)

    def note(self, attributes: Mapping[str, Any], *, model: str | None = None) -> None:
        """Note attributes learned during the call, and the model where none was asked for by name.

        Of an attempt around this call they are noted only where it has none of these names.
        """
        self.attempt.enrich(model, attributes)
        if self._parent is None:
            self.attempt.attributes.update(attributes)

    def read(self, result: object) -> None:
        """Note the pictures and facts in a result or a piece of it."""
        self.reply.read(result)

    def follow(self, stream: Any, *, iterator: str) -> object:
        """Go on until `stream`, the object that was returned, is used up, closed or thrown away.

        Its attribute `iterator` holds the (asynchronous) iterator that it iterates over. Answers
        `UNFINISHED`, for `SdkCall.result` to answer with.
        """
        follow(stream, self, iterator=iterator)
        return UNFINISHED

    def add_part(self, reply: Reply, _: BaseException | None) -> None:
        """Take what a call below this one gave, `openai`'s below `litellm`'s; what it alone knows counts."""
        # Of calls in several threads: what was told is added up at the end.
        self._parts.append(reply)

    # The protocol of image_tracing.wrapping.

    def saw(self, item: object) -> None:
        """Note one piece of a stream."""
        if self.reply.first_chunk_seconds is None:
            self.reply.first_chunk_seconds = perf_counter() - self._begun
        self.reply.read(item)

    def ended(self, result: object) -> None:
        """End after a return with `result`, unless that goes on."""
        try:
            look = self._call.result
            if look is not None and result is not None:
                result = look(self, result)
                if result is UNFINISHED:
                    return
            if result is not None:
                self.reply.read(result)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("look at a result")
        self._end(None)

    def failed(self, error: BaseException, end_time: int | None = None) -> None:
        """End after an exception."""
        try:
            self.reply.status_code = status_code_of(error) or self.reply.status_code
            error_class = None if self._call.error is None else self._call.error(self, error)
            if error_class is not None:
                self.attempt.tell_class(error, error_class)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("look at an exception")
        self._end(error, end_time=end_time)

    def closed(self, end_time: int | None = None) -> None:
        """End as a stream that was left before its end."""
        self._end(None, is_closed=True, end_time=end_time)

    def _end(
        self, error: BaseException | None, *, is_closed: bool = False, end_time: int | None = None
    ) -> None:
        if self.is_ended:
            return
        self.is_ended = True
        # The context holds this object: left in place, only the garbage collector would free both.
        self.context = _NO_CONTEXT
        attempt, parent = self.attempt, self._parent
        try:
            reply = self.reply
            if self._parts:
                reply.fill(Reply.of(self._parts), has_images=error is None)
            reply.response_id = reply.response_id or self._request_id
            if parent is not None:
                parent.add_part(self.reply, error)
                return
            attempt.take_reply(self.reply)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("record a call")
        if parent is not None:
            return
        if error is not None:
            attempt.failed(error, end_time)
        elif is_closed:
            attempt.closed(end_time)
        else:
            attempt.ended(None)


def beginning_of(
    call: SdkCall, parameters: Parameters
) -> Callable[[Tracer, tuple[Any, ...], Mapping[str, Any], int | None], CallRecording | Attempt | None]:
    """What begins the recording of one call, from a tracer, its arguments and its start if not now."""
    plan = AttemptPlan(
        model=call.model,
        prompt=call.prompt,
        negative_prompt=call.negative_prompt,
        provider=call.provider,
        request=call.request,
        ignore=call.ignore,
        # In a signature of an SDK it means "not given".
        keeps_none=False,
    )
    return _Beginning(call, plan, parameters, plan.options(parameters)).begin


class _Beginning:
    """The beginning of calls of one function."""

    def __init__(self, call: SdkCall, plan: AttemptPlan, parameters: Parameters, options: Options) -> None:
        self._call = call
        self._plan = plan
        self._parameters = parameters
        self._options = options

    def begin(
        self, tracer: Tracer, args: tuple[Any, ...], kwargs: Mapping[str, Any], started_at: int | None
    ) -> CallRecording | Attempt | None:
        """The recording of one call, None for those that are not to be recorded or where that fails."""
        try:
            end_abandoned()
            call = Call(self._parameters, args, kwargs)
            if self._call.is_wanted is not None and not call.told(self._call.is_wanted):
                return None
            parent = _parent()
            if parent is not None:
                return self._part(parent, call)
            return self._attempt(tracer, call, started_at)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("begin an attempt")
            return None

    def _attempt(self, tracer: Tracer, call: Call, started_at: int | None) -> CallRecording | Attempt:
        attempt = self._plan.begin_call(call, tracer, self._first_attributes(call), started_at)
        if not attempt.is_looked_at:
            return attempt
        if attempt.is_recording:
            self._plan.describe_call(
                call, self._options, generation=attempt.generation, into=attempt.attributes
            )
        return CallRecording(self._call, attempt, None)

    def _part(self, parent: CallRecording | Attempt, call: Call) -> CallRecording | None:
        attempt = parent if isinstance(parent, Attempt) else parent.attempt
        if not attempt.is_looked_at:
            return None
        told = self._first_attributes(call)
        provider = self._plan.provider_of(call)
        if provider is not None:
            told[names.PROVIDER_NAME] = provider
        if attempt.is_recording:
            self._plan.describe_call(call, self._options, generation=attempt.generation, into=told)
        attempt.enrich(self._plan.model_of(call), told)
        return CallRecording(self._call, attempt, parent)

    def _first_attributes(self, call: Call) -> dict[str, Any]:
        """What samplers may ask for, beside model and provider."""
        told: dict[str, Any] = {}
        if self._call.attributes is not None:
            for name, value in (call.told(self._call.attributes) or {}).items():
                if value is not None:
                    told[name] = captured(value, has_content=True)
        if self._call.base_url is not None:
            base_url = call.told(self._call.base_url)
            if base_url is not None:
                add_address(str(base_url), told)
        return told


def _parent() -> CallRecording | Attempt | None:
    """What a call beginning now is a part of: another SDK's call, or an attempt of the user's."""
    around = current()
    if type(around) is not Attempt or around.is_ended:
        return None
    call = current_call()
    # A generation or attempt that began within a call, in a callback, is nearer than the call.
    return call if call is not None and call.attempt is around else around


def _text(value: object) -> str | None:
    return str.__str__(value)[:_ID_LIMIT] if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**53 else None
