"""Real clients of `fal-client`, and what fal's servers answer, written after their documentation."""

import asyncio
from typing import Any, Final

import fal_client
import httpx
import pytest
from tests.image_tracing.instrumentors.remembering import remember
from tests.image_tracing.instrumentors.servers import Answer, Api, Request, json_answer

FLUX: Final = "fal-ai/flux/dev"
URL: Final = "https://v3.fal.media/files/fox/1.png"
REQUEST_ID: Final = "764cabcf-b745-4b3e-ae38-1200304cf45b"
WAYS: Final = ("run", "subscribe", "submit")


def pictures(*urls: str, flags: object = None, **more: Any) -> Answer:
    """The result of a model, with its pictures."""
    images = [{"url": url, "width": 64, "height": 48, "content_type": "image/png"} for url in urls]
    flags = [False] * len(urls) if flags is None else flags
    body = {"images": images, "seed": 7, "has_nsfw_concepts": flags, "prompt": "a red fox", **more}
    return json_answer(body, x_fal_request_id=REQUEST_ID)


def refusal(status: int, detail: object, **more: Any) -> Answer:
    """An error as a model or the gateway tells it."""
    return json_answer({"detail": detail, **more}, status=status, x_fal_request_id=REQUEST_ID)


def in_detail(kind: str, message: str) -> list[dict[str, Any]]:
    """Details of an error of a model."""
    return [{"loc": ["body", "prompt"], "msg": message, "type": kind, "input": {}, "url": "https://x/#y"}]


class Fal:
    """Fal's servers: requests run at once get `answer`, those in the queue their place, then the same."""

    def __init__(self, api: Api, answer: Answer, *, states: tuple[str, ...] = ("COMPLETED",)) -> None:
        self._base = f"{api.url}/queue/{FLUX}/requests/{REQUEST_ID}"
        self._answer = answer
        self._states = list(states)
        api.answer(self)

    def __call__(self, request: Request) -> Answer:
        if request.path.startswith("/run/"):
            return self._answer
        if request.method == "POST":
            return json_answer(
                {
                    "request_id": REQUEST_ID,
                    "response_url": self._base,
                    "status_url": f"{self._base}/status",
                    "cancel_url": f"{self._base}/cancel",
                }
            )
        if "/status" in request.path:
            state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
            return json_answer({"status": state, "queue_position": 0, "logs": [], "metrics": {}})
        return self._answer


class Client:
    """One of the two clients; `call` is one of its methods, and `get` of the handle that it may return."""

    def __init__(self, way: str, *, is_async: bool, seen: list[Any]) -> None:
        self.way = way
        self.is_async = is_async
        self.seen = seen
        self.options: dict[str, Any] = {"key": "key"}

    def call(self, application: str = FLUX, *, more: dict[str, Any] | None = None, **arguments: Any) -> Any:
        asked = {"prompt": "a red fox", **arguments}
        if self.is_async:
            return asyncio.run(self._call(application, asked, more or {}))
        client = fal_client.SyncClient(**self.options)
        try:
            result = getattr(client, self.way)(application, asked, **(more or {}))
            return result.get() if self.way == "submit" else result
        finally:
            client._client.close()

    async def _call(self, application: str, asked: dict[str, Any], more: dict[str, Any]) -> Any:
        client = fal_client.AsyncClient(**self.options)
        try:
            result = await getattr(client, self.way)(application, asked, **more)
            return await result.get() if self.way == "submit" else result
        finally:
            http: Any = client._client
            await (http if isinstance(http, httpx.AsyncClient) else await http).aclose()


def call_here(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fal's addresses be those of the server of a test, and each request be sent once."""
    module: Any = fal_client.client
    monkeypatch.setattr(module, "RUN_URL_FORMAT", f"{api.url}/run/")
    monkeypatch.setattr(module, "QUEUE_URL_FORMAT", f"{api.url}/queue/")
    monkeypatch.setattr(module, "MAX_ATTEMPTS", 1, raising=False)
    monkeypatch.setattr(module, "BASE_DELAY", 0.01, raising=False)
    monkeypatch.setenv("FAL_KEY", "key")


def remembered(monkeypatch: pytest.MonkeyPatch, way: str, *, is_async: bool) -> list[Any]:
    """What the method of this way returns or raises."""
    kind = "Async" if is_async else "Sync"
    if way != "submit":
        return remember(monkeypatch, getattr(fal_client, f"{kind}Client"), way)
    seen = remember(monkeypatch, getattr(fal_client, f"{kind}RequestHandle"), "get")
    submitted = remember(monkeypatch, getattr(fal_client, f"{kind}Client"), "submit")
    return _Joined(seen, submitted)


class _Joined(list[Any]):
    """What `get` gave, else what `submit` gave."""

    def __init__(self, fetched: list[Any], submitted: list[Any]) -> None:
        self._fetched = fetched
        self._submitted = submitted

    def __getitem__(self, index: Any) -> Any:
        return (self._fetched or self._submitted)[index]
