"""A web hook of this machine, and a viewer that alerts through it."""

import email
import email.policy
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows, client_of

from image_tracing_postgres.alerting import Alerts
from image_tracing_postgres.terms import ERROR_CLASS, MODEL, term
from image_tracing_viewer.alerts.service import AlertService


@dataclass
class Hook:
    """What came in. `status` is what it answers; while `gate` is cleared it keeps silent, once `reached`."""

    url: str = ""
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, number: int) -> list[dict[str, Any]]:
        """The messages once there are so many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.messages) >= number, timeout=60)
            return list(self.messages)


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    hook.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.reached.set()
            hook.gate.wait(60)
            with hook.arrived:
                hook.messages.append(body)
                hook.keys.append(self.headers["Idempotency-Key"])
                hook.arrived.notify_all()
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hook.url = f"json://user:hunter2@127.0.0.1:{server.server_address[1]}/secret"
    yield hook
    hook.gate.set()
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class MailServer:
    """Takes mail over SMTP, all that is sent to it; `end` is what it says to the text."""

    port: int = 0
    end: bytes = b"250 fine\r\n"
    mails: list[EmailMessage] = field(default_factory=list)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    found = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                if line.upper().startswith(b"DATA"):
                    self.wfile.write(b"354 go on\r\n")
                    text = b"".join(iter(self.rfile.readline, b".\r\n"))
                    found.mails.append(email.message_from_bytes(text, policy=email.policy.default))
                    self.wfile.write(found.end)
                else:
                    self.wfile.write(b"250 fine\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.port = server.server_address[1]
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def alerts(database: str) -> Iterator[Alerts]:
    with Alerts(database) as alerts:
        yield alerts


@pytest.fixture
def client(app: Starlette) -> Iterator[TestClient]:
    """Without the lifespan of the app: a test looks at the rules when it wants to, and nobody before it."""
    yield client_of(app)
    app.state.alerts.close()


NewService = Callable[..., AlertService]


@pytest.fixture
def new_service(database: str) -> Iterator[NewService]:
    """A service of the database that looks each second; it is closed with the test."""
    made: list[AlertService] = []

    def make(*urls: str, **more: Any) -> AlertService:
        alerts = Alerts(database, interval_seconds=1)
        made.append(AlertService(alerts, urls=urls, address="https://viewer.example/p/", **more))
        return made[-1]

    yield make
    for service in made:
        service.close()


@pytest.fixture
def outage(rows: Rows) -> Callable[[], None]:
    """Six generations whose first model timed out, in the last minute."""

    def add() -> None:
        now = datetime.now(UTC)
        for number in range(6):
            at = now - timedelta(seconds=50 - 8 * number)
            failed = {"success": False, "outcome": "error", "error_class": "timeout", "ended_at": at}
            rows.add(
                created_at=at,
                models_tried=["flux", "sdxl"],
                search_terms=[term(MODEL, "flux"), term(MODEL, "sdxl"), term(ERROR_CLASS, "timeout")],
                attempts=[failed, {"model": "sdxl", "ended_at": at}],
            )

    return add
