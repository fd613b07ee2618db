"""What a function of an SDK itself returned or raised, below whatever instruments it."""

import functools
from collections.abc import Callable
from inspect import isasyncgen, iscoroutine, iscoroutinefunction, isgeneratorfunction
from typing import Any

import pytest


def remember(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[Any]:
    """A list that grows by each result and exception of `owner.name`; call it before `instrument()`.

    Of what it awaits or iterates over by the exception of that.
    """
    function: Callable[..., Any] = vars(owner)[name]
    seen: list[Any] = []

    async def awaited(coming: Any) -> Any:
        try:
            result = await coming
        except BaseException as error:
            seen.append(error)
            raise
        if isasyncgen(result):
            return iterated_async(result)
        seen.append(result)
        return result

    async def iterated_async(items: Any) -> Any:
        try:
            async for item in items:
                yield item
        except BaseException as error:
            seen.append(error)
            raise

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            seen.append(error)
            raise
        if iscoroutine(result):
            return awaited(result)
        seen.append(result)
        return result

    @functools.wraps(function)
    def iterate(*args: Any, **kwargs: Any) -> Any:
        try:
            return (yield from function(*args, **kwargs))
        except BaseException as error:
            seen.append(error)
            raise

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        return await awaited(function(*args, **kwargs))

    kept = iterate if isgeneratorfunction(function) else call_async if iscoroutinefunction(function) else call
    monkeypatch.setattr(owner, name, kept)
    return seen
