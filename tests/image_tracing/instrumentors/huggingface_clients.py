"""Real clients of `huggingface_hub` that remember what they themselves made or raised."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.inference._providers import _common
from tests.image_tracing.instrumentors.servers import Answer, Api, Request, json_answer

MODEL = "black-forest-labs/FLUX.1-dev"


class Client(Protocol):
    """One of the two clients: `call` is the method of this name, awaited where need be."""

    seen: list[Any]

    def call(self, name: str = "text_to_image", **arguments: Any) -> Any: ...


class SyncClient:
    def __init__(self, **options: Any) -> None:
        seen: list[Any] = []

        class Remembering(huggingface_hub.InferenceClient):
            def _inner_post(self, *args: Any, **kwargs: Any) -> Any:
                try:
                    return super()._inner_post(*args, **kwargs)
                except BaseException as error:
                    seen.append(error)
                    raise

        self.seen = seen
        self._client = Remembering(**{"token": "hf_test", **options})

    def call(self, name: str = "text_to_image", **arguments: Any) -> Any:
        return getattr(self._client, name)(**{"prompt": "a red fox", **arguments})


class AsyncClient:
    def __init__(self, **options: Any) -> None:
        seen: list[Any] = []

        class Remembering(huggingface_hub.AsyncInferenceClient):
            async def _inner_post(self, *args: Any, **kwargs: Any) -> Any:
                try:
                    return await super()._inner_post(*args, **kwargs)
                except BaseException as error:
                    seen.append(error)
                    raise

        self.seen = seen
        self._class = Remembering
        self._options = {"token": "hf_test", **options}

    def call(self, name: str = "text_to_image", **arguments: Any) -> Any:
        return asyncio.run(self._call(name, arguments))

    async def _call(self, name: str, arguments: dict[str, Any]) -> Any:
        async with self._class(**self._options) as client:
            return await getattr(client, name)(**{"prompt": "a red fox", **arguments})


def picture_answer(content: bytes) -> Answer:
    """A picture as such."""
    return Answer(body=content, headers={"content-type": "image/png"})


def error_answer(status: int, message: str) -> Answer:
    return json_answer({"error": message}, status=status, x_request_id="r-of-this-call")


def hub(content: bytes, **providers: str) -> Callable[[Request], Answer]:
    """The Hub, its router and the providers behind: `providers` are by name the ids they have for MODEL."""

    def answer(request: Request) -> Answer:
        if request.path.startswith("/api/models/"):
            mapping = {
                name.replace("_", "-"): {"status": "live", "providerId": each, "task": "text-to-image"}
                for name, each in providers.items()
            }
            return json_answer({"id": MODEL, "inferenceProviderMapping": mapping})
        if request.method == "POST":
            host = request.headers["host"]
            return json_answer({"images": [{"url": f"http://{host}/files/1.png"}]})
        return picture_answer(content)

    return answer


def use(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library take `api` for the Hub and its router."""
    monkeypatch.setattr(constants, "ENDPOINT", api.url)
    monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", api.url + "/{provider}")
    _common._fetch_inference_provider_mapping.cache_clear()
