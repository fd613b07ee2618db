"""What a function of an SDK itself returned or raised, below whatever instruments it."""

import functools
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

import pytest


def remember(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[Any]:
    """A list that grows by each result and exception of `owner.name`; call it before `instrument()`."""
    function: Callable[..., Any] = vars(owner)[name]
    seen: list[Any] = []

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            seen.append(function(*args, **kwargs))
        except BaseException as error:
            seen.append(error)
            raise
        return seen[-1]

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        try:
            seen.append(await function(*args, **kwargs))
        except BaseException as error:
            seen.append(error)
            raise
        return seen[-1]

    monkeypatch.setattr(owner, name, call_async if iscoroutinefunction(function) else call)
    return seen
