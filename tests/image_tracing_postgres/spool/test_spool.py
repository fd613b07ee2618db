"""One process's segment files: what is appended is on disk, and what the disk refuses is counted."""

import logging
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from image_tracing_postgres.spool import Spool
from image_tracing_postgres.spool import memory as memories
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.frames import frames_in
from image_tracing_postgres.spool.payloads import identity_of, is_of_ended
from image_tracing_postgres.spool.segment import Segment, cursor_of

from .conftest import Records, payloads_in

MEBIBYTE = 1024 * 1024


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _waiting(spool: Spool) -> list[bytes]:
    taken = spool.take_memory(records=10_000, limit_bytes=2**30)
    spool.give_back(taken)
    return taken


def test_a_record_is_in_a_file_when_append_returns(spool: Spool, folder: Path, records: Records) -> None:
    payloads = records.many(3)

    assert [spool.append(payload) for payload in payloads] == [True, True, True]
    assert payloads_in(folder) == payloads
    assert spool.counts["ended"] == 3


def test_files_are_for_their_owner_alone(folder: Path, records: Records) -> None:
    previous = os.umask(0)
    try:
        spool = Spool(folder)
        spool.append(records())
        spool.advance(spool.segments[0], 1)
    finally:
        os.umask(previous)

    assert _mode(folder) == 0o700
    assert {_mode(path) for path in folder.iterdir()} == {0o600}
    spool.close()


@pytest.mark.parametrize("durability", ["group", "fsync", "none"])
def test_each_durability_keeps_records(folder: Path, records: Records, durability: str) -> None:
    spool = Spool(folder, durability=durability)  # type: ignore[arg-type]
    spool.append(payload := records())
    spool.sync()

    assert payloads_in(folder) == [payload]
    spool.close()


def test_nothing_is_made_before_the_first_record(folder: Path) -> None:
    Spool(folder)

    assert not folder.exists()


def test_a_file_too_large_is_a_record_refused_whole(folder: Path, records: Records, tmp_path: Path) -> None:
    limited = f"""
import resource, sys
from pathlib import Path
from image_tracing_postgres.spool import Spool
spool = Spool(Path({str(folder)!r}))
payload = sys.stdin.buffer.read()
resource.setrlimit(resource.RLIMIT_FSIZE, (len(payload) + 100, resource.RLIM_INFINITY))
first = [spool.append(payload) for _ in range(4)]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
print(first, spool.recover(), spool.append(payload), spool.counts["ended"], spool.counts.dropped)
"""
    payload = records()
    found = subprocess.run([sys.executable, "-c", limited], input=payload, stdout=subprocess.PIPE, check=True)

    assert found.stdout.decode().split() == ["[True,", "False,", "False,", "False]", "True", "True", "5", "0"]
    assert payloads_in(folder) == [payload] * 5


def test_what_the_disk_refuses_waits_in_memory_and_comes_back(folder: Path, records: Records) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    spool = Spool(folder)
    payloads = records.many(5)

    assert [spool.append(payload) for payload in payloads] == [False] * 5
    assert (spool.is_failing, spool.has_memory, spool.recover()) == (True, True, False)
    folder.unlink()
    assert spool.recover() is True
    assert (payloads_in(folder), spool.has_memory, spool.counts.dropped) == (payloads, False, 0)
    spool.close()


def test_memory_is_bounded_and_what_it_loses_is_counted(folder: Path, records: Records) -> None:
    spool = Spool(folder)
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    failed = records.many(10, failed="no")
    payloads = failed + records.many(memories.RECORDS + 90)
    for payload in payloads:
        spool.append(payload)
    spool.append(records(end_time=None))

    kept = _waiting(spool)
    assert len(kept) == memories.RECORDS
    assert set(failed) <= set(kept)
    assert spool.counts["dropped_memory_full"] == len(set(payloads) - set(kept))
    spool.lose_memory()
    spool.append(records())
    assert spool.counts.dropped == spool.counts["ended"] == len(payloads) + 1


def test_a_record_too_long_is_counted_and_the_disk_not_blamed(spool: Spool, records: Records) -> None:
    assert spool.append(b'["ended"' + b"x" * (9 * MEBIBYTE)) is False
    assert spool.add(b'["ended"' + b"x" * (9 * MEBIBYTE)) is False
    assert spool.append(records()) is True
    assert spool.counts.values() | {"ended": 2, "dropped_unreadable": 1} == spool.counts.values()


def test_add_keeps_on_disk_or_not_at_all(folder: Path, records: Records) -> None:
    spool = Spool(folder)
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")

    assert spool.add(records()) is False
    assert (spool.has_memory, spool.counts["ended"]) == (False, 0)
    folder.unlink()
    spool.recover()
    assert spool.add(payload := records()) is True
    assert (payloads_in(folder), spool.counts["ended"]) == ([payload], 1)
    spool.close()


def test_open_generations_are_told_of_in_the_newest_segment(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=MEBIBYTE)
    begun = {str(n): records(end_time=None) for n in range(3)}
    for key, payload in begun.items():
        spool.append(payload, begins=key)
    spool.append(records(), ends="1")
    while len(segments_in(folder)) < 3:
        spool.append(records())

    newest = segments_in(folder)[-1]
    frames = frames_in(newest.read_bytes(), is_whole=True)
    assert [frame.payload for frame in frames][:2] == [begun["0"], begun["2"]]
    spool.close()


def test_thousands_of_open_generations_do_not_fill_segment_after_segment(
    folder: Path, records: Records
) -> None:
    spool = Spool(folder, limit_bytes=MEBIBYTE)
    payload = records(end_time=None)
    for number in range(3_000):
        spool.append(payload, begins=str(number))

    # Each newer segment repeats them; what is new still gets its share of each.
    assert sum(path.stat().st_size for path in segments_in(folder)) < 60 * MEBIBYTE
    assert len(segments_in(folder)) < 30
    spool.close()


def test_a_deleted_folder_loses_nothing(spool: Spool, folder: Path, records: Records) -> None:
    payloads = records.many(3)
    begun = records(end_time=None)
    spool.append(begun, begins="begun")
    for payload in payloads:
        spool.append(payload)
    shutil.rmtree(folder)
    spool.append(last := records())

    assert spool.recover() is True
    assert Counter(payloads_in(folder)) == Counter([*payloads, last, begun, begun])
    assert spool.append(records()) is True
    assert len(segments_in(folder)) == 1


def test_a_deleted_folder_that_cannot_be_made_again_leaves_nothing_behind(
    spool: Spool, folder: Path, records: Records
) -> None:
    spool.append(records())
    shutil.rmtree(folder)
    folder.write_text("in the way")
    descriptors = len(os.listdir("/proc/self/fd"))

    assert [spool.recover() for _ in range(5)] == [False] * 5
    assert len(os.listdir("/proc/self/fd")) == descriptors
    [segment] = spool.segments
    assert segment.rest()
    folder.unlink()
    assert spool.recover() is True
    assert len(payloads_in(folder)) == 1


def test_records_that_are_stored_do_not_stay_on_disk(folder: Path, records: Records) -> None:
    spool = Spool(folder)
    spool.append(begun := records(end_time=None), begins="begun")
    while spool.segments[-1].size < 300 * 1024:
        spool.append(records())
    [segment] = spool.segments
    spool.advance(segment, segment.size)
    spool.release(segment)

    assert payloads_in(folder) == [begun]
    assert not segment.is_open
    spool.close()


def test_a_segment_with_something_left_is_not_released(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=MEBIBYTE)
    while len(spool.segments) < 3:
        spool.append(records())
    before = payloads_in(folder)
    for segment in spool.segments:
        spool.release(segment)

    assert payloads_in(folder) == before
    spool.close()


def test_a_clean_end_leaves_nothing_and_an_open_generation_is_adopted(folder: Path, records: Records) -> None:
    for begins, left in ((None, 0), ("open", 1)):
        spool = Spool(folder)
        spool.append(records(end_time=None), begins=begins)
        [segment] = spool.segments
        spool.advance(segment, segment.size)
        spool.close()
        assert len(segments_in(folder)) == left


def test_an_interrupted_append_costs_no_later_record(spool: Spool, folder: Path, records: Records) -> None:
    spool.append(first := records())
    [segment] = spool.segments
    # As a KeyboardInterrupt leaves it that comes between the write and its note.
    segment.size -= 100
    spool.append(second := records())

    assert spool.size_of(segment) == segments_in(folder)[0].stat().st_size
    assert payloads_in(folder) == [first, second]


def test_threads_append_while_segments_come_and_go(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=4 * MEBIBYTE)
    shares = [records.many(300) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda share=share: [spool.append(each) for each in share])
        for share in shares
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(payloads_in(folder)) == sorted(chain(*shares))
    assert spool.counts["ended"] == 1_200
    spool.close()


def test_few_descriptors_are_held_while_much_waits(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=2 * MEBIBYTE)
    descriptors = len(os.listdir("/proc/self/fd"))
    for payload in records.many(4_000):
        spool.append(payload)

    assert len(os.listdir("/proc/self/fd")) - descriptors <= 20
    spool.close()


def test_a_cursor_is_noted_and_a_damaged_one_is_none(spool: Spool, records: Records) -> None:
    spool.append(records())
    [segment] = spool.segments

    assert cursor_of(segment.path) == 0
    spool.advance(segment, 77)
    assert cursor_of(segment.path) == 77
    segment.path.with_suffix(".cursor").write_bytes(b"x")
    assert cursor_of(segment.path) == 0


def test_segments_of_the_living_cannot_be_adopted(spool: Spool, records: Records) -> None:
    spool.append(records())
    [segment] = spool.segments

    assert Segment.adopted(segment.path) is None
    assert Segment.adopted(segment.path, is_patient=True) is None
    spool.close()
    adopted = Segment.adopted(segment.path)
    assert adopted is not None
    assert Segment.adopted(segment.path) is None
    adopted.close()


def test_reading_a_closed_segment_is_an_error_not_another_file(spool: Spool, records: Records) -> None:
    spool.append(records())
    [segment] = spool.segments
    spool.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        segment.frames(start=0, size=10, limit_bytes=10, is_whole=True)
    assert spool.advance(segment, 5) is False


def test_failures_are_no_lines_in_the_log(
    folder: Path, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    for payload in records.many(100):
        Spool(folder).append(payload)

    assert caplog.records == []


def test_records_tell_what_they_are(records: Records) -> None:
    assert [is_of_ended(records()), is_of_ended(records(end_time=None))] == [True, False]
    found = identity_of(records("attempt", trace_id=0xABC))
    assert found is not None
    assert (found.kind, found.trace_id) == ("ended", f"{0xABC:032x}")
