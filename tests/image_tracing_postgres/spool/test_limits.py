"""A spool that fills up: texts go first, then the oldest attempts, failed generations never."""

import json
import shutil
from pathlib import Path

from image_tracing_postgres.spool import Spool
from image_tracing_postgres.spool.adoption import Adoption
from image_tracing_postgres.spool.compaction import Compaction
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.payloads import identity_of, is_attempt, is_failed_root, is_of_ended
from image_tracing_postgres.spool.room import Room, used_bytes
from image_tracing_postgres.spool.segment import Segment

from .conftest import NewDrainer, Records, payloads_in, rows_in

KIBIBYTE = 1024
LIMIT = 400 * KIBIBYTE
PROMPT = "a watercolour of a lighthouse " * 20
REQUEST = json.dumps({"prompt": PROMPT})


def _fill(spool: Spool, records: Records, number: int) -> list[bytes]:
    """Append attempts, roots and failed roots in turn, as an outage does; what was appended."""
    compaction = Compaction(spool)
    appended = []
    for place in range(number):
        payload = (
            records("attempt", prompt=f"{PROMPT}{place}"),
            records(request=REQUEST),
            records(failed="no answer", request=REQUEST),
        )[place % 3]
        appended.append(payload)
        spool.append(payload)
        if place % 20 == 0:
            spool.room.look()
            compaction.make_room()
    return appended


def _ids(payloads: list[bytes]) -> set[str]:
    return {found.span_id for each in payloads if (found := identity_of(each)) is not None}


def test_below_the_limit_nothing_is_given_up(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=LIMIT)
    appended = _fill(spool, records, 150)

    assert payloads_in(folder) == appended
    spool.close()


def test_texts_are_given_up_first(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=LIMIT)
    appended = _fill(spool, records, 450)

    left = payloads_in(folder)
    assert _ids(left) == _ids(appended)
    assert spool.counts["stripped"] == sum(each not in appended for each in left) > 100
    assert (spool.counts.dropped, used_bytes(folder) < LIMIT) == (0, True)
    spool.close()


def test_then_the_oldest_attempts_and_failed_generations_never(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=LIMIT)
    appended = _fill(spool, records, 1_500)

    left = payloads_in(folder) + spool.take_memory(records=10_000, limit_bytes=2**30)
    lost = _ids(appended) - _ids(left)
    assert spool.counts.dropped == len(lost) > 0
    assert not lost & _ids([each for each in appended if is_failed_root(each)])
    assert len([each for each in left if is_attempt(each)]) < 400
    spool.close()


def test_what_was_given_up_is_stored_without_it(
    folder: Path, records: Records, drainer: NewDrainer, database: str
) -> None:
    spool = Spool(folder, limit_bytes=LIMIT)
    _fill(spool, records, 1_500)

    assert drainer(spool=spool).drain(30) is True
    counts = spool.counts
    assert counts["ended"] == counts["stored"] + counts.dropped == 1_500
    assert sum(rows_in(database)) > 0


def test_segments_of_the_dead_make_room_too(folder: Path, records: Records) -> None:
    dead = Spool(folder, limit_bytes=LIMIT)
    while used_bytes(folder) < 0.95 * LIMIT:
        dead.append(records(request=REQUEST))
    before = len(payloads_in(folder))
    dead.close()
    spool = Spool(folder, limit_bytes=LIMIT)
    spool.append(records())
    Compaction(spool).make_room()

    assert used_bytes(folder) < 0.8 * LIMIT
    assert len(payloads_in(folder)) == before + 1
    assert spool.append(records()) is True
    spool.close()


def test_what_the_dead_left_open_is_still_known_when_room_was_made(folder: Path, records: Records) -> None:
    dead = Spool(folder)
    dead.append(records(end_time=None), begins="a")
    [segment] = dead.segments
    segment.cursor = segment.measure()
    segment.note_cursor()
    while used_bytes(folder) < 1.1 * LIMIT:
        dead.append(records(request=REQUEST))
    dead.close()
    [path] = segments_in(folder)
    spool = Spool(folder, limit_bytes=LIMIT)
    spool.append(records())
    Compaction(spool).make_room()

    adopted = Segment.adopted(path)
    assert adopted is not None
    assert adopted.cursor == 0
    assert len(Adoption(adopted).interrupted()) == 1
    adopted.close()
    spool.close()


def test_damage_that_is_met_while_making_room_is_counted(folder: Path, records: Records) -> None:
    dead = Spool(folder, limit_bytes=16 * LIMIT)
    while used_bytes(folder) < 1.1 * LIMIT:
        dead.append(records(request=REQUEST))
    dead.close()
    path = segments_in(folder)[0]
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\0\0\0\0")
    spool = Spool(folder, limit_bytes=LIMIT)
    spool.append(records())
    Compaction(spool).make_room()

    assert spool.counts["dropped_damaged"] == 1
    spool.close()


def test_a_full_spool_takes_failed_generations_only(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=20 * KIBIBYTE)
    while not spool.room.is_full:
        spool.append(records())
    full = payloads_in(folder)

    assert spool.append(failed := records(failed="no answer")) is True
    assert spool.append(records()) is False
    assert spool.add(records()) is False
    assert [identity_of(each) for each in payloads_in(folder)[len(full) :]] == [identity_of(failed)]
    assert spool.counts.dropped == 0
    spool.close()


def test_memory_of_a_full_spool_is_counted_as_that(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=20 * KIBIBYTE)
    for payload in records.many(3_000):
        spool.append(payload)

    kept = len(payloads_in(folder)) + len(spool.take_memory(records=10_000, limit_bytes=2**30))
    assert spool.counts["dropped_spool_full"] == spool.counts["ended"] - kept > 0
    assert spool.counts["dropped_memory_full"] == 0
    spool.close()


def test_a_disk_with_too_little_left_is_full(tmp_path: Path) -> None:
    disk = shutil.disk_usage(tmp_path)
    room = Room(tmp_path, disk.total * 2)
    room.look()
    assert (room.is_full, room.is_low) == (False, room._left_on_disk < room._low_bytes)
    room.used_bytes += disk.free

    assert room.is_full


def test_of_a_large_disk_a_gibibyte_is_enough(tmp_path: Path) -> None:
    disk = shutil.disk_usage(tmp_path)
    room = Room(tmp_path, 512 * KIBIBYTE * KIBIBYTE)
    room.look()

    assert disk.free - room._left_on_disk <= KIBIBYTE**3 + 64 * KIBIBYTE * KIBIBYTE


def test_a_missing_folder_has_room(tmp_path: Path) -> None:
    room = Room(tmp_path / "nothing", LIMIT)
    room.look()

    assert (room.used_bytes, room.is_low, room.is_full) == (0, False, False)


def test_compaction_forgets_segments_that_are_gone(folder: Path, records: Records) -> None:
    spool = Spool(folder, limit_bytes=LIMIT)
    compaction = Compaction(spool)
    while used_bytes(folder) < 0.95 * LIMIT:
        spool.append(records(request=REQUEST))
    spool.room.look()
    compaction.make_room()
    assert compaction._done
    for path in segments_in(folder)[:-1]:
        path.unlink()
    spool.room.used_bytes = LIMIT
    compaction.make_room()

    assert set(compaction._done) <= set(segments_in(folder))
    assert all(is_of_ended(each) for each in payloads_in(folder))
    spool.close()
