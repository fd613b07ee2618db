"""A spool looked at from outside: what waits, since when, for whom, and what became of the rest."""

import json
import os
import time
from pathlib import Path

import pytest

from image_tracing_postgres.spool import REASONS, Counts, Spool, SpoolState, spool_state
from image_tracing_postgres.spool.counts import read_counts, write_counts
from image_tracing_postgres.spool.keeper import Keeper
from image_tracing_postgres.spool.totals import add_to_total

from .conftest import NewDrainer, Records, Until

NOBODY = "host=127.0.0.1 port=9 dbname=nothing"


def test_no_folder_is_all_zeros(folder: Path) -> None:
    state = spool_state(folder)

    assert state == SpoolState(folder, counts=dict.fromkeys(REASONS, 0))
    assert not folder.exists()


def test_what_waits_is_told_until_it_is_stored(
    spool: Spool, folder: Path, records: Records, drainer: NewDrainer
) -> None:
    for payload in records.many(10):
        spool.append(payload)
    waiting = spool_state(folder)
    assert (waiting.segments, waiting.orphans, waiting.unreadable) == (1, 0, 0)
    assert waiting.waiting_bytes == waiting.used_bytes == spool.segments[0].size

    assert drainer(spool=spool).drain(10)
    stored = spool_state(folder)
    assert (stored.waiting_bytes, stored.oldest_age_seconds) == (0, 0.0)


def test_segments_of_the_dead_are_orphans_and_stay_adoptable(
    folder: Path, records: Records, drainer: NewDrainer
) -> None:
    dead = Spool(folder)
    dead.append(records())
    dead.close()

    assert [spool_state(folder).orphans for _ in range(3)] == [1, 1, 1]
    assert drainer().drain(10) is True
    assert spool_state(folder).segments == 0


def test_the_age_is_that_of_the_oldest_record_that_waits(folder: Path, records: Records, new: object) -> None:
    spool = Spool(folder)
    now = time.time_ns()
    ages = (500, 300, 100)
    ends = []
    for age in ages:
        spool.append(records(start_time=now - (age + 1) * 10**9, end_time=now - age * 10**9))
        ends.append(spool.segments[0].size)

    assert spool_state(folder).oldest_age_seconds == pytest.approx(500, abs=5)
    spool.advance(spool.segments[0], ends[1])
    assert spool_state(folder).oldest_age_seconds == pytest.approx(100, abs=5)
    spool.close()


def test_an_age_never_is_below_zero_nor_out_of_this_world(folder: Path, records: Records) -> None:
    spool = Spool(folder)
    spool.append(records(start_time=0, end_time=0))
    assert 0 <= spool_state(folder).oldest_age_seconds < 60
    spool.close()
    spool = Spool(folder)
    spool.append(records(start_time=2**62, end_time=2**62))

    assert 0 <= spool_state(folder).oldest_age_seconds < 60
    spool.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_counted(folder: Path, records: Records) -> None:
    spool = Spool(folder)
    spool.append(records())
    spool.segments[0].path.chmod(0)

    assert spool_state(folder).unreadable == 1
    spool.close()


def test_figures_of_all_processes_are_summed_once(folder: Path) -> None:
    folder.mkdir(parents=True)
    for process, number in (("1-a", 5), ("2-b", 7)):
        write_counts(folder / f"{process}.counts", {"ended": number, "stored": 1})
    for _ in range(3):
        add_to_total(folder, "1-a")
        add_to_total(folder, "3-c")

    assert (spool_state(folder).counts["ended"], spool_state(folder).counts["stored"]) == (12, 2)
    assert sorted(path.name for path in folder.glob("*.counts")) == ["2-b.counts", "all.counts"]


@pytest.mark.parametrize(
    "text", ["", "[]", "x", '{"ended": "5", "stored": true, "else": 7, "dropped": null}']
)
def test_a_damaged_file_of_counts_counts_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.counts"
    path.write_text(text)

    assert read_counts(path) == {}


def test_counts_are_exact_and_know_their_reasons() -> None:
    counts = Counts()
    counts.add("ended", 3)
    counts.add("dropped_at_exit", 2)
    counts.add("dropped_damaged")

    assert (counts["ended"], counts.dropped, counts.values()["stored"]) == (3, 3, 0)
    with pytest.raises(KeyError):
        counts.add("vanished")
    counts.forget()
    assert counts.dropped == 0


def test_figures_of_a_living_process_are_in_a_file_within_seconds(
    spool: Spool, folder: Path, records: Records, drainer: NewDrainer, until: Until
) -> None:
    drainer(spool=spool, dsn=NOBODY)
    spool.append(records())

    until(lambda: spool_state(folder).counts["ended"] == 1)
    [path] = folder.glob("*.counts")
    assert json.loads(path.read_bytes())["ended"] == 1
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_loss_is_told_of_at_the_end(
    spool: Spool, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper(spool)
    spool.append(records())
    spool.counts.add("dropped_memory_full", 3)
    keeper.stop()

    [told] = [each.getMessage() for each in caplog.records]
    assert told == f"in the last minute: 3 {REASONS['dropped_memory_full']}"


def test_a_keeper_brings_records_back_when_the_disk_does(
    folder: Path, records: Records, drainer: NewDrainer, until: Until
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    spool = Spool(folder)
    drainer(spool=spool, dsn=NOBODY)
    assert spool.add(records()) is False
    folder.unlink()

    until(lambda: spool.add(records()))
