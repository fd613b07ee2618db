"""A whole range as JSON Lines over HTTP and through the store, beside a plain COPY TO of the same rows.

The floor is `COPY image_traces TO STDOUT` and `COPY image_attempts TO STDOUT`, one after the other over one
connection, in the order in which the rows lie. Ours are complete documents, newest first, of one moment. Each
round reads all three in turn, so that noise hits them alike. The viewer is served by uvicorn in a process of
its own, whose greatest memory during an export is compared with that before it. What the viewer needs of a
processor hardly depends on what else the machine does, so it is told as well. Run with:

    python benchmarks/export.py [--traces 1000000] [--rounds 5] [--server CONNINFO] [--drop]
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import URLError

import psycopg
from databases import server_for
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from viewer import database_of

from image_tracing_postgres.store import Store

_READ_BYTES: Final = 262_144
_TABLES: Final = (b"image_traces", b"image_attempts")


def floor_seconds(conninfo: str) -> float:
    """The rows of both tables as text, joined to blocks and dropped."""
    began = time.perf_counter()
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        for table in _TABLES:
            block: list[bytes] = []
            size = 0
            with cursor.copy(b"COPY %s TO STDOUT" % table) as copy:
                for data in copy:
                    block.append(bytes(data))
                    size += len(data)
                    if size >= _READ_BYTES:
                        b"".join(block)
                        block, size = [], 0
    return time.perf_counter() - began


def store_seconds(conninfo: str, traces: int) -> float:
    began = time.perf_counter()
    with Store(conninfo) as store:
        lines = sum(block.count(b"\n") for block in store.lines())
    seconds = time.perf_counter() - began
    assert lines == traces, lines
    return seconds


def http_seconds(address: str, query: str, rows: int) -> tuple[float, float]:
    """Until the end, and until the first bytes."""
    began = time.perf_counter()
    first = 0.0
    lines = 0
    with urllib.request.urlopen(f"{address}/api/traceImage/export?{query}") as answer:
        while content := answer.read(_READ_BYTES):
            first = first or time.perf_counter() - began
            lines += content.count(b"\n")
    seconds = time.perf_counter() - began
    assert "jsonl" not in query or lines == rows, lines
    return seconds, first


@contextmanager
def viewer_of(conninfo: str) -> Iterator[tuple[str, int]]:
    """The address and the process of a viewer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    served = Path(__file__).with_name("viewer.py")
    process = subprocess.Popen([sys.executable, str(served), "--serve", "ours", str(port), conninfo])
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{address}/healthz").read()
                break
            except URLError:
                if time.monotonic() > deadline:
                    raise
                # A server that starts refuses connections until it listens.
                time.sleep(0.05)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait()


def memory_bytes(pid: int, name: str) -> int:
    """`VmRSS` now, or the greatest there was, `VmHWM`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(server: str, arguments: argparse.Namespace) -> None:
    conninfo = database_of(server, arguments.traces)
    query = f"format={arguments.format}&of={arguments.of}"
    rows = arguments.traces if arguments.of == "traces" else 2 * arguments.traces
    seconds: dict[str, list[float]] = {"copy": [], "store": [], "http": []}
    firsts: list[float] = []
    load = os.getloadavg()[0]
    with viewer_of(conninfo) as (address, pid):
        for path in ("/traceImage", "/api/traceImage?limit=50"):
            urllib.request.urlopen(address + path).read()
        idle = memory_bytes(pid, "VmRSS")
        worked = processor_seconds(pid)

        def over_http() -> float:
            whole, first = http_seconds(address, query, rows)
            firsts.append(first)
            return whole

        ways: dict[str, Callable[[], float]] = {
            "copy": lambda: floor_seconds(conninfo),
            "store": lambda: store_seconds(conninfo, arguments.traces),
            "http": over_http,
        }
        for turn in range(arguments.rounds):
            for name in sorted(ways, reverse=turn % 2 == 1):
                seconds[name].append(ways[name]())
            print(f"round {turn + 1}:", *(f"{name} {seconds[name][-1]:.1f} s" for name in ways), flush=True)
        greatest = memory_bytes(pid, "VmHWM")
        worked = (processor_seconds(pid) - worked) / arguments.rounds
    for name, found in seconds.items():
        rate = arguments.traces / statistics.median(found)
        print(f"{name}: median {statistics.median(found):.1f} s, {rate:,.0f} traces/s")
    for name in ("store", "http"):
        ratio = statistics.median(a / b for a, b in zip(seconds["copy"], seconds[name], strict=True))
        print(f"ratio {name} / copy: {ratio:.2f} (wanted: at least 0.50, and at least 10,000 traces/s)")
    print(f"first bytes over HTTP after {statistics.median(firsts):.2f} s")
    print(
        f"memory of the viewer: idle {idle / 1e6:.0f} MB, at most {greatest / 1e6:.0f} MB, "
        f"{(greatest - idle) / 1e6:.0f} MB over idle (wanted: at most 100 MB)"
    )
    print(f"the viewer worked {worked:.1f} s for each export")
    print(f"load of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    if arguments.drop:
        name = str(conninfo_to_dict(conninfo)["dbname"])
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--format", default="jsonl", help="what the viewer gives; the floor stays the same")
    parser.add_argument("--of", default="traces")
    parser.add_argument("--server", help="conninfo of a server; default: an embedded one, made for this")
    parser.add_argument("--drop", action="store_true", help="drop the database afterwards")
    arguments = parser.parse_args()
    with server_for(arguments.server) as server:
        run(server, arguments)


if __name__ == "__main__":
    main()
