"""How long one waits for the first page: from a fresh clone, a second time, and with `serve`; and its memory.

*clone* is `git clone` and `make demo` until the list page shows a generation, with whatever pip has in its
cache; *again* is the second `make demo` in the same clone. *serve* is `image-tracing serve` on that database,
from the start of its process to its first page, beside *floor*: a bare Starlette route under uvicorn that
reads the newest 50 rows from the same Postgres as one JSON text. Memory is the PSS of the process after 200
requests, the database server not counted. Run with:

    python benchmarks/start.py [--rounds 5] [--python python3.11]
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).parents[1]
LIMIT_CLONE_SECONDS: Final = 90.0
LIMIT_AGAIN_SECONDS: Final = 5.0
LIMIT_SERVE_SECONDS: Final = 1.5
LIMIT_SERVE_MIB: Final = 80.0
_REQUESTS: Final = 200
# Asked directly, whatever proxy the environment names.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_FLOOR: Final = """
import contextlib, socket, sys
import psycopg, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

connection = psycopg.connect(sys.argv[1], autocommit=True)
ROWS = "SELECT * FROM image_traces ORDER BY created_at DESC LIMIT 50"
NEWEST = f"SELECT coalesce(json_agg(t), '[]')::text FROM ({ROWS}) t"

def newest(request):
    return Response(connection.execute(NEWEST).fetchone()[0], media_type="application/json")

listener = socket.create_server(("127.0.0.1", 0))
print(f"http://127.0.0.1:{listener.getsockname()[1]}/traceImage", flush=True)
app = Starlette(routes=[Route("/traceImage", newest)])
with contextlib.suppress(KeyboardInterrupt):
    uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none")).run([listener])
"""


def main() -> None:
    """Measure all of it once, and print it beside the bars."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="starts of serve and floor, in turn")
    parser.add_argument("--python", default=sys.executable, help="the interpreter that the clone uses")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="image-tracing-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "IMAGE_TRACING_DATA_DIR": f"{folder}/data", "PYTHONUNBUFFERED": "1"}
        environment.pop("IMAGE_TRACING_DATABASE_URL", None)
        clone = Path(folder) / "clone"
        began = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", str(TOP), str(clone)], check=True)
        make = ["make", "demo", f"PYTHON={given.python}", "DEMO_ARGS=--port 0"]
        try:
            with _address_of(make, clone, environment) as address:
                _wait_for_page(address, "lesson-")
                _print("clone", time.perf_counter() - began, LIMIT_CLONE_SECONDS)
            began = time.perf_counter()
            with _address_of(make, clone, environment) as address:
                _wait_for_page(address, "lesson-")
                _print("again", time.perf_counter() - began, LIMIT_AGAIN_SECONDS)
            _compare(clone / ".venv/bin", environment, given.rounds)
        finally:
            subprocess.run([clone / ".venv/bin/image-tracing", "stop"], env=environment, check=False)


def _compare(programs: Path, environment: dict[str, str], rounds: int) -> None:
    url = subprocess.run(
        [programs / "image-tracing", "database-url"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    commands: dict[str, Sequence[str]] = {
        "floor": [str(programs / "python"), "-c", _FLOOR, url],
        "serve": [str(programs / "image-tracing"), "serve", "--port", "0"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    memory: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            began = time.perf_counter()
            with _process(command, programs, environment) as process:
                address = _address(process)
                _wait_for_page(address, "lesson-")
                seconds[name].append(time.perf_counter() - began)
                for _ in range(_REQUESTS):
                    _page(address)
                memory[name].append(_pss_mib(process.pid))
    starts = {name: statistics.median(values) for name, values in seconds.items()}
    sizes = {name: statistics.median(values) for name, values in memory.items()}
    print(f"floor   {starts['floor']:8.2f} s {sizes['floor']:8.1f} MiB")
    _print("serve", starts["serve"], LIMIT_SERVE_SECONDS)
    verdict = "met" if sizes["serve"] <= LIMIT_SERVE_MIB else "MISSED"
    print(f"memory  {sizes['serve']:8.1f} MiB, at most {LIMIT_SERVE_MIB:g} MiB: {verdict}")
    time_ratio, memory_ratio = starts["serve"] / starts["floor"], sizes["serve"] / sizes["floor"]
    print(f"ratio   {time_ratio:8.2f} in time, {memory_ratio:.2f} in memory, serve to floor")


def _print(name: str, seconds: float, limit: float) -> None:
    verdict = "met" if seconds <= limit else "MISSED"
    print(f"{name:7} {seconds:8.2f} s, at most {limit:g} s: {verdict}", flush=True)


@contextmanager
def _process(
    command: Sequence[str | Path], folder: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=30)


@contextmanager
def _address_of(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    with _process(command, folder, environment) as process:
        yield _address(process)


def _address(process: subprocess.Popen[str]) -> str:
    for line in process.stdout or ():
        found = re.search(r"http://127\S+", line)
        if found:
            return found[0]
    raise SystemExit(f"start: wanted an address from {process.args!r}, found none; run it by hand to see why")


def _page(address: str) -> str:
    text: str = _OPENER.open(address, timeout=30).read().decode()
    return text


def _wait_for_page(address: str, words: str) -> None:
    while words not in _page(address):
        time.sleep(0.02)


def _pss_mib(pid: int) -> float:
    """Memory that the process has to itself, and its share of what it shares; needs Linux."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(kib) for kib in re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)) / 1024


if __name__ == "__main__":
    main()
