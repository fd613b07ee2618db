"""The demo as a whole: the real huggingface_hub, the local models, the exporter, the database, the pages."""

import re
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from image_tracing_postgres.migrate import migrate
from image_tracing_postgres.records import Attempt, Trace
from image_tracing_postgres.store import Store

PROGRAM = (sys.executable, "-m", "image_tracing_viewer", "demo")


@pytest.fixture(scope="module")
def shared_database(server: str) -> Iterator[str]:
    """A migrated database for all tests of this file: the demo takes its time."""
    name = f"demo_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        conninfo = make_conninfo(server, dbname=name)
        migrate(conninfo)
        yield conninfo
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def ran(shared_database: str) -> subprocess.CompletedProcess[str]:
    """`image-tracing demo --once`, run to its end."""
    command = [*PROGRAM, "--once", "--database-url", shared_database]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


@pytest.fixture(scope="module")
def traces(ran: subprocess.CompletedProcess[str], shared_database: str) -> Sequence[Trace]:
    assert ran.returncode == 0, ran.stderr
    with Store(shared_database) as store:
        return list(store.iter())


@pytest.fixture(scope="module")
def attempts(traces: Sequence[Trace]) -> Sequence[Attempt]:
    return [attempt for trace in traces for attempt in trace.attempts]


def test_it_says_what_came_of_it(ran: subprocess.CompletedProcess[str], traces: Sequence[Trace]) -> None:
    told = {tuple(line.split("\t")[:2]): int(line.split("\t")[2]) for line in ran.stdout.splitlines()}
    statuses = Counter(trace.status for trace in traces)

    assert {value: number for (heading, value), number in told.items() if heading == "status"} == statuses


def test_generations_are_served_and_fail(traces: Sequence[Trace]) -> None:
    assert {trace.status for trace in traces} == {"completed", "failed"}


def test_the_generation_of_a_killed_process_is_interrupted(traces: Sequence[Trace]) -> None:
    [abandoned] = [trace for trace in traces if trace.error_class == "interrupted"]

    assert (abandoned.status, abandoned.completed_at) == ("failed", None)
    assert [attempt.success for attempt in abandoned.attempts] == [False]


def test_nearly_every_outcome_is_there(attempts: Sequence[Attempt]) -> None:
    met = {attempt.outcome for attempt in attempts}

    assert met >= {"ok", "blank", "corrupt", "mismatch", "duplicate", "error"}


def test_most_error_classes_are_there(attempts: Sequence[Attempt]) -> None:
    met = {attempt.error_class for attempt in attempts}

    assert met >= {
        "rate_limited",
        "quota",
        "timeout",
        "refused",
        "bad_image",
        "auth",
        "not_found",
        "invalid_request",
        "model_loading",
        "connection",
        "out_of_memory",
    }


def test_no_failure_goes_without_a_class(attempts: Sequence[Attempt]) -> None:
    assert [attempt.error for attempt in attempts if attempt.error_class == "unknown"] == []


def test_the_models_have_their_real_names(attempts: Sequence[Attempt]) -> None:
    assert len({attempt.model for attempt in attempts}) >= 4
    assert [
        attempt.model for attempt in attempts if attempt.model is None or "127.0.0.1" in attempt.model
    ] == []


def test_pictures_of_three_formats_are_measured(attempts: Sequence[Attempt]) -> None:
    pictures = [image for attempt in attempts if attempt.outcome == "ok" for image in attempt.images]

    assert {image.mime_type for image in pictures} == {"image/png", "image/jpeg", "image/webp"}
    assert {(image.width, image.height) for image in pictures} == {(640, 640)}


def test_the_local_token_is_nowhere(traces: Sequence[Trace]) -> None:
    assert "Bearer" not in repr(traces)


def test_a_second_time_makes_the_same_stories(traces: Sequence[Trace]) -> None:
    [lesson] = [trace for trace in traces if trace.lesson_id == "lesson-018-simple-machines"]

    assert [attempt.outcome for attempt in lesson.attempts][:2] == ["ok", "duplicate"]


@pytest.fixture
def demo(database: str) -> Iterator[subprocess.Popen[str]]:
    """`image-tracing demo` with three lessons, on a free port."""
    command = [*PROGRAM, "--port", "0", "--count", "3", "--database-url", database]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        yield program
        program.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_takes_its_generator_with_it(demo: subprocess.Popen[str], number: signal.Signals) -> None:
    assert demo.stdout is not None
    demo.stdout.readline()

    demo.send_signal(number)

    # The generator holds the pipe of standard error for as long as it lives.
    _output, message = demo.communicate(timeout=30)
    assert demo.returncode == 128 + number
    assert "Traceback" not in message


def eventually(claim: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_it_serves_live_rows_and_ends_when_interrupted(demo: subprocess.Popen[str], database: str) -> None:
    assert demo.stdout is not None
    found = re.search(r"http://\S+", demo.stdout.readline())
    assert found is not None

    with httpx.Client(trust_env=False, timeout=20) as client, Store(database) as store:
        assert client.get(found[0]).status_code == 200
        assert eventually(lambda: "lesson-003" in client.get(found[0]).text)
        assert eventually(lambda: "lesson-001-water-cycle-1" in client.get(found[0]).text)
        demo.send_signal(signal.SIGINT)
        _output, message = demo.communicate(timeout=30)
        ended = len(store.list(limit=500))

    assert demo.returncode == 130
    assert "Traceback" not in message
    assert ended >= 4
