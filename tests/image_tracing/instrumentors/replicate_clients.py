"""A real client of `replicate`, and what Replicate's server answers, written after its documentation."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import pytest
from replicate.client import Client as ReplicateClient
from tests.image_tracing.instrumentors.remembering import remember
from tests.image_tracing.instrumentors.servers import Answer, Api, Request, json_answer

FLUX: Final = "black-forest-labs/flux-schnell"
VERSION: Final = "39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b"
SDXL: Final = f"stability-ai/sdxl:{VERSION}"
URL: Final = "https://replicate.delivery/xezq/1.webp"
PREDICTION_ID: Final = "gm3qorzdhgbfurvjtvhg6dckhu"


def prediction(status: str = "succeeded", output: object = None, error: str | None = None) -> dict[str, Any]:
    """A prediction as the API tells it."""
    return {
        "id": PREDICTION_ID,
        "model": FLUX,
        "version": "hidden",
        "status": status,
        "input": {"prompt": "a red fox", "image": "https://example.org/in.png"},
        "output": output,
        "logs": "",
        "error": error,
        "metrics": {"predict_time": 1.5},
        "created_at": "2026-11-23T07:00:00.000Z",
        "started_at": None,
        "completed_at": None,
        "urls": {"get": f"https://api.replicate.com/v1/predictions/{PREDICTION_ID}"},
    }


def problem(status: int, detail: str, title: str = "Problem") -> Answer:
    """An error as the API tells it."""
    return json_answer({"title": title, "detail": detail, "status": status}, status=status)


FAILURES: dict[str, tuple[Answer, str]] = {
    "refused in words": (problem(422, "- input: the prompt was flagged by the safety checker"), "refused"),
    "rate limit": (
        problem(429, "Request was throttled. Your rate limit resets in ~30s.", "Too Many Requests"),
        "rate_limited",
    ),
    "quota": (
        problem(402, "You have insufficient credit to run this model.", "Insufficient credit"),
        "quota",
    ),
    "free time is over": (
        problem(429, "You have reached the free time limit. To continue, set up billing."),
        "quota",
    ),
    "bad key": (problem(401, "You did not pass a valid authentication token", "Unauthenticated"), "auth"),
    "no such model": (problem(404, "The requested resource could not be found.", "Not found"), "not_found"),
    "bad input": (problem(422, "- input.width: Must be at most 1440"), "invalid_request"),
    "server error": (problem(500, "Something went wrong", "Internal server error"), "server_error"),
    "gateway page": (
        Answer(status=502, body=b"<html>Bad Gateway</html>", headers={"content-type": "text/html"}),
        "server_error",
    ),
    "dropped connection": (Answer(is_dropped=True), "connection"),
    "cut body": (Answer(status=201, body=b'{"id": "', is_cut=True), "connection"),
    "malformed body": (Answer(status=201, body=b'{"id": "'), "server_error"),
    "no prediction": (json_answer({}, status=201), "server_error"),
}


class Replicate:
    """Replicate's server: each prediction goes through these states, the last of which stays.

    With `is_iterator` the outputs of all models come one after the other.
    """

    def __init__(self, api: Api, *states: dict[str, Any], is_iterator: bool = False) -> None:
        self._states = list(states)
        kind = {"x-cog-array-type": "iterator"} if is_iterator else {}
        output = {"type": "array", "items": {"type": "string", "format": "uri"}, **kind}
        self._version = {
            "id": VERSION,
            "created_at": "2026-11-23T07:00:00.000Z",
            "cog_version": "0.9.0",
            "openapi_schema": {"components": {"schemas": {"Output": output}}},
        }
        api.answer(self)

    def __call__(self, request: Request) -> Answer:
        if "/versions/" in request.path:
            return json_answer(self._version)
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if request.path.startswith("/v1/models/"):
            state = state | {"model": "/".join(request.path.split("/")[3:5])}
        return json_answer(state, status=201 if request.method == "POST" else 200)


def made_client(api: Api, **options: Any) -> Any:
    """A client that asks the server of a test, again at once."""
    client: Any = ReplicateClient(api_token="token", base_url=api.url, **options)
    client.poll_interval = 0.01
    return client


class Client:
    """`call` is `run` or `async_run`, awaited; what it iterates over is read to its end."""

    def __init__(self, api: Api, *, is_async: bool, seen: list[Any]) -> None:
        self._api = api
        self.is_async = is_async
        self.seen = seen

    def call(self, ref: Any = FLUX, *, options: Mapping[str, Any] | None = None, **inputs: Any) -> Any:
        asked = {"prompt": "a red fox", **inputs}
        client = made_client(self._api, **(options or {}))
        if self.is_async:
            return asyncio.run(self._call(client, ref, asked))
        try:
            result = client.run(ref, input=asked)
            return list(result) if hasattr(result, "__next__") else result
        finally:
            client._client.close()

    async def _call(self, client: Any, ref: Any, asked: dict[str, Any]) -> Any:
        try:
            result = await client.async_run(ref, input=asked)
            return [item async for item in result] if hasattr(result, "__anext__") else result
        finally:
            await client._async_client.aclose()


def remembered(monkeypatch: pytest.MonkeyPatch, *, is_async: bool) -> list[Any]:
    """What `run` or its twin itself returns or raises."""
    return remember(monkeypatch, ReplicateClient, "async_run" if is_async else "run")
