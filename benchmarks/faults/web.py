"""A web service that paints a picture a request, for uvicorn (`app`) and gunicorn (`wsgi`)."""

from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from faults.generations import MODELS, paint
from faults.stacks import tracing_from_environment

tracing = tracing_from_environment()


def _paint() -> None:
    paint(MODELS[1], "a lighthouse")
    tracing.tally.tell()


def _answer(request: Request) -> PlainTextResponse:  # noqa: ARG001 - as Starlette calls it
    _paint()
    return PlainTextResponse("painted")


app = Starlette(routes=[Route("/", _answer)])


def wsgi(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:  # noqa: ARG001
    _paint()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"painted"]
