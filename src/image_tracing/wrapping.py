"""Functions of every kind, wrapped so that their spans cover what they really do.

A coroutine's span covers the awaiting, a generator's the whole of its iteration. The context with the
span is attached only while the function's own code runs, never while a generator waits for its consumer.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry.context import Context, attach

from image_tracing.errors import NoImageError
from image_tracing.tracer import detach

if TYPE_CHECKING:

    class Recording(Protocol):
        """One call being recorded: a generation or an attempt."""

        context: Context

        @property
        def is_ended(self) -> bool: ...

        def saw(self, item: object) -> None: ...

        def ended(self, result: object) -> None: ...

        def failed(self, error: BaseException, end_time: int | None = None) -> None: ...

        def closed(self, end_time: int | None = None) -> None: ...

    Begin = Callable[[tuple[Any, ...], dict[str, Any]], Recording | None]


def wrapped(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    """`function` with a recording around each call; of the same kind, name and signature."""
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not hasattr(inner, "__code__"):
        inner = getattr(type(inner), "__call__", inner)  # noqa: B004 - of an object that is called
    if isasyncgenfunction(inner):
        wrapper = _async_generator_function(function, begin)
    elif iscoroutinefunction(inner):
        wrapper = _coroutine_function(function, begin)
    elif isgeneratorfunction(inner):
        wrapper = _generator_function(function, begin)
    else:
        wrapper = _plain_function(function, begin)
    return functools.update_wrapper(wrapper, function)


def _plain_function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        recording = begin(args, kwargs)
        if recording is None:
            return function(*args, **kwargs)
        token = attach(recording.context)
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            detach(token)
            recording.failed(error)
            raise
        detach(token)
        kind = type(result)
        if kind in _UNFINISHED:
            return _unfinished(kind, result, recording)
        if hasattr(kind, "add_done_callback"):
            result.add_done_callback(functools.partial(_done, recording))
        else:
            recording.ended(result)
        return result

    return call


def _coroutine_function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        recording = begin(args, kwargs)
        if recording is None:
            return await function(*args, **kwargs)
        return await _awaited(function(*args, **kwargs), recording)

    return call


def _generator_function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        recording = begin(args, kwargs)
        generator = function(*args, **kwargs)
        if recording is None:
            return (yield from generator)
        return (yield from _iterated(generator, recording))

    return call


def _async_generator_function(function: Callable[..., Any], begin: Begin) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        recording = begin(args, kwargs)
        driver = _iterated_async(function(*args, **kwargs), recording)
        # `yield from` does not exist here: items, sends, throws and the closing are passed on by hand.
        step = _first_step(driver)
        while True:
            try:
                item = await step
            except StopAsyncIteration:
                return
            try:
                step = driver.asend((yield item))
            except GeneratorExit:
                await driver.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - thrown in, thrown on
                step = driver.athrow(error)

    return call


async def _awaited(coroutine: Any, recording: Recording) -> Any:
    token = attach(recording.context)
    try:
        result = await coroutine
    except BaseException as error:
        detach(token)
        recording.failed(error)
        raise
    detach(token)
    if type(result) is AsyncGeneratorType:
        return _unfinished(AsyncGeneratorType, result, recording)
    recording.ended(result)
    return result


def _unfinished(kind: type, result: Any, recording: Recording) -> Any:
    """What stands for a result whose work is still to be done, by its name; it may be thrown away unbegun."""
    # Imported here: the results of most functions are finished.
    from image_tracing.abandoned import note_abandoning

    unfinished = _UNFINISHED[kind](result, recording)
    unfinished.__name__, unfinished.__qualname__ = result.__name__, result.__qualname__
    note_abandoning(unfinished, recording, result)
    return unfinished


def _iterated(generator: Any, recording: Recording) -> Generator[Any, Any, Any]:
    step, value = generator.send, None
    while True:
        token = attach(recording.context)
        try:
            item = step(value)
        except StopIteration as stop:
            detach(token)
            result = stop.value
            break
        except BaseException as error:
            detach(token)
            recording.failed(error)
            raise
        detach(token)
        recording.saw(item)
        try:
            value = yield item
            step = generator.send
        except GeneratorExit:
            _close(generator, recording)
            raise
        except BaseException as error:  # noqa: BLE001 - thrown in, thrown on
            step, value = generator.throw, error
    recording.ended(result)
    return result


def _close(generator: Any, recording: Recording) -> None:
    token = attach(recording.context)
    try:
        generator.close()
    except BaseException as error:
        detach(token)
        recording.failed(error)
        raise
    detach(token)
    recording.closed()


async def _iterated_async(generator: Any, recording: Recording | None) -> AsyncGenerator[Any, Any]:
    step = _first_step(generator)
    while True:
        token = None if recording is None else attach(recording.context)
        try:
            item = await step
        except StopAsyncIteration:
            break
        except GeneratorExit:
            # Thrown away in the middle of a step, with its event loop.
            if recording is not None:
                recording.closed()
            raise
        except BaseException as error:
            if recording is not None:
                recording.failed(error)
            raise
        finally:
            # Each step runs within one task, whichever consumes the generator at that moment.
            if token is not None:
                detach(token)
        if recording is not None:
            recording.saw(item)
        try:
            step = generator.asend((yield item))
        except GeneratorExit:
            await _close_async(generator, recording)
            raise
        except BaseException as error:  # noqa: BLE001 - thrown in, thrown on
            step = generator.athrow(error)
    if recording is not None:
        recording.ended(None)


def _first_step(generator: Any) -> Awaitable[Any]:
    """The first item, by a generator of which the event loop does not hear.

    A loop closes all generators it knows at once when it ends; ours closes the inner one itself.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=None, finalizer=None)
    try:
        step: Awaitable[Any] = generator.asend(None)
    finally:
        sys.set_asyncgen_hooks(*hooks)
    return step


async def _close_async(generator: Any, recording: Recording | None) -> None:
    token = None if recording is None else attach(recording.context)
    try:
        await generator.aclose()
    except BaseException as error:
        if recording is not None:
            recording.failed(error)
        raise
    finally:
        if token is not None:
            detach(token)
    if recording is not None:
        recording.closed()


def _done(recording: Recording, future: Any) -> None:
    """The end of a future that a plain function returned; its owner keeps the very object."""
    try:
        result = future.result()
    except BaseException as error:  # noqa: BLE001 - recorded; the future still holds it for its owner
        recording.failed(error)
        return
    try:
        recording.ended(result)
    except NoImageError:
        return


# Results whose work is still to be done when a plain function returns them.
_UNFINISHED: Final[dict[type, Callable[[Any, Recording], Any]]] = {
    AsyncGeneratorType: _iterated_async,
    CoroutineType: _awaited,
    GeneratorType: _iterated,
}
