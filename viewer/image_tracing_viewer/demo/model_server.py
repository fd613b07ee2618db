"""A local server with the text-to-image route of Hugging Face's inference API, good and bad answers alike."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .answers import Answer, Kind, answer_to
from .pictures import Format, black_picture, picture

_FORMATS: Final[tuple[Format, ...]] = ("PNG", "JPEG", "WEBP")
# A JPEG that is cut off still opens, and fails when its pixels are read.
_FIXED_FORMATS: Final[dict[Kind, Format]] = {"cached": "PNG", "truncated": "JPEG"}
_SLOW_SECONDS: Final = 30.0
ERRORS: Final[dict[Kind, tuple[int, str]]] = {
    "loading": (503, "Model {model} is currently loading"),
    "rate_limited": (429, "Rate limit reached. You reached your limit of requests per minute: retry in 12 s"),
    "quota": (402, "You have exceeded your monthly included credits for Inference Providers"),
    "unauthorized": (401, "Invalid credentials in Authorization header"),
    "not_found": (404, "Model {model} does not exist or is no longer served"),
    "invalid": (400, "Invalid request: width and height must both be multiples of 64 and at most 512"),
    "out_of_memory": (
        500,
        "CUDA out of memory. Tried to allocate 4.50 GiB (GPU 0; 22.19 GiB total capacity)",
    ),
    "broken": (500, "Internal Server Error"),
    "refused": (400, "The request was rejected by the safety system: the prompt was flagged for violence"),
}
"""Status and message of the answers that are errors, in the words of the real providers."""
_PAGE: Final = "<!doctype html><title>Sign in to continue</title><h1>Sign in to the company network</h1>"


class _DroppedResponse(Response):
    """Promises more than it sends, and hangs up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers = [(b"content-type", b"image/png"), (b"content-length", b"200000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"\x89PNG\r\n\x1a\n" + bytes(500), "more_body": False}
        )


def model_app(*, seed: int = 0, pace: float = 1.0) -> Starlette:
    """The server's application. `pace` multiplies the time that pictures take, not that of errors."""

    async def text_to_image(request: Request) -> Response:
        body = json.loads(await request.body())
        model = f"{request.path_params['owner']}/{request.path_params['name']}"
        answer = answer_to(model, str(body["inputs"]), seed=seed)
        parameters = body.get("parameters", {})
        await asyncio.sleep(answer.delay_seconds * (1.0 if answer.kind in ERRORS else pace))
        return await _response(answer, model=model, parameters=parameters, hang_up=request.is_disconnected)

    return Starlette(routes=[Route("/{provider}/models/{owner}/{name}", text_to_image, methods=["POST"])])


async def _response(
    answer: Answer, *, model: str, parameters: dict[str, object], hang_up: Callable[[], Awaitable[bool]]
) -> Response:
    width, height = _length(parameters, "width"), _length(parameters, "height")
    if answer.kind in ERRORS:
        status, message = ERRORS[answer.kind]
        headers = {"retry-after": "12"} if status == 429 else None
        return JSONResponse({"error": message.format(model=model)}, status_code=status, headers=headers)
    if answer.kind == "slow":
        await _wait_for(hang_up)
        return Response(status_code=504)
    if answer.kind == "dropped":
        return _DroppedResponse()
    if answer.kind == "page":
        return HTMLResponse(_PAGE)
    if answer.kind == "black":
        return Response(
            await run_in_threadpool(black_picture, width=width, height=height), media_type="image/png"
        )
    if answer.kind == "small":
        width, height = width // 2, height // 2
    # A cache that ignores the prompt gives every lesson the same picture.
    drawing_seed = 0 if answer.kind == "cached" else answer.seed
    drawn_as = _FIXED_FORMATS.get(answer.kind, _FORMATS[answer.seed % len(_FORMATS)])
    drawn = await run_in_threadpool(picture, drawing_seed, width=width, height=height, format=drawn_as)
    if answer.kind == "truncated":
        drawn = drawn[: len(drawn) * 2 // 3]
    return Response(drawn, media_type=f"image/{drawn_as.lower()}")


def _length(parameters: dict[str, object], name: str) -> int:
    value = parameters.get(name, 512)
    return min(max(value, 64), 2048) if isinstance(value, int) else 512


async def _wait_for(hang_up: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(int(_SLOW_SECONDS / 0.1)):
        if await hang_up():
            return
        await asyncio.sleep(0.1)


class ModelServer:
    """The application on a free port of loopback, in a thread of its own, while the context lasts.

    `url` is its address without a trailing slash.
    """

    def __init__(self, *, seed: int = 0, pace: float = 1.0) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            model_app(seed=seed, pace=pace),
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=1,
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> Self:
        # The socket listens already: a request that comes before the thread is ready waits in its queue.
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=5)
        self._socket.close()
