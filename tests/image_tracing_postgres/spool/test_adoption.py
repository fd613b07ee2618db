"""What dead processes left: stored once by whoever comes by, and their open generations brought to an end."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from image_tracing_postgres import Store
from image_tracing_postgres.spool import Drainer, Spool, spool_state
from image_tracing_postgres.spool.adoption import Adoption
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.segment import Segment

from .conftest import NewDrainer, Records, Script, ended, rows_in

NOBODY = "host=127.0.0.1 port=9 dbname=nothing"
DRAIN = """
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from image_tracing_postgres.spool import Drainer
drainer = Drainer(Path(sys.argv[1]), sys.argv[2])
sys.stdin.readline()
print(drainer.drain(30), drainer.counts["stored"], flush=True)
drainer.stop(2)
"""


def _dead(folder: Path, payloads: list[bytes]) -> Spool:
    """A spool of a process that is no more."""
    spool = Spool(folder)
    for payload in payloads:
        spool.append(payload)
    spool.close()
    return spool


def test_a_killed_process_loses_nothing(
    script: Script, drainer: NewDrainer, folder: Path, database: str
) -> None:
    process = script("paint(500); say('done'); time.sleep(60)", dsn=NOBODY)
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert drainer().drain(20) is True
    assert rows_in(database) == (500, 0)
    assert segments_in(folder) == []


def test_an_open_generation_of_a_dead_process_has_failed(
    script: Script, drainer: NewDrainer, store: Store
) -> None:
    process = script("span = begin(); begin().end(); say('begun'); os._exit(0)", dsn=NOBODY)
    ended(process)
    assert drainer().drain(20) is True

    found = {(each.status, each.error_class, each.error_message) for each in store.list()}
    assert found == {("completed", None, None), ("failed", "interrupted", "process ended")}


def test_a_generation_that_ended_in_a_later_segment_is_not_interrupted(
    drainer: NewDrainer, records: Records, folder: Path, store: Store
) -> None:
    spool = Spool(folder, limit_bytes=1024 * 1024)
    start, end = records.both()
    open_start, _ = records.both()
    spool.append(start, begins="a")
    spool.append(open_start, begins="b")
    while len(spool.segments) < 2:
        spool.append(records())
    spool.append(end, ends="a")
    spool.close()

    assert drainer().drain(20) is True
    assert [each.error_class for each in store.iter() if each.status != "completed"] == ["interrupted"]


@pytest.mark.parametrize("order", ["end first", "interruption first"])
def test_a_late_end_wins(
    drainer: NewDrainer, records: Records, folder: Path, store: Store, order: str
) -> None:
    start, end = records.both()
    for payload in (end, start) if order == "end first" else (start, end):
        # Each in a segment of its own, as of two processes.
        _dead(folder, [payload])
        assert drainer().drain(20) is True

    [trace] = store.list()
    assert (trace.status, trace.error_class) == ("completed", None)


def test_a_start_that_is_damaged_is_passed_over(
    drainer: NewDrainer, records: Records, folder: Path, store: Store
) -> None:
    broken = records(end_time=None)[:-3] + b'"]]'
    _dead(folder, [broken, records(end_time=None)])

    assert drainer().drain(20) is True
    assert [each.error_class for each in store.list()] == ["interrupted"]
    assert segments_in(folder) == []


def test_hundreds_of_dead_processes_are_adopted_in_seconds(
    drainer: NewDrainer, records: Records, folder: Path, database: str
) -> None:
    for _ in range(300):
        _dead(folder, [records()])

    assert drainer().drain(20) is True
    assert rows_in(database) == (300, 0)
    assert segments_in(folder) == []


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.long)])
def test_two_drainers_and_an_adopter_store_each_span_once(
    drainer: NewDrainer, records: Records, folder: Path, database: str, rounds: int
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", DRAIN, str(folder), database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for _ in range(rounds):
        for _ in range(5):
            _dead(folder, records.many(20))
        drainers = [Drainer(folder, database) for _ in range(3)]
        threads = [threading.Thread(target=each.drain, args=(20,)) for each in drainers]
        for thread in threads:
            thread.start()
        if processes[0].stdin is not None and not processes[0].stdin.closed:
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.close()
        for thread in threads:
            thread.join()
        for each in drainers:
            each.stop(5)
    for process in processes:
        assert process.wait(60) == 0
        assert process.stdout is not None
        process.stdout.close()
    assert drainer().drain(20) is True

    assert rows_in(database) == (100 * rounds, 0)
    assert segments_in(folder) == []
    state = spool_state(folder)
    assert state.counts["stored"] == 100 * rounds


def test_counts_of_the_dead_are_summed_once(script: Script, folder: Path, database: str) -> None:
    for _ in range(3):
        ended(script("paint(5); processor.shutdown(); say('x')", dsn=NOBODY))
    assert spool_state(folder).counts["ended"] == 15
    for _ in range(2):
        adopter = Drainer(folder, database)
        adopter.drain(20)
        adopter.stop(2)

    counts = spool_state(folder).counts
    assert (counts["ended"], counts["stored"]) == (15, 15)
    assert [path.name for path in folder.glob("*.counts")] == ["all.counts"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_segments_of_another_user_are_passed_over(records: Records, database: str) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place) / "spool"
        _dead(folder, [records()])
        for path in (folder, folder.parent):
            path.chmod(0o755)
        child = os.fork()
        if child == 0:
            os.setuid(54_321)
            is_stored = Drainer(folder, database).drain(10)
            os._exit(int(not is_stored or spool_state(folder).unreadable != 1))
        _, status = os.waitpid(child, 0)

        assert (status, len(segments_in(folder))) == (0, 1)
    assert rows_in(database) == (0, 0)


def test_what_a_death_left_half_made_is_cleared(drainer: NewDrainer, folder: Path) -> None:
    folder.mkdir(parents=True)
    old, young = folder / "1-abc-00000001.new", folder / "2-abc-00000001.new"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    assert drainer().drain(10) is True
    assert [path.name for path in folder.glob("*.new")] == [young.name]


def test_an_adopted_segment_knows_its_process(records: Records, folder: Path) -> None:
    _dead(folder, [records(end_time=None), records()])
    [path] = segments_in(folder)
    segment = Segment.adopted(path)
    assert segment is not None

    assert len(Adoption(segment).interrupted()) == 1
    Adoption(segment).finish()
    assert list(folder.glob("*.segment")) == []


def test_a_folder_that_vanishes_is_no_error(drainer: NewDrainer, records: Records, folder: Path) -> None:
    _dead(folder, [records()])
    shutil.rmtree(folder)

    assert drainer().drain(10) is True
