"""`image-tracing tail`."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

Program = subprocess.Popen[str]


@contextmanager
def tailing(database: str, *words: str) -> Iterator[Program]:
    command = [sys.executable, "-m", "image_tracing_viewer", "tail", *words, "--database-url", database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        yield program
        program.kill()


def next_lesson(program: Program) -> str:
    assert program.stdout is not None
    return str(json.loads(program.stdout.readline())["lesson_id"])


def test_it_begins_with_the_newest_and_goes_on_with_what_comes(rows: Any, database: str) -> None:
    rows.add(lesson_id="older")
    rows.add(lesson_id="newer")

    with tailing(database, "--json", "--lines", "1") as program:
        assert next_lesson(program) == "newer"
        rows.add(lesson_id="newest")
        assert next_lesson(program) == "newest"


def test_it_tells_what_passes_the_filter(rows: Any, database: str) -> None:
    rows.add(lesson_id="first", status="failed")

    with tailing(database, "--json", "--status", "failed") as program:
        assert next_lesson(program) == "first"
        rows.add(lesson_id="other", status="completed")
        rows.add(lesson_id="second", status="failed")
        assert next_lesson(program) == "second"


def test_an_interruption_ends_it_without_a_traceback(rows: Any, database: str) -> None:
    rows.add(lesson_id="first")

    with tailing(database, "--json") as program:
        next_lesson(program)
        program.send_signal(signal.SIGINT)
        _output, message = program.communicate(timeout=20)

    assert program.returncode == 130
    assert "Traceback" not in message
