"""Real clients of `google-genai`, used in the same way."""

import asyncio
import warnings
from contextlib import AbstractContextManager
from typing import Any, Protocol

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

MODEL = "gemini-2.5-flash-image"


class Client(Protocol):
    """One of the two clients: `call` is `models.<name>(...)`, awaited and read to its end where need be."""

    def call(self, name: str = "generate_content", **arguments: Any) -> Any: ...


class SyncClient:
    def __init__(self, url: str, **options: Any) -> None:
        self.client = _client(url, options)

    def call(self, name: str = "generate_content", **arguments: Any) -> Any:
        with without_warnings():
            try:
                result = getattr(self.client.models, name)(**_arguments(name, arguments))
                return list(result) if name == "generate_content_stream" else result
            finally:
                close(self.client)


class AsyncClient:
    def __init__(self, url: str, **options: Any) -> None:
        self.client = _client(url, options)

    def call(self, name: str = "generate_content", **arguments: Any) -> Any:
        return asyncio.run(self._call(name, arguments))

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        with without_warnings():
            try:
                result = await getattr(self.client.aio.models, name)(**_arguments(name, arguments))
                return [item async for item in result] if name == "generate_content_stream" else result
            finally:
                await close_async(self.client)


def close(client: genai.Client) -> None:
    """Close it; older versions leave that to the garbage collector."""
    (client if hasattr(client, "close") else client._api_client._httpx_client).close()


async def close_async(client: genai.Client) -> None:
    """Close its asynchronous half."""
    closable: Any = client.aio if hasattr(client.aio, "aclose") else client._api_client._async_httpx_client
    await closable.aclose()


def _client(url: str, options: dict[str, Any]) -> genai.Client:
    is_vertex = options.pop("vertexai", False)
    http_options = types.HttpOptions(base_url=url, **options)
    if is_vertex:
        return genai.Client(
            vertexai=True,
            project="p",
            location="us-central1",
            credentials=Credentials(token="t"),  # type: ignore[no-untyped-call]
            http_options=http_options,
        )
    return genai.Client(api_key="k", http_options=http_options)


def _arguments(name: str, more: dict[str, Any]) -> dict[str, Any]:
    if name.startswith("generate_content"):
        return {"model": MODEL, "contents": "a red fox", **more}
    prompt = {} if name == "upscale_image" else {"prompt": "a red fox"}
    return {"model": "imagen-4.0-generate-001", **prompt, **more}


def without_warnings() -> AbstractContextManager[Any]:
    """Of Imagen's end, of values that older versions do not know, of aiohttp's opinion of newer ones."""
    return warnings.catch_warnings(action="ignore")
