"""Spools in fresh folders, records for them, drainers that are stopped, and processes that use them."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from image_tracing_postgres.processor import ImageTracingSpanProcessor
from image_tracing_postgres.spool import Drainer, Spool, payload_of
from image_tracing_postgres.spool.frames import frames_in

from ..conftest import NewSpans

Until = Callable[[Callable[[], object]], None]
Script = Callable[..., subprocess.Popen[str]]
NewDrainer = Callable[..., Drainer]

# What every script of these tests can use: a processor, and `paint(n)`, which ends n spans.
SCRIPT = """
import os, signal, sys, threading, time
from pathlib import Path
from opentelemetry.sdk.trace import TracerProvider
from image_tracing import attributes as names
from image_tracing_postgres.processor import ImageTracingSpanProcessor

folder, dsn = Path(sys.argv[1]), sys.argv[2]
provider = TracerProvider(shutdown_on_exit=False)
processor = ImageTracingSpanProcessor(dsn, folder=folder)
provider.add_span_processor(processor)
tracer = provider.get_tracer(names.SCOPE)
ROOT = {names.ROLE: names.ROLE_GENERATION, names.LESSON_ID: "l"}

def begin():
    return tracer.start_span("invoke_workflow paint", attributes=ROOT)

def paint(number):
    for _ in range(number):
        begin().end()

def say(word):
    print(word, flush=True)
"""


class Records:
    """Payloads of spans with ids that do not repeat."""

    def __init__(self, new: NewSpans) -> None:
        self._new = new
        self._number = 0

    def __call__(self, kind: str = "root", *, trace_id: int | None = None, **more: Any) -> bytes:
        self._number += 1
        span = getattr(self._new, kind)(
            trace_id=self._number if trace_id is None else trace_id, span_id=self._number, **more
        )
        payload = payload_of(span, is_trusted=True)
        assert payload is not None
        return payload

    def both(self) -> tuple[bytes, bytes]:
        """The start and the end of one generation."""
        start = self(end_time=None)
        self._number -= 1
        return start, self()

    def many(self, number: int, **more: Any) -> list[bytes]:
        return [self(**more) for _ in range(number)]


@pytest.fixture
def records(new: NewSpans) -> Records:
    return Records(new)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "spool"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    spool = Spool(folder)
    yield spool
    spool.close()


@pytest.fixture
def drainer(folder: Path, database: str) -> Iterator[NewDrainer]:
    """Makes drainers of the fresh database, or of the one that is named."""
    made: list[Drainer] = []

    def make(*, dsn: str = database, **more: Any) -> Drainer:
        made.append(Drainer(more.pop("folder", folder), dsn, **more))
        return made[-1]

    yield make
    for each in made:
        each.stop(1)


@pytest.fixture
def processor(folder: Path, database: str) -> Iterator[ImageTracingSpanProcessor]:
    processor = ImageTracingSpanProcessor(database, folder=folder)
    yield processor
    processor.shutdown()


@pytest.fixture
def until() -> Until:
    """Waits until something holds, for at most 30 seconds."""

    def wait(is_so: Callable[[], object]) -> None:
        deadline = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return wait


@pytest.fixture
def script(folder: Path, database: str, tmp_path: Path) -> Iterator[Script]:
    """Runs a script that begins with SCRIPT in a process of its own; `dsn` as the second argument."""
    begun: list[subprocess.Popen[str]] = []

    def run(text: str, *arguments: str, dsn: str = database) -> subprocess.Popen[str]:
        # A file, since multiprocessing's spawn has to import it.
        path = tmp_path / f"script_{len(begun)}.py"
        path.write_text(SCRIPT + text, encoding="utf-8")
        begun.append(
            subprocess.Popen(
                [sys.executable, str(path), str(folder), dsn, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str], *, code: int = 0, seconds: float = 60) -> str:
    """What the process wrote, after its end with this code."""
    out, errors = process.communicate(timeout=seconds)
    assert process.returncode == code, errors
    return out


def payloads_in(folder: Path) -> list[bytes]:
    """The records in all segments, whoever owns them; damaged ones are an error."""
    found = []
    for path in sorted(folder.glob("*.segment")):
        for frame in frames_in(path.read_bytes(), is_whole=True):
            assert frame.payload is not None
            found.append(frame.payload)
    return found


def rows_in(database: str) -> tuple[int, int]:
    """How many traces and attempts are stored."""
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM image_traces), (SELECT count(*) FROM image_attempts)"
        ).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])
