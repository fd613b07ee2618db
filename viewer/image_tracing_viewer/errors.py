"""What a client is told when something is wrong: JSON to a program, a page to a person, never a traceback."""

import logging
import traceback
import uuid
from collections.abc import Mapping
from typing import Final

import psycopg
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from image_tracing_postgres.errors import DatabaseUnavailableError, InvalidFilterError, SchemaMissingError
from image_tracing_viewer.otlp import INGEST_PATH
from image_tracing_viewer.otlp.replies import refusal

_log = logging.getLogger("image_tracing_viewer")

_API_PREFIXES: Final = ("/api/", "/v1/", "/static/")
_API_PATHS: Final = frozenset({"/openapi.json", "/healthz", "/metrics"})

_CODES: Final[Mapping[int, str]] = {
    400: "invalid_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "content_too_large",
    415: "unsupported_media_type",
    421: "misdirected_request",
    500: "internal_error",
    503: "database_unavailable",
}


class RequestError(HTTPException):
    """A request that is refused: the status, a code for programs and a sentence for people."""

    def __init__(
        self,
        status_code: int,
        message: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code, message, headers)
        self.code = code


def error_answer(
    connection: HTTPConnection,
    status_code: int,
    message: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The error as `{"error": {"code", "message"}}`, as a page to a browser, and to OTLP as it wants it."""
    if is_page(connection.scope) and "text/html" in connection.headers.get("accept", ""):
        response: Response = connection.app.state.error_page(Request(connection.scope), status_code, message)
        response.headers.update(headers or {})
        return response
    error = {"code": code or _CODES.get(status_code, "error"), "message": message}
    if local_path(connection.scope) == INGEST_PATH:
        return refusal(connection.headers.getlist("content-type"), status_code, error, headers)
    return JSONResponse({"error": error}, status_code, headers)


def is_page(scope: Scope) -> bool:
    """Whether the path belongs to people; those of programs answer in JSON in any case."""
    path = local_path(scope)
    return path not in _API_PATHS and not path.startswith(_API_PREFIXES)


def local_path(scope: Scope) -> str:
    """The path below the prefix at which the app is mounted."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if path.startswith(root + "/") else path


def printable(text: str, *, most: int = 2_000) -> str:
    """The text on one line for a log: control characters escaped, cut to `most` characters."""
    cut = text if len(text) <= most else text[:most] + "…"
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in cut)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what the handler is registered for
    code = error.code if isinstance(error, RequestError) else None
    message = error.detail
    if not isinstance(error, RequestError) and error.status_code == 404:
        path = printable(local_path(request.scope), most=200)
        message = f"nothing is at {path}; /openapi.json lists the routes"
    if not isinstance(error, RequestError) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        message = f"method {printable(request.method, most=40)} is not accepted here; accepted: {allowed}"
    return error_answer(request, error.status_code, message, code=code, headers=error.headers)


async def _invalid_filter(request: Request, error: Exception) -> Response:
    return error_answer(request, 400, str(error), code="invalid_parameter")


async def _schema_missing(request: Request, error: Exception) -> Response:
    return error_answer(request, 503, str(error), code="schema_missing", headers={"Retry-After": "10"})


async def _database(request: Request, error: Exception) -> Response:
    """An answer by the kind of database error; its text may hold SQL and stays in the log."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        message = "the database took too long over this query; narrow it with filters and try again"
        return error_answer(request, 503, message, code="query_timeout", headers={"Retry-After": "5"})
    if isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.ReadOnlySqlTransaction):
        return error_answer(request, 403, "the viewer's database role may not do this; use one that may")
    if isinstance(error, DatabaseUnavailableError | psycopg.OperationalError):
        _log.warning("database unavailable: %s", printable(str(error)))
        # The store's own sentence says what to do and holds neither SQL nor secrets.
        is_told = isinstance(error, DatabaseUnavailableError)
        message = str(error) if is_told else "the database cannot be reached; try again in a few seconds"
        return error_answer(request, 503, message, headers={"Retry-After": "5"})
    return unexpected_answer(request, error)


def unexpected_answer(connection: HTTPConnection, error: Exception) -> Response:
    """A 500 with an id that finds the logged error."""
    error_id = log_unexpected(connection.scope, error)
    message = f"the viewer failed over this request; its log tells more under the id {error_id}"
    return error_answer(connection, 500, message)


def log_unexpected(scope: Scope, error: Exception) -> str:
    """Writes the error and where it came from to the log as one line, and gives the id it is found by."""
    error_id = uuid.uuid4().hex
    frames = " < ".join(
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__)[-8:])
    )
    _log.error(
        "unexpected error %s at %s %s: %s: %s (%s)",
        error_id,
        printable(str(scope.get("method", "")), most=40),
        printable(str(scope.get("path", "")), most=200),
        type(error).__name__,
        printable(str(error)),
        printable(frames),
    )
    return error_id


HANDLERS: Final[Mapping[type[Exception], ExceptionHandler]] = {
    HTTPException: _http,
    InvalidFilterError: _invalid_filter,
    SchemaMissingError: _schema_missing,
    DatabaseUnavailableError: _database,
    psycopg.Error: _database,
}


class UnexpectedErrors:
    """ASGI middleware: an exception that nobody foresaw becomes a 500 with an id, and one line in the log.

    If the answer had begun, it is left unfinished, so that the server cuts the connection and the client sees
    that something is missing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def noting_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except Exception as error:  # noqa: BLE001 - the last place that can answer
            if has_begun:
                log_unexpected(scope, error)
                return
            await unexpected_answer(HTTPConnection(scope), error)(scope, receive, send)
