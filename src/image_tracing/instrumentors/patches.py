"""What stands in place of functions of an SDK, and how to give them their places back."""

import functools
from collections.abc import Callable
from inspect import getattr_static, iscoroutinefunction
from threading import RLock
from types import FunctionType
from typing import Any, Final

from image_tracing.instrumentors.sdk_calls import Begin, SdkCall
from image_tracing.wrapping import wrapped

_MISSING: Final = object()
_MARK: Final = "__image_tracing__"


class Patches:
    """The replacements that one instrumentor has made.

    Where somebody else has wrapped a replacement of ours since, it cannot be taken out: it stays and does
    nothing as long as `is_on` is false.
    """

    def __init__(self) -> None:
        self.is_on = False
        self._lock = RLock()
        self._places: list[tuple[Any, str, Any, Any]] = []

    def record(self, owner: Any, name: str, call: SdkCall) -> None:
        """Record each call of `owner.name`, of a class or module; no such name is no error."""

        def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
            return wrapped(function, Begin(call, function, lambda: self.is_on))

        self.replace(owner, name, wrap)

    def replace(
        self, owner: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]
    ) -> None:
        """Put `wrap(function)` in the place of `owner.name`; no such name is no error."""
        with self._lock:
            found = getattr_static(owner, name, _MISSING)
            if found is _MISSING or not self.is_on:
                return
            function = found.__func__ if isinstance(found, (classmethod, staticmethod)) else found
            if getattr(function, _MARK, None) is self:
                return
            replacement = wrap(_bindable(function) if isinstance(owner, type) else function)
            setattr(replacement, _MARK, self)
            placed: Any = replacement
            if isinstance(found, (classmethod, staticmethod)):
                placed = type(found)(replacement)
            is_own = name in vars(owner)
            setattr(owner, name, placed)
            self._places.append((owner, name, placed, found if is_own else _MISSING))

    def restore(self) -> None:
        """Give every place back that still holds what was put there."""
        with self._lock:
            places, self._places = self._places, []
            for owner, name, placed, found in reversed(places):
                if vars(owner).get(name) is not placed:
                    continue
                if found is _MISSING:
                    delattr(owner, name)
                else:
                    setattr(owner, name, found)


def _bindable(function: Any) -> Callable[..., Any]:
    """A method as a function of its receiver: another tool's wrapper may count on being bound to it."""
    # Not isinstance: the proxies of wrapt pass for functions.
    if type(function) is FunctionType or not hasattr(type(function), "__get__"):
        bindable: Callable[..., Any] = function
        return bindable

    @functools.wraps(function)
    def bound(receiver: Any, /, *args: Any, **kwargs: Any) -> Any:
        return function.__get__(receiver, type(receiver))(*args, **kwargs)

    @functools.wraps(function)
    async def bound_async(receiver: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await function.__get__(receiver, type(receiver))(*args, **kwargs)

    return bound_async if iscoroutinefunction(function) else bound
