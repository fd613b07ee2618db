"""The viewer's receiver: OTLP spans to committed rows on one core, and what hostile and huge bodies cost it.

`image-tracing serve` has a processor core of its own; the sender and an embedded Postgres with fsync on have
the others, of which a machine of two has one. *rate* is a client process that sends requests of 512 spans,
the stock batch, made beforehand, over two connections; the clock stops when the last row is committed. *bomb*
is 1 GiB of zeros in gzip. *large* are bodies of nearly 64 MiB, inflated, that are accepted: one prompt, one
whose characters take most room in memory, and 4,500 spans. Growth is the peak of the viewer's
resident memory during a request above what it was before it. Run with:

    python benchmarks/receiver.py [--generations 20000] [--rounds 3] [--only rate|bomb|large]

That no acknowledged span is lost when the viewer is killed is F17 of the fault bench:

    python benchmarks/faults/run.py F17
"""

import argparse
import base64
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from databases import database_on, server_for
from exporter import batches_of
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan

from image_tracing import attributes as names

LIMIT_SPANS: Final = 3_000
LIMIT_BOMB_SECONDS: Final = 1.0
LIMIT_GROWTH_MB: Final = 100.0
_BATCH: Final = 512
_MIB: Final = 1024 * 1024
_TYPES: Final = {"protobuf": "application/x-protobuf", "json": "application/json"}
_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId"})


class Body(NamedTuple):
    """What one request sends; `encoding` is `protobuf` or `json`."""

    content: bytes
    encoding: str
    is_gzip: bool = False


class Viewer(NamedTuple):
    """A viewer that listens on `port`, and its process."""

    port: int
    process_id: int

    def cpu_seconds(self) -> float:
        """What its process has used."""
        fields = Path(f"/proc/{self.process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cost_of(self, body: Body) -> tuple[int, float, float]:
        """The status of the answer, the seconds to it, and by how many MB (10**6 bytes) memory rose."""
        before = self._kibibytes("VmRSS")
        # The peak begins anew.
        Path(f"/proc/{self.process_id}/clear_refs").write_text("5")
        began = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        status = status_of(connection, body)
        seconds = time.perf_counter() - began
        connection.close()
        return status, seconds, (self._kibibytes("VmHWM") - before) * 1024 / 1e6

    def _kibibytes(self, name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.process_id}/status").read_text())
        assert found is not None
        return int(found[1])


def status_of(connection: HTTPConnection, body: Body) -> int:
    """The status of the answer to one request."""
    headers = {"Content-Type": _TYPES[body.encoding]} | ({"Content-Encoding": "gzip"} if body.is_gzip else {})
    connection.request("POST", "/v1/traces", body.content, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


@contextmanager
def viewer_of(conninfo: str, core: int) -> Iterator[Viewer]:
    """`image-tracing serve` on one core, with a spool of its own."""
    command = [
        sys.executable,
        "-m",
        "image_tracing_viewer",
        "serve",
        "--port",
        "0",
        "--database-url",
        conninfo,
    ]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            command,
            env={**os.environ, "IMAGE_TRACING_DATA_DIR": folder, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        with process:
            try:
                assert process.stdout is not None
                told = re.search(r":(\d+)/", process.stdout.readline())
                assert told is not None
                yield Viewer(int(told[1]), process.pid)
            finally:
                process.terminate()


def encoded(request: ExportTraceServiceRequest, encoding: str) -> bytes:
    """A request as OTLP has it."""
    if encoding == "protobuf":
        return request.SerializeToString()
    document = _with_hex_ids(MessageToDict(request, use_integers_for_enums=True))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in _IDS else _with_hex_ids(item)
        for key, item in value.items()
    }


def rate_of(conninfo: str, viewer: Viewer, bodies: Sequence[Body], generations: int) -> tuple[float, float]:
    """Seconds from the first request to the last committed row, and the viewer's CPU seconds of these."""
    with tempfile.TemporaryDirectory() as folder, psycopg.connect(conninfo, autocommit=True) as connection:
        for number, body in enumerate(bodies):
            Path(folder, f"{number:06}").write_bytes(body.content)
        worked, began = viewer.cpu_seconds(), time.perf_counter()
        client = [sys.executable, __file__, "--send", folder, str(viewer.port), bodies[0].encoding]
        subprocess.run(client, check=True)
        while True:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM image_traces WHERE status = 'completed'),"
                " (SELECT count(*) FROM image_attempts)"
            ).fetchone()
            if row == (generations, 2 * generations):
                return time.perf_counter() - began, viewer.cpu_seconds() - worked
            time.sleep(0.05)


def send(folder: str, port: str, encoding: str) -> None:
    """What the client process does: each file of a folder is a request, over two connections."""

    def send_all(paths: Sequence[Path]) -> None:
        connection = HTTPConnection("127.0.0.1", int(port), timeout=120)
        for path in paths:
            status = status_of(connection, Body(path.read_bytes(), encoding))
            assert status == 200, status

    paths = sorted(Path(folder).iterdir())
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(send_all, (paths[::2], paths[1::2])))


def measure_rate(server: str, core: int, generations: int, rounds: int) -> None:
    for encoding in _TYPES:
        rates = []
        for turn in range(rounds):
            batches = batches_of(generations, _BATCH, turn)
            bodies = [Body(encoded(encode_spans(batch), encoding), encoding) for batch in batches]
            with database_on(server) as conninfo, viewer_of(conninfo, core) as viewer:
                seconds, worked = rate_of(conninfo, viewer, bodies, generations)
            spans = 3 * generations
            rates.append(spans / seconds)
            print(
                f"{encoding}: {rates[-1]:,.0f} spans/s with {worked / seconds:.0%} of the core, "
                f"{spans / worked:,.0f} a second of its time",
                flush=True,
            )
        print(
            f"{encoding}: median {statistics.median(rates):,.0f} spans/s (wanted: at least {LIMIT_SPANS:,})"
        )


def measure_bomb(viewer: Viewer, rounds: int) -> None:
    zeros = gzip.compress(bytes(1024 * _MIB), 9)
    for encoding in _TYPES:
        costs = [viewer.cost_of(Body(zeros, encoding, is_gzip=True)) for _ in range(rounds)]
        assert {status for status, *_ in costs} == {413}
        print(
            f"bomb as {encoding}: refused in {max(cost[1] for cost in costs):.2f} s "
            f"(wanted: at most {LIMIT_BOMB_SECONDS:g}), "
            f"growth {max(cost[2] for cost in costs):.0f} MB (wanted: at most {LIMIT_GROWTH_MB:g})"
        )


def measure_large(viewer: Viewer, rounds: int) -> None:
    for name, request in large_requests().items():
        for encoding in _TYPES:
            content = encoded(request, encoding)
            body = Body(gzip.compress(content, 1), encoding, is_gzip=True)
            costs = [viewer.cost_of(body) for _ in range(rounds)]
            assert {status for status, *_ in costs} == {200}
            seconds, growth = (max(cost[place] for cost in costs) for place in (1, 2))
            print(
                f"{name} as {encoding}, {len(content) / _MIB:.0f} MiB: {seconds:.2f} s, "
                f"growth {growth:.0f} MB (wanted: at most {LIMIT_GROWTH_MB:g})",
                flush=True,
            )


def large_requests() -> dict[str, ExportTraceServiceRequest]:
    """Requests of nearly 64 MiB, by what they consist of."""
    [generation] = batches_of(1, 3, 1)
    [many] = batches_of(1_500, 4_500, 2)
    return {
        "one prompt": _with_prompts(generation[:1], "A fjord at dawn. " * (3_850_000)),
        "one prompt with emoji": _with_prompts(generation[:1], "A fjord at dawn " * 4_000_000 + "🌅"),
        "4,500 spans": _with_prompts(many, "A fjord at dawn. " * 640),
    }


def _with_prompts(spans: Sequence[ReadableSpan], prompt: str) -> ExportTraceServiceRequest:
    request = encode_spans(spans)
    for each in request.resource_spans[0].scope_spans[0].spans:
        each.attributes.add(key=names.PROMPT).value.string_value = prompt
    return request


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--generations", type=int, default=20_000, help="of three spans each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["rate", "bomb", "large"])
    parser.add_argument("--send", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.send:
        send(*arguments.send)
        return
    first, *others = sorted(os.sched_getaffinity(0))
    # Of this process and all that it starts but the viewer.
    os.sched_setaffinity(0, others or {first})
    print(f"viewer on core {first}, Postgres and sender on {os.sched_getaffinity(0)}")
    with server_for(None) as server:
        if arguments.only in (None, "rate"):
            measure_rate(server, first, arguments.generations, arguments.rounds)
        if arguments.only != "rate":
            with database_on(server) as conninfo, viewer_of(conninfo, first) as viewer:
                for batch in batches_of(600, _BATCH, 3):
                    viewer.cost_of(Body(encoded(encode_spans(batch), "protobuf"), "protobuf"))
                if arguments.only in (None, "bomb"):
                    measure_bomb(viewer, arguments.rounds)
                if arguments.only in (None, "large"):
                    measure_large(viewer, arguments.rounds)


if __name__ == "__main__":
    main()
