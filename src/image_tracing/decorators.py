"""`generation` and `attempt`: decorators of any function, context managers of any block."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial, partialmethod
from inspect import isclass
from types import TracebackType
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar, cast, overload

from opentelemetry.context import attach

from image_tracing.attempts import INERT_ATTEMPT, Attempt
from image_tracing.errors import UsageError
from image_tracing.generations import INERT_GENERATION, Generation
from image_tracing.options import Options
from image_tracing.parameters import Parameters
from image_tracing.plans import AttemptPlan, GenerationPlan
from image_tracing.tracer import current, detach
from image_tracing.wrapping import wrapped

F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any]")
H = TypeVar("H", bound="Generation | Attempt")
H_co = TypeVar("H_co", bound="Generation | Attempt", covariant=True)
V = TypeVar("V")
# A value, or what tells it for each call from a mapping of parameter name to argument, defaults applied.
Told: TypeAlias = V | Callable[[Mapping[str, Any]], V | None] | None


class _Plan(Protocol[H_co]):
    ignore: frozenset[str]

    def begin(
        self,
        parameters: Parameters | None,
        options: Options | None,
        default_name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        /,
    ) -> H_co | None: ...


class _Block(Generic[H]):
    """What `generation(...)` and `attempt(...)` give: decorates a function, or is entered with `with`."""

    def __init__(self, kind: str, plan: _Plan[H], inert: H) -> None:
        self._kind = kind
        self._plan = plan
        self._inert = inert
        self._entered: list[tuple[H, Any]] = []

    def __call__(self, function: F, /) -> F:
        return cast("F", _decorated(self._kind, function, self._plan))

    def __enter__(self) -> H:
        recording = self._plan.begin(None, None, self._kind, (), {})
        if recording is None:
            self._entered.append((self._inert, None))
            return self._inert
        recording.is_block = True
        self._entered.append((recording, attach(recording.context)))
        return recording

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        recording, token = self._left()
        if token is None:
            return
        detach(token)
        if error is None:
            recording.ended(None)
        elif isinstance(error, GeneratorExit):
            recording.closed()
        else:
            recording.failed(error)

    async def __aenter__(self) -> H:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _left(self) -> tuple[H, Any]:
        """The entry being left: one object may be entered again, nested or by several tasks at once."""
        around = current()
        for index in range(len(self._entered) - 1, -1, -1):
            if self._entered[index][0] is around:
                return self._entered.pop(index)
        return self._entered.pop()


@overload
def generation(function: F, /) -> F: ...


@overload
def generation(
    *,
    name: Told[str] = None,
    lesson_id: Told[object] = None,
    prompts: Told[object] = None,
    request: Told[Mapping[str, Any]] = None,
    attributes: Told[Mapping[str, Any]] = None,
    ignore: str | Iterable[str] = (),
    traceback: bool = False,
) -> _Block[Generation]: ...


def generation(
    function: Any = None,
    /,
    *,
    name: Told[str] = None,
    lesson_id: Told[object] = None,
    prompts: Told[object] = None,
    request: Told[Mapping[str, Any]] = None,
    attributes: Told[Mapping[str, Any]] = None,
    ignore: str | Iterable[str] = (),
    traceback: bool = False,
) -> Any:
    """Record each call of a function, or one block, as a generation: the attempts inside it belong to it.

    Bare or with arguments on functions, methods, `async def`, generators and async generators; or as
    `with generation(lesson_id="l-1") as g:`, also `async with`. Results and exceptions pass unchanged.

    Each argument is a constant or a function of one mapping: parameter name to the value of this call,
    defaults applied. Parameters called `lesson_id`, `prompt`, `prompts` are found by name; the other
    JSON-like ones become `request_data`, unless `request` says what does. `name` is that of the function
    if absent; `attributes` are added to the span; `ignore` leaves parameters out; `traceback` keeps the
    traceback of an exception (`IMAGE_TRACING_CAPTURE_TRACEBACK=true` does so everywhere).

    Raises:
        UsageError: at decoration, if it cannot work.
    """
    _require_text_or_function("generation", "name", name)
    _require_mapping_or_function("generation", "request", request)
    _require_mapping_or_function("generation", "attributes", attributes)
    plan = GenerationPlan(
        name=name,
        lesson_id=lesson_id,
        prompts=prompts,
        request=request,
        attributes=attributes,
        ignore=_names("generation", ignore),
        traceback=traceback,
    )
    block = _Block[Generation]("generation", plan, INERT_GENERATION)
    return block if function is None else block(function)


@overload
def attempt(function: F, /) -> F: ...


@overload
def attempt(
    *,
    model: Told[object] = None,
    prompt: Told[object] = None,
    negative_prompt: Told[object] = None,
    provider: Told[str] = None,
    request: Told[Mapping[str, Any]] = None,
    ignore: str | Iterable[str] = (),
    require_image: bool = False,
    traceback: bool = False,
) -> _Block[Attempt]: ...


def attempt(
    function: Any = None,
    /,
    *,
    model: Told[object] = None,
    prompt: Told[object] = None,
    negative_prompt: Told[object] = None,
    provider: Told[str] = None,
    request: Told[Mapping[str, Any]] = None,
    ignore: str | Iterable[str] = (),
    require_image: bool = False,
    traceback: bool = False,
) -> Any:
    """Record each call of a function, or one block, as an attempt: one call of one model.

    Used like `generation`. Parameters called `model`, `prompt`, `negative_prompt`, `provider` and
    `lesson_id` are found by name; the other JSON-like ones, defaults included, become `request.options`,
    unless `request` says what does. The pictures are found in the result by its shape; in a block tell
    them with `a.record_images(result)`. Without a generation around it, it is its own.

    With `require_image` a result without a usable picture raises `NoImageError`, so that a chain of
    fallbacks goes on; otherwise results and exceptions pass unchanged.

    Raises:
        UsageError: at decoration, if it cannot work.
    """
    _require_text_or_function("attempt", "provider", provider)
    _require_mapping_or_function("attempt", "request", request)
    plan = AttemptPlan(
        model=model,
        prompt=prompt,
        negative_prompt=negative_prompt,
        provider=provider,
        request=request,
        ignore=_names("attempt", ignore),
        require_image=require_image,
        traceback=traceback,
    )
    block = _Block[Attempt]("attempt", plan, INERT_ATTEMPT)
    return block if function is None else block(function)


def current_generation() -> Generation:
    """The generation around this code; out of one, an object whose methods do nothing."""
    around = current()
    if isinstance(around, Attempt):
        return around.generation
    return around if isinstance(around, Generation) else INERT_GENERATION


def current_attempt() -> Attempt:
    """The attempt around this code; out of one, an object whose methods do nothing."""
    around = current()
    return around if isinstance(around, Attempt) else INERT_ATTEMPT


def _decorated(kind: str, function: Any, plan: Any) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_decorated(kind, function.__func__, plan))
    if isinstance(function, partialmethod):
        return partialmethod(_decorated(kind, function.func, plan), *function.args, **function.keywords)
    if isclass(function) or not callable(function):
        raise UsageError(
            f"{kind} wants a function to decorate, or keyword arguments; found {_shown(function)}; "
            f"write @{kind}, @{kind}(...) or with {kind}(...)"
        )
    parameters = Parameters(function)
    unknown = sorted(name for name in plan.ignore if not parameters.can_be_given(name))
    if unknown:
        raise UsageError(
            f"{kind} wants to ignore parameters of {_name_of(function)}; found {unknown[0]!r}, "
            "which it does not take; correct the name or leave it out"
        )
    begin = partial(plan.begin, parameters, plan.options(parameters), _name_of(function))
    return wrapped(function, begin)


def _name_of(function: Any) -> str:
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    name = getattr(inner, "__name__", None)
    return name if isinstance(name, str) else type(inner).__name__


def _names(kind: str, ignore: str | Iterable[str]) -> frozenset[str]:
    if isinstance(ignore, str):
        return frozenset({ignore})
    names = frozenset(ignore) if isinstance(ignore, Iterable) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise UsageError(
            f"{kind} wants names of parameters in ignore; found {_shown(ignore)}; "
            'write ignore="name" or ignore=["name", "other"]'
        )
    return names


def _require_text_or_function(kind: str, name: str, value: object) -> None:
    if not (value is None or isinstance(value, str) or callable(value)):
        raise UsageError(
            f"{kind} wants a text or a function for {name}; found {_shown(value)}; "
            f'write {name}="..." or {name}=lambda arguments: ...'
        )


def _require_mapping_or_function(kind: str, name: str, value: object) -> None:
    if not (value is None or isinstance(value, Mapping) or callable(value)):
        raise UsageError(
            f"{kind} wants a mapping or a function for {name}; found {_shown(value)}; "
            f"write {name}={{...}} or {name}=lambda arguments: {{...}}"
        )


def _shown(value: object) -> str:
    try:
        return repr(value)[:_SHOWN_LIMIT]
    except Exception:  # noqa: BLE001 - the message about a wrong value must not fail because of it
        return f"a {type(value).__name__}"


_SHOWN_LIMIT: Final = 100
