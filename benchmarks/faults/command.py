"""The command: which faults, one after the other, then the table."""

import argparse
import importlib
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from faults.bench import Bench
from faults.row import Row, Stack
from faults.server import Server
from faults.table import table, write_json

FAULTS: Final = {
    "F1": "overload",
    "F2": "outage",
    "F3": "backlog",
    "F4": "kills",
    "F5": "frameworks",
    "F6": "interruption",
    "F7": "network",
    "F8": "disks",
    "F9": "poison",
    "F10": "damage",
    "F11": "contention",
    "F12": "permutations",
    "F13": "clock",
    "F14": "overhead",
    "F15": "soak",
    "F17": "receiver",
}

Run = Callable[[Bench], Iterator[Row]]


def main() -> int:
    """0 when all goals of ours are met, 1 when one is missed, 2 for words that are not understood."""
    options = _options()
    # The server is nobody's child: it ends only if we take the time to end it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    stacks: tuple[Stack, ...] = (options.stack,) if options.stack else ("ours", "stock")
    about = _about(seed, is_short=options.short)
    rows: list[Row] = []
    with _folder(options.folder) as folder, tempfile.TemporaryDirectory(prefix="faults-") as work:
        Path(work).chmod(0o711)
        server = Server(folder)
        try:
            server.start()
            about["database"] = server.version()
            bench = Bench(
                server=server,
                folder=Path(work),
                seed=seed,
                is_short=options.short,
                stacks=stacks,
                minutes=options.minutes
                if options.minutes is not None
                else (20 / 60 if options.short else 30),
            )
            for name in options.faults or FAULTS:
                rows += _rows_of(name, bench)
        finally:
            server.stop()
    print(table(rows))
    print()
    for name, value in about.items():
        print(f"{name}: {value}")
    if options.json:
        write_json(options.json, about, rows)
    return 1 if any(row.missed for row in rows) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py", description="Break things under load; count what is lost."
    )
    parser.add_argument("faults", nargs="*", metavar="F1", help=f"some of {', '.join(FAULTS)}; default: all")
    parser.add_argument("--short", action="store_true", help="small numbers, and low bars on speed")
    parser.add_argument("--stack", choices=("ours", "stock"), help="one of the two; default: both")
    parser.add_argument("--seed", type=int, help="repeats the chances of an earlier run")
    parser.add_argument("--minutes", type=float, help="how long the soak takes; default 30, short 1/3")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--folder", type=Path, help="where the server's cluster is kept for the next run")
    options = parser.parse_args()
    options.faults = [name.upper() for name in options.faults]
    unknown = [name for name in options.faults if name not in FAULTS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: there is no such fault; there are {', '.join(FAULTS)}")
    if not sys.platform.startswith("linux"):
        parser.error(f"the fault bench needs Linux (/proc, tmpfs), this is {platform.system()}")
    return options


def _rows_of(name: str, bench: Bench) -> list[Row]:
    run: Run = importlib.import_module(f"faults.{FAULTS[name]}").run
    rows: list[Row] = []
    began = time.monotonic()
    try:
        for row in run(bench):
            rows.append(row)
            print(table([row]).splitlines()[2], file=sys.stderr, flush=True)
    except Exception as error:  # noqa: BLE001 - the other faults still have something to say
        traceback.print_exc()
        rows.append(Row(name, "the bench itself", "ours", "", missed=(f"{type(error).__name__}: {error}",)))
    print(f"{name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="faults-server-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
        # A server whose folder has a long path listens elsewhere, and notes where.
        for note in Path(folder).glob("postgres/socket-folder"):
            shutil.rmtree(os.fsdecode(note.read_bytes()), ignore_errors=True)


def _about(seed: int, *, is_short: bool) -> dict[str, object]:
    packages = ("image-tracing", "opentelemetry-sdk", "psycopg")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "form": "short" if is_short else "full",
        "seed": seed,
        "machine": f"{os.cpu_count()} cores, {_processor()}, {_memory_gib():.0f} GiB, {platform.platform()}",
        "python": platform.python_version(),
        "account": "root" if os.geteuid() == 0 else f"uid {os.geteuid()}",
        **{name: version(name) for name in packages},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_gib() -> float:
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
