"""`generation` and `attempt`: decorators of any function, context managers of any block."""

# Annotations are for readers and checkers: building them at import took longer than all the rest.
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, partialmethod
from inspect import isclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, overload

from opentelemetry.context import attach

from image_tracing.errors import UsageError
from image_tracing.faults import tell_once
from image_tracing.parameters import Parameters
from image_tracing.tracer import active_tracer, current, detach
from image_tracing.usage import (
    names_to_ignore,
    require_mapping_or_function,
    require_text_or_function,
    shown,
)
from image_tracing.wrapping import wrapped

if TYPE_CHECKING:
    from image_tracing.attempts import Attempt
    from image_tracing.generations import Generation

    V = TypeVar("V")
    # A value, or what tells it for each call from a mapping of parameter name to argument, defaults applied.
    Told: TypeAlias = V | Callable[[Mapping[str, Any]], V | None] | None

F = TypeVar("F", bound="Callable[..., Any] | classmethod[Any, Any, Any] | staticmethod[Any, Any]")
H = TypeVar("H", bound="Generation | Attempt")


class _Begin(Generic[H]):
    """Begins the recording of each call of one function, or of each entry of one block.

    All that records is imported when there is something to record: a program without a provider never pays
    for it.
    """

    __slots__ = ("_always", "_begin", "_function_name", "_kind", "_parameters", "_settings")

    def __init__(
        self, kind: str, settings: Mapping[str, Any], parameters: Parameters | None, function_name: str
    ) -> None:
        self._kind = kind
        self._settings = settings
        self._parameters = parameters
        self._function_name = function_name
        self._always = bool(settings.get("require_image"))
        self._begin: Callable[[Any, tuple[Any, ...], Mapping[str, Any]], H | None] | None = None

    def __call__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> H | None:
        tracer = active_tracer()
        if tracer is None and not self._always:
            return None
        begin = self._begin
        if begin is None:
            try:
                from image_tracing.plans import begin_of

                begin = begin_of(self._kind, self._settings, self._parameters, self._function_name)
            except Exception:  # noqa: BLE001 - at the end of a program nothing can be imported any more
                tell_once(f"begin the first {self._kind}")
                return None
            self._begin = begin
        return begin(tracer, args, kwargs)


class Block(Generic[H]):
    """What `generation(...)` and `attempt(...)` give: decorates a function, or is entered with `with`."""

    def __init__(self, kind: str, settings: Mapping[str, Any], inert: Callable[[], H]) -> None:
        self._kind = kind
        self._settings = settings
        self._inert = inert
        self._begin: _Begin[H] = _Begin(kind, settings, None, kind)
        self._entered: list[tuple[H, Any]] = []

    def __call__(self, function: F, /) -> F:
        decorated: F = _decorated(self._kind, function, self._settings)
        return decorated

    def __enter__(self) -> H:
        recording = self._begin((), {})
        if recording is None:
            recording = self._inert()
            self._entered.append((recording, None))
            return recording
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
) -> Block[Generation]: ...


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
    require_text_or_function("generation", "name", name)
    require_mapping_or_function("generation", "request", request)
    require_mapping_or_function("generation", "attributes", attributes)
    settings = {
        "name": name,
        "lesson_id": lesson_id,
        "prompts": prompts,
        "request": request,
        "attributes": attributes,
        "ignore": names_to_ignore("generation", ignore),
        "traceback": traceback,
    }
    block: Block[Generation] = Block("generation", settings, _inert_generation)
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
) -> Block[Attempt]: ...


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
    require_text_or_function("attempt", "provider", provider)
    require_mapping_or_function("attempt", "request", request)
    settings = {
        "model": model,
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "provider": provider,
        "request": request,
        "ignore": names_to_ignore("attempt", ignore),
        "require_image": require_image,
        "traceback": traceback,
    }
    block: Block[Attempt] = Block("attempt", settings, _inert_attempt)
    return block if function is None else block(function)


def current_generation() -> Generation:
    """The generation around this code; out of one, an object whose methods do nothing."""
    around = current()
    if around is None:
        return _inert_generation()
    found: Generation = getattr(around, "generation", around)
    return found


def current_attempt() -> Attempt:
    """The attempt around this code; out of one, an object whose methods do nothing."""
    around = current()
    if hasattr(around, "generation"):
        found: Attempt = around
        return found
    return _inert_attempt()


def _inert_generation() -> Generation:
    from image_tracing.generations import INERT_GENERATION

    return INERT_GENERATION


def _inert_attempt() -> Attempt:
    from image_tracing.attempts import INERT_ATTEMPT

    return INERT_ATTEMPT


def _decorated(kind: str, function: Any, settings: Mapping[str, Any]) -> Any:
    if isinstance(function, (classmethod, staticmethod)):
        return type(function)(_decorated(kind, function.__func__, settings))
    if isinstance(function, partialmethod):
        return partialmethod(_decorated(kind, function.func, settings), *function.args, **function.keywords)
    if isclass(function) or not callable(function):
        raise UsageError(
            f"{kind} wants a function to decorate, or keyword arguments; found {shown(function)}; "
            f"write @{kind}, @{kind}(...) or with {kind}(...)"
        )
    parameters = Parameters(function)
    unknown = sorted(name for name in settings["ignore"] if not parameters.can_be_given(name))
    if unknown:
        raise UsageError(
            f"{kind} wants to ignore parameters of {_name_of(function)}; found {unknown[0]!r}, "
            "which it does not take; correct the name or leave it out"
        )
    return wrapped(function, _Begin(kind, settings, parameters, _name_of(function)))


def _name_of(function: Any) -> str:
    inner = function
    while isinstance(inner, partial):
        inner = inner.func
    name = getattr(inner, "__name__", None)
    return name if isinstance(name, str) else type(inner).__name__
