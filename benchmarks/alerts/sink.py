"""A web hook of this machine that remembers what it got."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Sink:
    """Takes messages; `keys` counts how often each came, `bodies` has the last of each."""

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        self.bodies: dict[str, dict[str, Any]] = {}
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.take(self.headers["Idempotency-Key"], json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in http.server
                pass

        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://user:secret@127.0.0.1:{self._server.server_address[1]}/hook"

    def take(self, key: str, body: dict[str, Any]) -> None:
        with self._lock:
            self.keys[key] += 1
            self.bodies[key] = body

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
