"""configure(), in processes of their own, since a process has one global tracer provider."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from image_tracing_postgres import Store

GENERATE = """
from opentelemetry import trace
with trace.get_tracer("image_tracing").start_as_current_span("invoke_workflow x"):
    pass
"""


def _run(program: str, database: str | None, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "IMAGE_TRACING_")) or name == "IMAGE_TRACING_DATA_DIR"
    }
    if database is not None:
        kept["IMAGE_TRACING_DATABASE_URL"] = database
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=kept | environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_one_call_is_enough(database: str, store: Store) -> None:
    _run(f"import image_tracing_postgres\nimage_tracing_postgres.configure(){GENERATE}", database)

    assert [trace.status for trace in store.list()] == ["completed"]


def test_a_second_call_changes_nothing(database: str) -> None:
    done = _run(
        "from image_tracing_postgres import configure\n"
        "provider = configure(service_name='a')\n"
        "assert configure(service_name='b') is provider\n"
        "print(len(provider._active_span_processor._span_processors))\n",
        database,
    )

    assert done.stdout.split() == ["1"]


def test_it_adds_to_the_provider_that_is_there(database: str, store: Store) -> None:
    _run(
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry import trace\n"
        "from image_tracing_postgres import configure\n"
        "mine = TracerProvider()\n"
        "trace.set_tracer_provider(mine)\n"
        "assert configure() is mine\n" + GENERATE,
        database,
    )

    assert len(store.list()) == 1


def test_the_service_is_named_by_the_call_the_environment_or_the_script(database: str, store: Store) -> None:
    program = "from image_tracing_postgres import configure\nimport sys\nsys.argv = ['/srv/painter.py']\n"
    _run(f"{program}configure(service_name='given'){GENERATE}", database, OTEL_SERVICE_NAME="environment")
    _run(f"{program}configure(){GENERATE}", database, OTEL_SERVICE_NAME="environment")
    _run(f"{program}configure(){GENERATE}", database)

    assert [trace.service_name for trace in store.list()] == ["painter", "environment", "given"]


def test_a_disabled_sdk_stores_nothing(database: str, store: Store) -> None:
    program = f"from image_tracing_postgres import configure\nconfigure(){GENERATE}"
    _run(program, database, OTEL_SDK_DISABLED="true")

    assert list(store.list()) == []


def test_pages_are_live_since_spans_wait_a_tenth_of_a_second_only(database: str, store: Store) -> None:
    _run(
        "from image_tracing_postgres import configure, Store\nimport os, time\n"
        f"configure(){GENERATE}"
        "deadline = time.monotonic() + 4\n"
        "with Store() as store:\n"
        "    while not store.list():\n"
        "        assert time.monotonic() < deadline\n"
        "        time.sleep(0.02)\n"
        "os._exit(0)\n",
        database,
    )

    assert len(store.list()) == 1


def test_it_returns_at_once_although_the_database_is_away() -> None:
    done = _run(
        "import time\nfrom image_tracing_postgres import configure\n"
        "began = time.monotonic()\nconfigure()\nprint(time.monotonic() - began)",
        "host=192.0.2.1 dbname=x",
    )

    # To wait for a connection would take 3 seconds at the least.
    assert float(done.stdout) < 3


def test_the_same_spans_go_to_an_otlp_endpoint(database: str, store: Store) -> None:
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        _run(
            f"from image_tracing_postgres import configure\nconfigure(){GENERATE}",
            database,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{server.server_port}",
            OTEL_EXPORTER_OTLP_COMPRESSION="none",
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert any(b"invoke_workflow x" in body for body in received)
    assert len(store.list()) == 1


def test_a_missing_otlp_exporter_is_named(database: str, store: Store) -> None:
    done = _run(
        f"from image_tracing_postgres import configure\nconfigure(){GENERATE}",
        database,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/json",
    )

    assert "pip install opentelemetry-exporter-otlp-json-http" in done.stderr
    assert len(store.list()) == 1
