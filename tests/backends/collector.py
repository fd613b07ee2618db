"""An OTLP endpoint of ours, and programs that send to it and to Postgres at once."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

GENERATE = """
from image_tracing import attempt, generation

@attempt(provider="huggingface")
def paint(model, prompt, *, seed=7):
    if model == "slow":
        raise TimeoutError("no picture after 30 s")
    if model == "prude":
        return {"images": [], "finish_reason": "SAFETY"}
    usage = {"input_tokens": 9, "output_tokens": 1056}
    return {"id": "r-1", "data": [{"url": "https://example.org/1.png"}], "usage": usage}

@generation
def illustrate(lesson_id, prompt):
    for model in ("slow", "prude", "flux"):
        try:
            paint(model, prompt)
        except TimeoutError:
            pass

illustrate("lesson-1", "a red fox")
"""
NAMES = [
    "generate_content flux",
    "generate_content prude",
    "generate_content slow",
    "invoke_workflow illustrate",
]


class Collector:
    """What an OTLP endpoint over HTTP received; it may answer with an error, or never.

    GET answers with the number of requests so far, to programs that wait for one.
    """

    def __init__(self, *, status: int = 200, is_silent: bool = False) -> None:
        self.spans: list[Span] = []
        self.services: list[str] = []
        self.paths: set[str] = set()
        self.headers: Mapping[str, str] = {}
        self.requests = 0
        self._ending = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests += 1
                collector.paths.add(self.path)
                collector.headers = {name.lower(): value for name, value in self.headers.items()}
                if is_silent:
                    collector._ending.wait(120)
                    return
                if status == 200:
                    collector._take(gzip.decompress(body) if self.headers["Content-Encoding"] else body)
                self.send_response(status)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(str(collector.requests).encode())

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def names(self) -> list[str]:
        """The names of the spans, sorted."""
        return sorted(span.name for span in self.spans)

    def close(self) -> None:
        self._ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
                self.services.append(attributes_of(resource.resource)["service.name"])


def attributes_of(holder: Any) -> dict[str, Any]:
    """The attributes of a span or resource, as Python has them."""
    return {each.key: _plain(each.value) for each in holder.attributes}


def _plain(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(each) for each in value.array_value.values]
    return None if kind is None else getattr(value, kind)


def environment(database: str | None, collector: Collector | None = None, /, **more: str) -> dict[str, str]:
    """This process's environment without what it says to OpenTelemetry and to us, and with what is given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "IMAGE_TRACING_")) or name == "IMAGE_TRACING_DATA_DIR"
    }
    if database is not None:
        kept["IMAGE_TRACING_DATABASE_URL"] = database
    if collector is not None:
        kept["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        # opentelemetry-distro makes it grpc where it is absent.
        kept["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
    return {**kept, "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none", **more}


def run(program: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program in an interpreter of its own."""
    return _run([sys.executable, "-W", "error", "-c", program], environment)


def run_instrumented(
    program: str, environment: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """Run a program that sets nothing up itself under `opentelemetry-instrument`."""
    script = Path(sys.executable).with_name("opentelemetry-instrument")
    return _run([str(script), *options, sys.executable, "-c", program], environment)


def _run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=120)
