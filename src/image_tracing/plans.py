"""What a decorator or context manager was told to record, and the beginning of each call by it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from opentelemetry.trace import Tracer

from image_tracing import attributes as names
from image_tracing.abandoned import end_abandoned
from image_tracing.attempts import Attempt, attempt_without_span, begin_attempt
from image_tracing.content import Cleaner, captured, clean_text
from image_tracing.faults import tell_once
from image_tracing.generations import Generation, begin_generation, lesson_id_from
from image_tracing.options import Options, write_request_tree
from image_tracing.parameters import Parameters, is_given
from image_tracing.storable import Json, shortened
from image_tracing.switches import switches
from image_tracing.tracer import current
from image_tracing.vocabulary import (
    ATTEMPT_NAMES,
    LESSON_ID_NAMES,
    MODEL_NAMES,
    NEGATIVE_PROMPT_NAMES,
    PROMPT_NAMES,
    PROVIDER_NAMES,
    requested_count,
    standard_attributes,
)

_NO_ARGUMENTS: Final[Mapping[str, Any]] = {}
_NAME_LIMIT: Final = 300
_NO_NAMES: Final[frozenset[str]] = frozenset()


class Call:
    """The arguments of one call, and the answers of the user's functions of them."""

    __slots__ = ("_mapping", "_parameters", "arguments")

    def __init__(
        self, parameters: Parameters | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self._parameters = parameters
        self.arguments = _NO_ARGUMENTS if parameters is None else parameters.arguments(args, kwargs)
        self._mapping: dict[str, Any] | None = None

    def told(self, value: object) -> Any:
        """A value given to the decorator: itself, or what it answers for this call; None if it raises."""
        if not callable(value):
            return value
        try:
            if self._mapping is None:
                self._mapping = (
                    dict(self.arguments)
                    if self._parameters is None
                    else self._parameters.mapping(self.arguments)
                )
            return value(self._mapping)
        except Exception:  # noqa: BLE001 - the user's function must not hurt the user's call
            tell_once("ask a function given to a decorator")
            return None

    def found(self, value: object, called: tuple[str, ...]) -> Any:
        """A value given to the decorator, else the first argument of these names that is not None."""
        if value is not None:
            answer = self.told(value)
            if answer is not None:
                return answer
        arguments = self.arguments
        for name in called:
            answer = arguments.get(name)
            if answer is not None and is_given(answer):
                return answer
        return None


class GenerationPlan:
    """The arguments of `generation(...)`."""

    def __init__(
        self,
        *,
        name: object = None,
        lesson_id: object = None,
        prompts: object = None,
        request: object = None,
        attributes: object = None,
        ignore: frozenset[str] = _NO_NAMES,
        traceback: bool = False,
    ) -> None:
        self.name = name
        self.lesson_id = lesson_id
        self.prompts = prompts
        self.request = request
        self.attributes = attributes
        self.ignore = ignore
        self.traceback = traceback

    def options(self, parameters: Parameters) -> Options:
        """How the other parameters of a function are recorded."""
        left_out = self.ignore.union(LESSON_ID_NAMES, parameters.receivers)
        return Options(left_out, defaults=parameters.defaults, is_attempt=False)

    def begin(
        self,
        parameters: Parameters | None,
        options: Options | None,
        default_name: str,
        tracer: Tracer,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Generation | None:
        """The generation of one call, begun; None if that fails."""
        try:
            end_abandoned()
            call = Call(parameters, args, kwargs)
            name = self.name if self.name is None else call.told(self.name)
            generation = begin_generation(
                tracer,
                default_name if name is None else clean_text(str(name))[:200] or default_name,
                lesson_id=lesson_id_from(call.found(self.lesson_id, LESSON_ID_NAMES)),
                switches=switches(),
            )
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("begin a generation")
            return None
        if generation.is_recording:
            try:
                self._describe(generation, call, options)
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("describe a generation")
        return generation

    def _describe(self, generation: Generation, call: Call, options: Options | None) -> None:
        has_content = generation.switches.content
        generation.has_traceback = self.traceback
        attributes = generation.attributes
        told = None if self.attributes is None else call.told(self.attributes)
        if isinstance(told, Mapping):
            generation.add_attributes(told)
        request = None if self.request is None else call.told(self.request)
        prompts = None if self.prompts is None else call.told(self.prompts)
        if request is None and prompts is None:
            if options is not None:
                options.written(
                    call.arguments, clean=generation.cleaner.text, has_content=has_content, into=attributes
                )
                generation.set_requested(requested_count(call.arguments))
            return
        if request is None:
            request = options.left(call.arguments) if options is not None else {}
        if prompts is not None and isinstance(request, Mapping):
            request = {**request, "prompts": prompts}
        write_request_tree(captured(request, has_content=has_content), attributes)
        generation.set_requested(requested_count(request))


class AttemptPlan:
    """The arguments of `attempt(...)`."""

    def __init__(
        self,
        *,
        model: object = None,
        prompt: object = None,
        negative_prompt: object = None,
        provider: object = None,
        request: object = None,
        ignore: frozenset[str] = _NO_NAMES,
        require_image: bool = False,
        traceback: bool = False,
        keeps_none: bool = True,
    ) -> None:
        self.keeps_none = keeps_none
        self.model = model
        self.prompt = prompt
        self.negative_prompt = negative_prompt
        self.provider = provider
        self.request = request
        self.ignore = ignore
        self.require_image = require_image
        self.traceback = traceback

    def options(self, parameters: Parameters) -> Options:
        """How the other parameters of a function are recorded."""
        left_out = self.ignore.union(ATTEMPT_NAMES, parameters.receivers)
        return Options(left_out, defaults=parameters.defaults, is_attempt=True, keeps_none=self.keeps_none)

    def begin(
        self,
        parameters: Parameters | None,
        options: Options | None,
        tracer: Tracer | None,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Attempt | None:
        """The attempt of one call, begun; without a tracer it only looks for a picture."""
        try:
            end_abandoned()
            call = Call(parameters, args, kwargs)
            if tracer is None:
                return attempt_without_span(self.model_of(call))
            attempt = self.begin_call(call, tracer)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("begin an attempt")
            return None
        if attempt.is_recording:
            self.describe_call(call, options, generation=attempt.generation, into=attempt.attributes)
        return attempt

    def begin_call(
        self,
        call: Call,
        tracer: Tracer,
        others: Mapping[str, Any] | None = None,
        start_time: int | None = None,
    ) -> Attempt:
        """The attempt of one call, begun but not described; may raise what the user's functions do not."""
        around = current()
        generation = around.generation if type(around) is Attempt else around
        lesson_id = generation.lesson_id if generation is not None else None
        if lesson_id is None:
            lesson_id = lesson_id_from(call.found(None, LESSON_ID_NAMES))
        attempt = begin_attempt(
            tracer,
            generation,
            model=self.model_of(call),
            provider=self.provider_of(call),
            lesson_id=lesson_id,
            switches=None if generation is not None else switches(),
            start_time=start_time,
            others=others,
        )
        attempt.require_image = self.require_image
        attempt.has_traceback = self.traceback
        return attempt

    def model_of(self, call: Call) -> str | None:
        return name_from(call.found(self.model, MODEL_NAMES))

    def provider_of(self, call: Call) -> str | None:
        return name_from(call.found(self.provider, PROVIDER_NAMES))

    def describe(self, attempt: Attempt) -> None:
        """Note what was asked for where there is no call, only what was given."""
        call = Call(None, (), _NO_ARGUMENTS)
        self._describe(call, None, generation=attempt.generation, into=attempt.attributes)

    def describe_call(
        self, call: Call, options: Options | None, *, generation: Generation, into: dict[str, Any]
    ) -> None:
        """Add what a call asked for to `into`; never raises."""
        try:
            self._describe(call, options, generation=generation, into=into)
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("describe an attempt")

    def _describe(
        self, call: Call, options: Options | None, *, generation: Generation, into: dict[str, Any]
    ) -> None:
        has_content = generation.switches.content
        cleaner = generation.cleaner
        told = None if self.request is None else call.told(self.request)
        if told is not None:
            tree = captured(told, has_content=has_content)
            write_request_tree(tree, into)
            if isinstance(tree, dict):
                standard_attributes(tree, has_content=has_content, into=into)
        elif options is not None:
            options.written(call.arguments, clean=cleaner.text, has_content=has_content, into=into)
        # The convention wants the count only where it is not one.
        if into.get(names.REQUEST_CHOICE_COUNT) == 1:
            del into[names.REQUEST_CHOICE_COUNT]
        if not has_content:
            return
        prompt = call.found(self.prompt, PROMPT_NAMES)
        if prompt is not None:
            text = prompt_text(prompt, cleaner)
            into[names.PROMPT] = text
            if generation.switches.messages:
                message: Json = {"role": "user", "parts": [{"type": "text", "content": text}]}
                into[names.INPUT_MESSAGES] = shortened([message])[1]
        negative_prompt = call.found(self.negative_prompt, NEGATIVE_PROMPT_NAMES)
        if negative_prompt is not None:
            into[names.NEGATIVE_PROMPT] = prompt_text(negative_prompt, cleaner)


def begin_of(
    kind: str, settings: Mapping[str, Any], parameters: Parameters | None, function_name: str
) -> Callable[..., Any]:
    """What begins a recording, from a tracer, positional and keyword arguments."""
    if kind == "generation":
        plan = GenerationPlan(**settings)
        options = None if parameters is None else plan.options(parameters)
        return partial(plan.begin, parameters, options, function_name)
    attempt_plan = AttemptPlan(**settings)
    options = None if parameters is None else attempt_plan.options(parameters)
    return partial(attempt_plan.begin, parameters, options)


def prompt_text(prompt: object, cleaner: Cleaner) -> str:
    """A prompt as one clean text: several on lines of their own, pictures among them as type and size."""
    if type(prompt) is str:
        return cleaner.text(prompt)
    tree = cleaner.tree(prompt)
    if isinstance(tree, list):
        return clean_text("\n".join(item if isinstance(item, str) else shortened(item)[1] for item in tree))
    return tree if isinstance(tree, str) else shortened(tree)[1]


def name_from(value: object) -> str | None:
    """A model's or provider's name: a text, or the class of an object that is a model itself."""
    if value is None:
        return None
    if type(value) is str:
        text = clean_text(value)
    else:
        tree = captured(value, has_content=True)
        text = tree if isinstance(tree, str) else type(value).__name__
        if text.startswith("<") and text.endswith(">"):
            text = type(value).__name__
    return text[:_NAME_LIMIT] or None
