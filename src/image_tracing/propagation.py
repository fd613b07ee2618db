"""The context of generations, carried to where Python does not carry it by itself."""

import functools
from collections.abc import Callable
from contextvars import copy_context
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry.context import attach, get_current

from image_tracing.errors import UsageError
from image_tracing.tracer import detach

P = ParamSpec("P")
R = TypeVar("R")


def in_context(function: Callable[P, R], /) -> Callable[P, R]:
    """`function`, run in the context of this moment wherever it is called.

    `pool.submit(in_context(paint), model, prompt)`: a thread pool forgets which generation a call belongs to;
    `asyncio.to_thread` and tasks do not. The same object may be called by many threads at once.

    Raises:
        UsageError: `function` is not callable, as in `pool.submit(in_context(paint(...)))`.
    """
    if not callable(function):
        raise UsageError(
            f"in_context wants a function; found {type(function).__name__}; "
            "write in_context(function) and give the arguments to the pool"
        )
    if iscoroutinefunction(function):
        current = get_current()

        async def call_later(*args: Any, **kwargs: Any) -> Any:
            token = attach(current)
            try:
                return await function(*args, **kwargs)
            finally:
                detach(token)

        return cast("Callable[P, R]", functools.update_wrapper(call_later, function))
    context = copy_context()

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        # A context can be entered by one thread at a time; copies are cheap.
        return context.copy().run(function, *args, **kwargs)

    return functools.update_wrapper(call, function)
