"""F5: how servers, workers and pools end their processes: without asking anybody to flush."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from faults.bench import Bench
from faults.process import Child, ChildFailedError, environment
from faults.row import Row
from faults.trial import Trial
from faults.waiting import TooSlowError, wait_until

_GRACE_SECONDS: Final = 30

_FORKS: Final = {
    "process": ("multiprocessing.Process", 300),
    "pool": ("ProcessPoolExecutor", 600),
    "exit": ("os._exit", 300),
    "orphan": ("fork, the parent dies first", 300),
    "threads": ("fork under threads that end spans", 300),
}


def run(bench: Bench) -> Iterator[Row]:
    """Each counts one span a request, task or call; 0 lost is wanted in each."""
    requests = bench.size(301, 31)
    servers: dict[str, Sequence[str]] = {
        "uvicorn, SIGTERM": ("uvicorn", "faults.web:app", "--log-level", "warning"),
        "uvicorn --workers 2, SIGTERM": (
            "uvicorn",
            "faults.web:app",
            "--log-level",
            "warning",
            "--workers",
            "2",
        ),
        "gunicorn --preload, SIGTERM": ("gunicorn", "faults.web:wsgi", "--preload", "--workers", "2"),
    }
    for situation, words in servers.items():
        for stack in bench.stacks:
            with bench.trial(f"F5 {words[0]} {len(words)}", stack) as trial:
                _serve(trial, words, requests)
                yield _row(trial, situation, requests)
    tasks = bench.size(100, 10)
    for stack in bench.stacks:
        with bench.trial("F5 celery", stack) as trial:
            has_ended = _work(trial, tasks)
            yield _row(trial, "celery prefork, --max-tasks-per-child 1", tasks, has_ended=has_ended)
    for way, (situation, calls) in _FORKS.items():
        count = bench.size(calls, calls // 10)
        for stack in bench.stacks:
            with bench.trial(f"F5 {way}", stack) as trial:
                _fork(trial, way, count)
                yield _row(trial, situation, count)


def _row(trial: Trial, situation: str, count: int, *, has_ended: bool = True) -> Row:
    recovery = trial.drain()
    ended = trial.lines.count()
    return trial.row(
        "F5",
        situation,
        f"lost 0 of {count}",
        recovery_seconds=recovery if trial.is_ours else None,
        figures={} if has_ended else {"killed after s": _GRACE_SECONDS},
        checks={f"{ended} spans ended, of {count}": ended >= count},
    )


def _serve(trial: Trial, words: Sequence[str], requests: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = ("--bind", f"127.0.0.1:{port}") if words[0] == "gunicorn" else ("--port", str(port))
    server = trial.keep(
        Child(
            [sys.executable, "-m", *words, *place],
            log=trial.log,
            more={"FAULTS_ORDER": trial.order().text()},
            has_group=True,
        )
    )
    wait_until(lambda: _answers(port) or not server.is_running, seconds=60, wanted=f"an answer of {words[0]}")
    # The first answer was a request too.
    for _ in range(requests - trial.lines.count()):
        if not _answers(port):
            raise ChildFailedError(f"{words[0]} does not answer and said: {server.said()[-2_000:]}")
    server.kill(signal.SIGTERM)
    server.wait(seconds=120)


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _work(trial: Trial, tasks: int) -> bool:
    """Whether the worker ended when it was asked to; else it is killed, as who runs containers does."""
    broker = trial.folder / "broker"
    for folder in (broker, Path(f"{broker}-control")):
        folder.mkdir()
    more = {
        "FAULTS_ORDER": trial.order().text(),
        "FAULTS_BROKER": str(broker),
        # Root is what it may be in a container.
        "C_FORCE_ROOT": "1",
    }
    subprocess.run(
        [sys.executable, "-m", "faults.tasks", str(tasks)], env=environment(more), check=True, timeout=120
    )
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "warning")
    worker = trial.keep(
        Child(
            [
                *(sys.executable, "-m", "celery", "-A", "faults.tasks", "worker", "--pool", "prefork"),
                *("--concurrency", "2", "--max-tasks-per-child", "1", *quiet),
            ],
            log=trial.log,
            more=more,
            has_group=True,
        )
    )
    wait_until(lambda: trial.lines.count() >= tasks, seconds=180, wanted=f"{tasks} tasks done by celery")
    worker.kill(signal.SIGTERM)
    try:
        worker.wait(seconds=_GRACE_SECONDS)
    except TooSlowError as error:
        # Seen once in sixty runs and not explained: the stacks are for who looks into it.
        print(error, file=sys.stderr, flush=True)
        worker.kill()
        return False
    return True


def _fork(trial: Trial, way: str, count: int) -> None:
    program = trial.keep(Child.python("forks", way, trial.order(count=count).text(), log=trial.log))
    program.event("forked", seconds=120)
    program.wait(seconds=120)
    # An orphan is nobody's child: its lock is free when it is gone.
    wait_until(lambda: not _holds(trial), seconds=10, wanted="the end of the orphan")


def _holds(trial: Trial) -> bool:
    """Whether any process still has the tally open."""
    # Looking through all processes without a pause would take a core from them.
    time.sleep(0.01)
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                found = [os.readlink(each.path) for each in os.scandir(f"{entry.path}/fd")]
            except OSError:
                continue
            if str(trial.tally) in found:
                return True
    return False
