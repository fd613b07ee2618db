"""Objects returned by SDKs whose iteration belongs to the call: they stay what they are, and are followed."""

from collections.abc import Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import attach

from image_tracing.abandoned import note_abandoning
from image_tracing.faults import tell_once
from image_tracing.tracer import detach

if TYPE_CHECKING:
    from image_tracing.instrumentors.recordings import CallRecording

_CLOSERS: Final = ("close", "aclose")


def follow(stream: Any, recording: "CallRecording", *, iterator: str) -> None:
    """Record what `stream` iterates over, which its attribute `iterator` holds; end when it is closed."""
    inner = getattr(stream, iterator)
    is_async = hasattr(type(inner), "__anext__")

    def close(_: object) -> bool:
        recording.closed()
        return True

    take_off = follow_methods(stream, _CLOSERS, recording, close)
    setattr(stream, iterator, (_AsyncIterator if is_async else _Iterator)(inner, recording, take_off))
    note_abandoning(stream, recording)


def follow_methods(
    instance: Any, names: tuple[str, ...], recording: "CallRecording", look: Callable[[object], bool]
) -> Callable[[], None]:
    """Have `look` see what these methods of one object return, until it answers true.

    What they raise ends the recording. The answer leaves the object its own methods again.
    """

    # The object refers to itself through these until they are taken off again: then it is freed at once.
    def take_off() -> None:
        for name in names:
            vars(instance).pop(name, None)

    for name in names:
        method = getattr(type(instance), name, None)
        if callable(method):
            vars(instance)[name] = _followed(instance, method, take_off, recording, look)
    return take_off


def _followed(
    instance: Any,
    method: Callable[..., Any],
    take_off: Callable[[], None],
    recording: "CallRecording",
    look: Callable[[object], bool],
) -> Callable[..., Any]:
    def see(value: object) -> None:
        try:
            if recording.is_ended or look(value):
                take_off()
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("look at a stream")

    async def awaited(coming: Any) -> Any:
        try:
            value = await coming
        except BaseException as error:
            recording.failed(error)
            raise
        see(value)
        return value

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            value = method(instance, *args, **kwargs)
        except BaseException as error:
            recording.failed(error)
            raise
        if isawaitable(value):
            return awaited(value)
        see(value)
        return value

    return call


class _Steps:
    """An iterator of either kind whose every step is recorded; `take_off` is called at the last."""

    def __init__(self, inner: Any, recording: "CallRecording", take_off: Callable[[], None]) -> None:
        self._inner = inner
        self._recording = recording
        self._take_off: Callable[[], None] | None = take_off

    def _ended(self, error: BaseException | None) -> None:
        if error is None:
            self._recording.ended(None)
        else:
            self._recording.failed(error)
        take_off, self._take_off = self._take_off, None
        if take_off is not None:
            take_off()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Iterator(_Steps):
    def __iter__(self) -> "_Iterator":
        return self

    def __next__(self) -> Any:
        recording = self._recording
        if recording.is_ended:
            return next(self._inner)
        token = attach(recording.context)
        try:
            item = next(self._inner)
        except StopIteration:
            detach(token)
            self._ended(None)
            raise
        except BaseException as error:
            detach(token)
            self._ended(error)
            raise
        detach(token)
        recording.saw(item)
        return item


class _AsyncIterator(_Steps):
    def __aiter__(self) -> "_AsyncIterator":
        return self

    async def __anext__(self) -> Any:
        recording = self._recording
        if recording.is_ended:
            return await anext(self._inner)
        token = attach(recording.context)
        try:
            item = await anext(self._inner)
        except StopAsyncIteration:
            detach(token)
            self._ended(None)
            raise
        except BaseException as error:
            detach(token)
            self._ended(error)
            raise
        detach(token)
        recording.saw(item)
        return item
