"""What a decorator or context manager was told to record, and the beginning of each call by it."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.attempts import Attempt, attempt_without_span, begin_attempt
from image_tracing.content import clean_mapping, clean_text, clean_tree, hidden_tree
from image_tracing.faults import tell_once
from image_tracing.generations import (
    Generation,
    begin_generation,
    captured,
    describe_generation,
    lesson_id_from,
)
from image_tracing.parameters import Parameters, is_given
from image_tracing.storable import Json, shortened
from image_tracing.switches import switches
from image_tracing.tracer import active_tracer, current
from image_tracing.vocabulary import (
    ATTEMPT_NAMES,
    LESSON_ID_NAMES,
    MODEL_NAMES,
    NEGATIVE_PROMPT_NAMES,
    PROMPT_NAMES,
    PROVIDER_NAMES,
    standard_attributes,
)

_NO_ARGUMENTS: Final[Mapping[str, Any]] = {}
_NO_NAMES: Final[frozenset[str]] = frozenset()


class _Call:
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

    def begin(
        self,
        parameters: Parameters | None,
        default_name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Generation | None:
        """The generation of one call, begun; None when nothing is to be recorded."""
        tracer = active_tracer()
        if tracer is None:
            return None
        try:
            call = _Call(parameters, args, kwargs)
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
                self._describe(generation, call, parameters)
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("describe a generation")
        return generation

    def _describe(self, generation: Generation, call: _Call, parameters: Parameters | None) -> None:
        attributes = call.told(self.attributes)
        describe_generation(
            generation,
            request=self._request(call, parameters, has_content=generation.switches.content),
            attributes=attributes if isinstance(attributes, Mapping) else None,
            has_traceback=self.traceback,
        )

    def _request(self, call: _Call, parameters: Parameters | None, *, has_content: bool) -> Json:
        told = None if self.request is None else call.told(self.request)
        if told is not None:
            request = captured(told, has_content=has_content)
        else:
            left_out = self.ignore.union(LESSON_ID_NAMES, _receiver(parameters))
            request = _captured_arguments(call.arguments, left_out, has_content=has_content)
        prompts = None if self.prompts is None else call.told(self.prompts)
        if prompts is not None and (isinstance(request, dict) or request is None):
            request = request or {}
            request["prompts"] = captured(prompts, has_content=has_content)
        return request or None


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
    ) -> None:
        self.model = model
        self.prompt = prompt
        self.negative_prompt = negative_prompt
        self.provider = provider
        self.request = request
        self.ignore = ignore
        self.require_image = require_image
        self.traceback = traceback

    def begin(
        self,
        parameters: Parameters | None,
        default_name: str,  # noqa: ARG002 - the same call begins generations, which have names
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Attempt | None:
        """The attempt of one call, begun; None when there is nothing to do."""
        tracer = active_tracer()
        if tracer is None and not self.require_image:
            return None
        try:
            call = _Call(parameters, args, kwargs)
            model = _name_from(call.found(self.model, MODEL_NAMES))
            if tracer is None:
                return attempt_without_span(model)
            around = current()
            generation = around.generation if isinstance(around, Attempt) else around
            lesson_id = generation.lesson_id if generation is not None else None
            if lesson_id is None:
                lesson_id = lesson_id_from(call.found(None, LESSON_ID_NAMES))
            attempt = begin_attempt(
                tracer,
                generation,
                model=model,
                provider=_name_from(call.found(self.provider, PROVIDER_NAMES)),
                lesson_id=lesson_id,
                switches=switches() if generation is None else generation.switches,
                require_image=self.require_image,
                has_traceback=self.traceback,
            )
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("begin an attempt")
            return None
        if attempt.is_recording:
            try:
                self._describe(attempt, call, parameters)
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("describe an attempt")
        return attempt

    def told_name(self, value: object) -> str | None:
        """The name in a constant given for the model or provider."""
        return _name_from(value)

    def describe(self, attempt: Attempt) -> None:
        """Note what was asked for where there is no call, only what was given."""
        self._describe(attempt, _Call(None, (), _NO_ARGUMENTS), None)

    def _describe(self, attempt: Attempt, call: _Call, parameters: Parameters | None) -> None:
        control = attempt.generation.switches
        has_content = control.content
        told = None if self.request is None else call.told(self.request)
        if told is not None:
            options = captured(told, has_content=has_content)
        else:
            left_out = self.ignore.union(ATTEMPT_NAMES, _receiver(parameters))
            options = _captured_arguments(call.arguments, left_out, has_content=has_content)
        attributes: dict[str, Any] = {names.ATTEMPT_NUMBER: attempt.number}
        if options:
            text, is_cut = shortened(options)[1:]
            attributes[names.REQUEST] = text
            if is_cut:
                attributes[names.TRUNCATED] = True
            if isinstance(options, dict):
                standard_attributes(options, has_content=has_content, into=attributes)
        if has_content:
            prompt = call.found(self.prompt, PROMPT_NAMES)
            if prompt is not None:
                text = prompt_text(prompt)
                attributes[names.PROMPT] = text
                if control.messages:
                    attributes[names.INPUT_MESSAGES] = shortened(
                        [{"role": "user", "parts": [{"type": "text", "content": text}]}]
                    )[1]
            negative_prompt = call.found(self.negative_prompt, NEGATIVE_PROMPT_NAMES)
            if negative_prompt is not None:
                attributes[names.NEGATIVE_PROMPT] = prompt_text(negative_prompt)
        attempt.describe(attributes)


def prompt_text(prompt: object) -> str:
    """A prompt as one clean text: several on lines of their own, pictures among them as type and size."""
    if type(prompt) is str:
        return clean_text(prompt)
    tree = clean_tree(prompt)
    if isinstance(tree, list):
        return clean_text("\n".join(item if isinstance(item, str) else shortened(item)[1] for item in tree))
    return tree if isinstance(tree, str) else shortened(tree)[1]


def _captured_arguments(
    arguments: Mapping[str, Any], left_out: frozenset[str], *, has_content: bool
) -> dict[str, Json]:
    given = {name: value for name, value in arguments.items() if name not in left_out and is_given(value)}
    if has_content:
        return clean_mapping(given)
    hidden = hidden_tree(given)
    return hidden if isinstance(hidden, dict) else {}


def _receiver(parameters: Parameters | None) -> tuple[str, ...]:
    return () if parameters is None or parameters.receiver is None else (parameters.receiver,)


def _name_from(value: object) -> str | None:
    """A model's or provider's name: a text, or the class of an object that is a model itself."""
    if value is None:
        return None
    if type(value) is str:
        text = clean_text(value)
    else:
        tree = clean_tree(value)
        text = tree if isinstance(tree, str) else type(value).__name__
        if text.startswith("<") and text.endswith(">"):
            text = type(value).__name__
    return text[:300] or None
