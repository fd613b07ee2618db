"""Records that Postgres never takes: each is set aside alone, counted once, and nothing waits for it."""

import json
from pathlib import Path

import psycopg
import pytest

from image_tracing_postgres.spool import Spool, spool_state
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.quarantine import files_in, record_in, set_aside

from .conftest import NewDrainer, Records, Until, rows_in

# As long as a transaction may take in these tests; the default is ten seconds.
SECONDS = 0.4


def _execute(database: str, *statements: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def checked(database: str) -> str:
    """The database, refusing attempts whose prompt is poison."""
    _execute(database, "ALTER TABLE image_attempts ADD CHECK (prompt <> 'poison')")
    return database


@pytest.fixture
def slow(database: str) -> str:
    """The database, taking ten seconds for each attempt whose prompt is slow."""
    _execute(
        database,
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(10); RETURN NEW; END $$",
        "CREATE TRIGGER slow BEFORE INSERT ON image_attempts FOR EACH ROW "
        "WHEN (NEW.prompt = 'slow') EXECUTE FUNCTION slow()",
    )
    return database


def _quarantined(folder: Path) -> list[dict[str, str | None]]:
    return [json.loads(path.read_bytes()) for path in files_in(folder)]


def test_poison_among_hundreds_is_set_aside_alone(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, checked: str
) -> None:
    payloads = records.many(300) + [records("attempt", prompt=f"fox {n}") for n in range(300)]
    poison = [records("attempt", prompt="poison") for _ in range(3)]
    for place, payload in zip((0, 299, 602), poison, strict=True):
        payloads.insert(place, payload)
    storing = drainer(spool=spool)
    for payload in payloads:
        spool.append(payload)

    assert storing.drain(20) is True
    found = _quarantined(folder)
    assert sorted(str(each["record"]) for each in found) == sorted(each.decode() for each in poison)
    assert {each["sqlstate"] for each in found} == {"23514"}
    assert spool.counts.values() | {"ended": 603, "stored": 600, "quarantined": 3} == spool.counts.values()
    assert rows_in(checked)[1] == 300


def test_what_an_index_cannot_hold_is_set_aside(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, database: str
) -> None:
    # Incompressible, and longer than an entry of an index may be.
    _execute(database, "CREATE INDEX ON image_attempts (prompt)")
    long = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(9_000))
    storing = drainer(spool=spool)
    for prompt in ("short", long, "also short"):
        spool.append(records("attempt", prompt=prompt))

    assert storing.drain(20) is True
    assert [each["sqlstate"] for each in _quarantined(folder)] == ["54000"]
    assert rows_in(database)[1] == 2


def test_the_same_poison_twice_is_one_file_and_one_count(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, checked: str
) -> None:
    storing = drainer(spool=spool)
    payload = records("attempt", prompt="poison")
    for _ in range(3):
        spool.append(payload)
        assert storing.drain(10) is True

    assert (len(_quarantined(folder)), spool.counts["quarantined"]) == (1, 1)
    assert spool_state(folder).quarantined == 1


def test_poison_that_comes_again_after_a_failure_counts_once(
    drainer: NewDrainer, records: Records, folder: Path, checked: str
) -> None:
    spool = Spool(folder)
    # The trace of the root is locked: the batch fails after the poison was found, and comes again.
    spool.append(records("attempt", prompt="poison"))
    spool.append(root := records())
    first = drainer(spool=spool, batch_seconds=SECONDS)
    assert first.drain(10) is True
    with psycopg.connect(checked) as connection:
        connection.execute("LOCK TABLE image_traces IN SHARE ROW EXCLUSIVE MODE")
        spool.append(records("attempt", prompt="poison"))
        spool.append(root)
        assert first.drain(1) is False
    assert first.drain(10) is True

    assert (len(_quarantined(folder)), spool.counts["quarantined"]) == (2, 2)
    assert spool.counts["ended"] == spool.counts["stored"] + 2 == 4


def test_the_start_of_poison_is_no_file_of_its_own(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, database: str
) -> None:
    _execute(database, "ALTER TABLE image_traces ADD CHECK (lesson_id <> 'poison')")
    storing = drainer(spool=spool)
    for payload in (records(lesson_id="poison", end_time=None), records(lesson_id="poison")):
        spool.append(payload)

    assert storing.drain(10) is True
    assert [str(each["record"])[:8] for each in _quarantined(folder)] == ['["ended"']
    assert spool.counts.values() | {"ended": 1, "stored": 0, "quarantined": 1} == spool.counts.values()


def test_what_is_no_span_is_set_aside(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path
) -> None:
    storing = drainer(spool=spool)
    spool.append(b'["ended","but nothing else"]')
    spool.append(records())

    assert storing.drain(10) is True
    assert [(each["sqlstate"], each["record"]) for each in _quarantined(folder)] == [
        (None, '["ended","but nothing else"]')
    ]
    assert spool.counts["stored"] == 1


def test_a_slow_record_is_set_aside_while_others_pass(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, slow: str, until: Until
) -> None:
    storing = drainer(spool=spool, batch_seconds=SECONDS)
    spool.append(records("attempt", prompt="slow"))
    passed = 0

    def is_quarantined() -> bool:
        nonlocal passed
        spool.append(records("attempt"))
        passed += 1
        return spool.counts["quarantined"] == 1

    until(is_quarantined)
    assert storing.drain(10) is True
    assert [each["sqlstate"] for each in _quarantined(folder)] == ["57014"]
    assert rows_in(slow)[1] == spool.counts["stored"] == passed


def test_two_slow_records_do_not_stop_hundreds(
    spool: Spool, drainer: NewDrainer, records: Records, slow: str, until: Until
) -> None:
    drainer(spool=spool, batch_seconds=SECONDS)
    for payload in (
        *[records("attempt", prompt="slow") for _ in range(2)],
        *[records("attempt") for _ in range(400)],
    ):
        spool.append(payload)

    until(lambda: spool.counts["stored"] == 400)


def test_a_slow_record_alone_waits_for_ever(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, slow: str
) -> None:
    storing = drainer(spool=spool, batch_seconds=0.1)
    spool.append(records("attempt", prompt="slow"))

    assert storing.drain(3) is False
    assert (spool.counts["quarantined"], _quarantined(folder)) == (0, [])
    _execute(slow, "DROP TRIGGER slow ON image_attempts")
    assert storing.drain(10) is True
    assert spool.counts["stored"] == 1


def test_a_slow_record_of_a_dead_process_does_not_keep_its_segment(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, slow: str, until: Until
) -> None:
    for kind in ("slow", "fine"):
        dead = Spool(folder)
        dead.append(records("attempt", prompt=kind))
        dead.close()
    drainer(spool=spool, batch_seconds=SECONDS).start()
    until(lambda: rows_in(slow)[1] == 1)
    spool.append(records("attempt"))

    until(lambda: len(segments_in(folder)) == 1)


def test_a_locked_table_makes_no_suspect_of_anything(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, database: str
) -> None:
    storing = drainer(spool=spool, batch_seconds=0.1)
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE image_attempts")
        size = sum(spool.append(records("attempt")) for _ in range(200))
        assert storing.drain(3) is False
        waiting = spool_state(folder).waiting_bytes
    assert storing.drain(10) is True

    assert (size, spool.counts["stored"], spool.counts["quarantined"]) == (200, 200, 0)
    assert waiting < 200 * 800


def test_a_stop_blames_no_record_for_its_haste(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, database: str
) -> None:
    storing = drainer(spool=spool)
    with psycopg.connect(database) as connection:
        connection.execute("LOCK TABLE image_attempts")
        spool.append(records("attempt"))
        assert storing.stop(0.5) is False

    assert (_quarantined(folder), spool.counts["quarantined"]) == ([], 0)
    assert drainer().drain(10) is True


def test_a_full_quarantine_is_a_counted_loss(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, checked: str
) -> None:
    folder.mkdir(parents=True)
    (folder / "quarantine").write_text("in the way")
    storing = drainer(spool=spool)
    for prompt in ("fine", "poison", "fine"):
        spool.append(records("attempt", prompt=prompt))

    assert storing.drain(10) is True
    assert spool.counts.values() | {"stored": 2, "dropped_quarantine_full": 1} == spool.counts.values()


def test_a_file_of_the_quarantine_gives_the_record_back(folder: Path, records: Records) -> None:
    payload = records("attempt", prompt="ünïcode")
    kept = [set_aside(folder, payload, sqlstate="22P02", reason="why") for _ in range(2)]
    [path] = files_in(folder)

    assert (kept, record_in(path)) == ([True, None], payload)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.write_text("no JSON")
    assert record_in(path) is None
