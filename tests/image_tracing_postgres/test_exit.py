"""Draining before a process ends, with real processes and a database that is held up for a while."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from image_tracing_postgres import Store

PROGRAM = """
import asyncio, signal, sys, time
import image_tracing_postgres
from opentelemetry import trace
image_tracing_postgres.configure()
def generate(name):
    with trace.get_tracer("image_tracing").start_as_current_span("invoke_workflow " + name):
        pass
"""


@contextmanager
def _program(text: str, database: str, data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {
        "IMAGE_TRACING_DATABASE_URL": database,
        "IMAGE_TRACING_DATA_DIR": str(data_dir),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + text], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _held_up(database: str, seconds: float) -> Iterator[None]:
    """Nobody writes traces until the time is over."""
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE image_traces IN ACCESS EXCLUSIVE MODE")
        timer = threading.Timer(seconds, connection.rollback)
        timer.start()
        try:
            yield
        finally:
            timer.join()


def test_a_sigterm_waits_for_the_database_and_then_ends_the_process(
    database: str, store: Store, tmp_path: Path
) -> None:
    text = 'image_tracing_postgres.drain_on_sigterm()\ngenerate("x")\nprint(flush=True)\ntime.sleep(60)'
    with _held_up(database, 1.0), _program(text, database, tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        code = process.wait(timeout=20)

        assert (code, [trace.name for trace in store.list()]) == (-signal.SIGTERM, [None])


def test_a_second_sigterm_does_not_wait(database: str, tmp_path: Path) -> None:
    text = (
        'image_tracing_postgres.drain_on_sigterm(timeout_seconds=30)\ngenerate("x")\n'
        "print(flush=True)\n"
        "while True: time.sleep(0.01); print(flush=True)"
    )
    with _held_up(database, 3.0), _program(text, database, tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        process.stdout.readline()
        process.stdout.readline()
        process.terminate()

        assert process.wait(timeout=2) == -signal.SIGTERM


def test_the_handler_that_was_set_is_called_after_the_drain(
    database: str, store: Store, tmp_path: Path
) -> None:
    text = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        'image_tracing_postgres.drain_on_sigterm()\ngenerate("x")\nprint(flush=True)\ntime.sleep(60)'
    )
    with _program(text, database, tmp_path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()

        assert (process.wait(timeout=20), len(store.list())) == (7, 1)


def test_a_lifespan_stores_what_waits_after_the_apps_own(database: str, store: Store, tmp_path: Path) -> None:
    text = """
from contextlib import asynccontextmanager
import os
@asynccontextmanager
async def own(app):
    yield {"model": "flux"}
    generate("at the end")
async def main():
    async with image_tracing_postgres.lifespan(own)(None) as state:
        assert state == {"model": "flux"}
    os._exit(0)
asyncio.run(main())
"""
    with _held_up(database, 0.7), _program(text, database, tmp_path) as process:
        assert process.wait(timeout=20) == 0

    assert len(store.list()) == 1


def test_a_lifespan_ends_in_time_without_a_database(tmp_path: Path) -> None:
    text = """
async def main():
    async with image_tracing_postgres.lifespan(timeout_seconds=0.5)(None):
        generate("x")
    began = time.monotonic()
    async with image_tracing_postgres.lifespan(timeout_seconds=0.5)(None):
        pass
    print(time.monotonic() - began, flush=True)
asyncio.run(main())
"""
    with _program(text, "host=192.0.2.1 dbname=x", tmp_path) as process:
        assert process.stdout is not None
        seconds = float(process.stdout.readline())

        assert (process.wait(timeout=20), seconds < 2) == (0, True)
