"""F17: the viewer is killed right after it has acknowledged spans that came over OTLP."""

import signal
import socket
import sys
from collections.abc import Iterator, Sequence

from faults.bench import Bench
from faults.process import Child, ChildFailedError
from faults.row import Row, Stack
from faults.trial import Trial
from faults.waiting import wait_until


def run(bench: Bench) -> Iterator[Row]:
    """2,000 spans in requests of 20 or a few more, then SIGKILL or SIGTERM."""
    for number in (signal.SIGKILL, signal.SIGTERM):
        for stack in bench.stacks:
            yield _row(bench, stack, number)


def _row(bench: Bench, stack: Stack, number: signal.Signals) -> Row:
    from image_tracing_postgres.spool import spool_folder

    count = bench.size(2_000, 400)
    with bench.trial(f"F17 {number.name}", stack) as trial:
        trial.spool = spool_folder(trial.folder / "data", trial.dsn)
        server, port = _serving(trial)
        sender = trial.keep(Child.python("sender", trial.order(count=count).text(), str(port), log=trial.log))
        sender.event("made", seconds=120)
        server.kill(number)
        server.wait(seconds=60)
        recovery = trial.drain()
        return trial.row(
            "F17",
            f"viewer gets {number.name} after {count:,} acknowledged OTLP spans",
            f"lost 0 of {count:,}",
            recovery_seconds=recovery if trial.is_ours else None,
        )


def _serving(trial: Trial) -> tuple[Child, int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words: Sequence[str] = ("image_tracing_viewer", "serve", "--database-url", trial.dsn)
    if not trial.is_ours:
        words = ("uvicorn", "faults.acceptor:app", "--log-level", "warning")
    server = trial.keep(
        Child(
            [sys.executable, "-m", *words, "--port", str(port)],
            log=trial.log,
            more={
                "FAULTS_ORDER": trial.order().text(),
                "IMAGE_TRACING_DATA_DIR": str(trial.folder / "data"),
            },
        )
    )
    wait_until(lambda: _listens(port) or not server.is_running, seconds=60, wanted="a receiver that listens")
    if not server.is_running:
        raise ChildFailedError(f"the receiver ended at once and said: {server.said()[-2_000:]}")
    return server, port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
