"""A server on this machine that answers as a test tells it to, over real sockets."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer. `is_cut`: the connection ends before the announced end of the body. `is_silent`: nothing
    comes until the client has gone. `is_dropped`: the connection ends without a word.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False
    is_silent: bool = False
    is_dropped: bool = False


@dataclass(frozen=True)
class Request:
    """What was asked: header names in lower case, `body` as bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def json_answer(body: object, *, status: int = 200, **headers: str) -> Answer:
    """A JSON body; `headers` with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        status=status, body=json.dumps(body).encode(), headers={"content-type": "application/json"} | named
    )


def events_answer(
    events: Iterable[Mapping[str, Any]], *, is_cut: bool = False, is_done: bool = True, **headers: str
) -> Answer:
    """Server-sent events, each named by its `type`; `is_done` ends them with OpenAI's mark."""
    text = "".join(
        f"event: {event.get('type', 'message')}\ndata: {json.dumps(event)}\n\n" for event in events
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        body=(text + ("data: [DONE]\n\n" if is_done and not is_cut else "")).encode(),
        headers={"content-type": "text/event-stream"} | named,
        is_cut=is_cut,
    )


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Be quiet: clients go away in the middle, which is what they are tested for."""


class Api:
    """Answers one request after the other with `answers`, the last one again and again.

    An answer may also be a function of the request.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer | Callable[[Request], Answer]] = []
        self._lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = _PATIENCE_SECONDS

            def do_GET(self) -> None:
                api._serve(self)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Be quiet."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, *answers: Answer | Callable[[Request], Answer]) -> None:
        """Answer with these from now on."""
        with self._lock:
            self.answers = list(answers)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, handler.path, headers, body)
        with self._lock:
            self.requests.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not isinstance(answer, Answer):
            answer = answer(request)
        handler.close_connection = answer.is_cut or answer.is_dropped or answer.is_silent
        if answer.is_dropped:
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif answer.is_silent:
            handler.connection.settimeout(_PATIENCE_SECONDS)
            handler.connection.recv(1)
        else:
            self._send(handler, answer)

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer.body) + 1_000 * answer.is_cut))
        handler.end_headers()
        handler.wfile.write(answer.body)
        handler.wfile.flush()
