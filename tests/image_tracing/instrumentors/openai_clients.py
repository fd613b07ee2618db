"""Real clients of `openai` that remember what they themselves returned or raised."""

import asyncio
import warnings
from contextlib import AbstractContextManager
from typing import Any, Protocol

import openai


class Client(Protocol):
    """One of the two clients: `call` is `images.<name>(...)`, awaited and read to its end where need be."""

    seen: list[Any]

    def call(self, name: str = "generate", **arguments: Any) -> Any: ...


ARGUMENTS: dict[str, Any] = {"prompt": "a red fox", "model": "gpt-image-2"}


class Offline(openai.OpenAI):
    """A client that never sends anything, wherever it points to."""

    def post(self, *_: Any, **__: Any) -> Any:
        raise ConnectionError("offline")


class SyncClient:
    def __init__(self, url: str, **options: Any) -> None:
        self.seen: list[Any] = []
        seen = self.seen

        class Remembering(openai.OpenAI):
            def post(self, *args: Any, **kwargs: Any) -> Any:
                try:
                    result = super().post(*args, **kwargs)
                except BaseException as error:
                    seen.append(error)
                    raise
                seen.append(result)
                return result

        self._class = Remembering
        self._options = _options(url, options)

    def call(self, name: str = "generate", **arguments: Any) -> Any:
        with self._class(**self._options) as client, _without_deprecations():
            result = getattr(client.images, name)(**_arguments(name, arguments))
            return list(result) if arguments.get("stream") else result


class AsyncClient:
    def __init__(self, url: str, **options: Any) -> None:
        self.seen: list[Any] = []
        seen = self.seen

        class Remembering(openai.AsyncOpenAI):
            async def post(self, *args: Any, **kwargs: Any) -> Any:
                try:
                    result = await super().post(*args, **kwargs)
                except BaseException as error:
                    seen.append(error)
                    raise
                seen.append(result)
                return result

        self._class = Remembering
        self._options = _options(url, options)

    def call(self, name: str = "generate", **arguments: Any) -> Any:
        return asyncio.run(self._call(name, arguments))

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        async with self._class(**self._options) as client:
            with _without_deprecations():
                result = await getattr(client.images, name)(**_arguments(name, arguments))
                return [item async for item in result] if arguments.get("stream") else result


def _options(url: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": "sk-test", "base_url": f"{url}/v1", "max_retries": 0, **more}


def _arguments(name: str, more: dict[str, Any]) -> dict[str, Any]:
    arguments = {**ARGUMENTS, **more}
    if name == "create_variation":
        del arguments["prompt"]
    return arguments


def _without_deprecations() -> AbstractContextManager[Any]:
    """Newer versions deprecate `create_variation`."""
    return warnings.catch_warnings(action="ignore", category=DeprecationWarning)
