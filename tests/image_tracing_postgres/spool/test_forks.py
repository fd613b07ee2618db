"""Forks, pools and workers: each process keeps its own spans, and none is lost or stored twice."""

import os
import threading
from pathlib import Path

import pytest

from image_tracing_postgres.spool import Spool, spool_state
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.segment import Segment

from .conftest import NewDrainer, Records, Script, Until, ended, payloads_in, rows_in

NOBODY = "host=127.0.0.1 port=9 dbname=nothing"
POOLS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

def work(number):
    paint(number)

if __name__ == "__main__":
    method, kind = sys.argv[3:5]
    context = multiprocessing.get_context(method)
    paint(5)
    if kind == "process":
        children = [context.Process(target=work, args=(10,)) for _ in range(6)]
        for child in children:
            child.start()
        for child in children:
            child.join()
    else:
        with ProcessPoolExecutor(3, mp_context=context) as pool:
            list(pool.map(work, [10] * 6))
    processor.shutdown()
"""
EXITS = """
paint(5)
for _ in range(4):
    if os.fork() == 0:
        paint(50)
        os._exit(0)
for _ in range(4):
    os.wait()
os._exit(0)
"""
ORPHANS = """
paint(5)
reader, writer = os.pipe()
if os.fork() == 0:
    os.close(writer)
    os.read(reader, 1)
    paint(20)
    processor.shutdown()
    os._exit(0)
os._exit(0)
"""
# Threads end spans all the time while the main thread forks.
BUSY = """
is_over = threading.Event()

def work():
    while not is_over.wait(0.001):
        paint(3)

threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(int(sys.argv[3])):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        paint(3)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
is_over.set()
for thread in threads:
    thread.join()
print(processor.counts["ended"], flush=True)
processor.shutdown()
"""
# Their first decorated calls, which import, while the main thread forks.
FIRST = """
from opentelemetry import trace
from image_tracing import generation
trace.set_tracer_provider(provider)

def first():
    @generation()
    def draw():
        return b"no picture"
    draw()

threads = [threading.Thread(target=first) for _ in range(4)]
for thread in threads:
    thread.start()
child = os.fork()
if child == 0:
    signal.alarm(20)
    first()
    os._exit(0 if processor.force_flush(15_000) else 1)
assert os.waitpid(child, 0)[1] == 0
for thread in threads:
    thread.join()
processor.shutdown()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("kind", ["process", "pool"])
def test_the_children_of_multiprocessing_lose_nothing(
    script: Script, drainer: NewDrainer, folder: Path, database: str, method: str, kind: str
) -> None:
    ended(script(POOLS, method, kind))

    assert drainer().drain(20) is True
    # With spawn each child runs the script's head again, and only main paints five.
    assert rows_in(database) == (65, 0)
    assert segments_in(folder) == []


@pytest.mark.parametrize(("text", "number"), [(EXITS, 205), (ORPHANS, 25)])
@pytest.mark.parametrize("is_away", [True, False])
def test_children_that_exit_hard_or_outlive_their_parent_lose_nothing(
    script: Script,
    drainer: NewDrainer,
    database: str,
    folder: Path,
    text: str,
    number: int,
    is_away: bool,
    until: Until,
) -> None:
    ended(script(text, dsn=NOBODY) if is_away else script(text))

    storing = drainer()
    until(lambda: storing.drain(20) and segments_in(folder) == [])
    assert rows_in(database) == (number, 0)


@pytest.mark.parametrize("forks", ["30", pytest.param("500", marks=pytest.mark.long)])
def test_a_fork_amid_other_threads_appends_hangs_and_loses_nothing(
    script: Script, drainer: NewDrainer, database: str, forks: str
) -> None:
    parents = int(ended(script(BUSY, forks), seconds=60 + int(forks)))

    assert drainer().drain(30) is True
    assert rows_in(database) == (parents + 3 * int(forks), 0)


def test_a_fork_amid_first_calls_hangs_nothing(script: Script, drainer: NewDrainer, database: str) -> None:
    ended(script(FIRST))

    assert drainer().drain(20) is True
    assert rows_in(database) == (5, 0)


def test_a_child_writes_to_a_segment_of_its_own(spool: Spool, folder: Path, records: Records) -> None:
    spool.append(first := records())
    second, third = records(), records()
    if (child := os.fork()) == 0:
        spool.append(second)
        os._exit(int(spool.counts["ended"] != 1))
    assert os.waitpid(child, 0)[1] == 0
    spool.append(third)

    assert len(segments_in(folder)) == 2
    assert sorted(payloads_in(folder)) == sorted([first, second, third])
    assert spool.counts["ended"] == 2


def test_a_child_holds_no_segment_that_its_parent_adopted(folder: Path, records: Records) -> None:
    dead = Spool(folder)
    dead.append(records())
    dead.close()
    [path] = segments_in(folder)
    adopted = Segment.adopted(path)
    assert adopted is not None
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    adopted.close()

    again = Segment.adopted(path)
    os.close(writer)
    os.close(reader)
    os.waitpid(child, 0)
    assert again is not None
    again.close()


def test_a_dead_parent_leaves_no_lock_with_its_children(folder: Path, records: Records) -> None:
    payload = records()
    reader, writer = os.pipe()
    if (parent := os.fork()) == 0:
        Spool(folder).append(payload)
        if os.fork() == 0:
            os.close(writer)
            os.read(reader, 1)
        os._exit(0)
    os.waitpid(parent, 0)
    [path] = segments_in(folder)

    adopted = Segment.adopted(path)
    os.close(writer)
    os.close(reader)
    assert adopted is not None
    adopted.close()


def test_a_child_does_not_keep_what_its_parent_has_in_memory(folder: Path, records: Records) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    spool = Spool(folder)
    spool.append(records())
    if (child := os.fork()) == 0:
        os._exit(int(spool.has_memory))

    assert os.waitpid(child, 0)[1] == 0
    assert spool.has_memory


def test_counts_of_children_are_their_own_and_summed(script: Script, folder: Path) -> None:
    ended(script(EXITS.replace("os._exit(0)", "processor.shutdown(); os._exit(0)")))

    assert spool_state(folder).counts["ended"] == 205


def test_a_fork_from_a_thread_is_no_deadlock(spool: Spool, records: Records, folder: Path) -> None:
    payload = records()
    statuses: list[int] = []

    def fork() -> None:
        if (child := os.fork()) == 0:
            spool.append(payload)
            os._exit(0)
        statuses.append(os.waitpid(child, 0)[1])

    thread = threading.Thread(target=fork)
    thread.start()
    for each in records.many(200):
        spool.append(each)
    thread.join(20)

    assert statuses == [0]
    assert len(payloads_in(folder)) == 201
