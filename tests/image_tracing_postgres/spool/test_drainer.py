"""From the spool into Postgres: stored once, let go of after the commit, and waited for when it is away."""

import logging
import random
import shutil
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, process_time, sleep

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from image_tracing_postgres import Store
from image_tracing_postgres.migrate import migrate
from image_tracing_postgres.spool import Spool, spool_folder, spool_state
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.pause import Pause

from .conftest import NewDrainer, Records, Until, payloads_in, rows_in

NOBODY = "host=127.0.0.1 port=9 dbname=nothing"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=20) as server:
        yield f"host=127.0.0.1 port={server.getsockname()[1]} dbname=silent"


def _all_of(spool: Spool) -> dict[str, int]:
    return {reason: number for reason, number in spool.counts.values().items() if number}


def test_what_is_appended_is_stored_soon(
    spool: Spool, drainer: NewDrainer, records: Records, until: Until, database: str
) -> None:
    drainer(spool=spool)
    began = monotonic()
    for payload in [*records.many(20), records("attempt", trace_id=1, root=1)]:
        spool.append(payload)
    until(lambda: spool.counts["stored"] == 21)

    assert monotonic() - began < 5
    assert rows_in(database) == (20, 1)


def test_a_clean_end_leaves_an_empty_folder_but_for_the_counts(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path
) -> None:
    stored = drainer(spool=spool)
    for payload in records.many(10):
        spool.append(payload)

    assert stored.stop(10) is True
    assert sorted(path.name for path in folder.iterdir()) == ["all.counts", "counts.lock"]
    assert spool_state(folder).counts["stored"] == 10


def test_a_drain_of_nothing_asks_no_database(drainer: NewDrainer) -> None:
    assert drainer(dsn=NOBODY).drain(10) is True


@pytest.mark.parametrize("has_record", [True, False])
def test_a_database_that_is_away_ends_no_wait_late(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, has_record: bool
) -> None:
    away = drainer(dsn=NOBODY, spool=spool)
    payloads = records.many(5) if has_record else []
    for payload in payloads:
        spool.append(payload)
    began = monotonic()

    assert away.drain(0.5) is not has_record
    assert away.stop(1) is not has_record
    assert monotonic() - began < 3
    assert payloads_in(folder) == payloads
    assert _all_of(spool) == ({"ended": 5} if has_record else {})


def test_a_silent_server_ends_no_wait_late(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path, silent: str
) -> None:
    quiet = drainer(dsn=silent, spool=spool)
    spool.append(payload := records())
    sleep(0.3)
    began = monotonic()

    assert quiet.stop(2) is False
    assert monotonic() - began < 2.5
    assert payloads_in(folder) == [payload]


def test_a_database_that_comes_back_gets_everything_once(
    spool: Spool, drainer: NewDrainer, records: Records, until: Until, database: str
) -> None:
    away = make_conninfo(database, dbname=(name := psycopg.conninfo.conninfo_to_dict(database)["dbname"]))
    assert name
    with psycopg.connect(make_conninfo(database, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        waiting = drainer(dsn=away, spool=spool)
        for payload in records.many(50):
            spool.append(payload)
        assert waiting.drain(0.5) is False
        assert waiting.problem is not None
        assert "not currently accepting connections" in waiting.problem
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    assert waiting.drain(10) is True
    assert waiting.problem is None
    assert rows_in(database) == (50, 0)
    assert _all_of(spool) == {"ended": 50, "stored": 50}


def test_waits_grow_and_an_unanswered_drain_does_not_end_them(
    spool: Spool, drainer: NewDrainer, records: Records, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        asked = _counted(server)
        away = drainer(dsn=f"host=127.0.0.1 port={server.getsockname()[1]}", spool=spool)
        spool.append(records())
        assert away.drain(1.5) is False
        begun = len(asked)
        sleep(3)
        assert 3 <= begun <= 12
        assert len(asked) - begun <= 3


def _counted(server: socket.socket) -> list[float]:
    """When clients came; each is sent away at once."""
    asked: list[float] = []

    def serve() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            asked.append(monotonic())
            client.close()

    threading.Thread(target=serve, daemon=True).start()
    return asked


@pytest.mark.parametrize("cause", ["tables", "grant", "role"])
def test_what_passes_with_time_is_waited_for(
    spool: Spool,
    drainer: NewDrainer,
    records: Records,
    empty_database: str,
    role: str,
    cause: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if cause != "tables":
        migrate(empty_database)
    if cause == "grant":
        _execute(empty_database, f"CREATE ROLE {role} BYPASSRLS")
    waiting = drainer(
        dsn=make_conninfo(empty_database, options="" if cause == "tables" else f"-c role={role}"), spool=spool
    )
    spool.append(records())
    for _ in range(3):
        assert waiting.drain(0.3) is False
    told = [each for each in caplog.records if "spans wait" in each.getMessage()]
    if cause == "role":
        _execute(empty_database, f"CREATE ROLE {role} BYPASSRLS")
    if cause == "tables":
        migrate(empty_database)
    else:
        _execute(empty_database, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}")

    assert waiting.drain(10) is True, waiting.problem
    assert len(told) == 1
    assert rows_in(empty_database) == (1, 0)
    waiting.stop(1)


@pytest.fixture
def role(empty_database: str) -> Iterator[str]:
    """The name of a role that is dropped in the end, if it was created."""
    name = f"role_{uuid.uuid4().hex}"
    yield name
    with suppress(psycopg.errors.UndefinedObject):
        _execute(empty_database, f"DROP OWNED BY {name}; DROP ROLE {name}")


def _execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)


def test_spans_for_one_database_never_reach_another(
    drainer: NewDrainer, records: Records, tmp_path: Path, database: str
) -> None:
    other = Spool(spool_folder(tmp_path, NOBODY))
    other.append(records())
    other.close()
    ours = drainer(folder=spool_folder(tmp_path, database))

    assert ours.drain(10) is True
    assert rows_in(database) == (0, 0)
    assert len(payloads_in(other.folder)) == 1


def test_a_lost_cursor_costs_a_repetition_only(
    spool: Spool, drainer: NewDrainer, records: Records, database: str, folder: Path
) -> None:
    first = drainer(spool=spool)
    for payload in [*records.many(10), *records.many(10, kind="attempt")]:
        spool.append(payload)
    assert first.drain(10)
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy)
    for path in copy.glob("*.cursor"):
        path.unlink()

    assert drainer(folder=copy).drain(10) is True
    assert rows_in(database) == (20, 10)
    assert segments_in(copy) == []


def test_deleted_generations_do_not_come_back(
    spool: Spool, drainer: NewDrainer, records: Records, store: Store, folder: Path, database: str
) -> None:
    first = drainer(spool=spool)
    for payload in records.many(5):
        spool.append(payload)
    assert first.drain(10)
    for trace in store.list():
        store.delete(trace.id)
    assert first.stop(5)

    assert drainer().drain(10) is True
    assert rows_in(database) == (0, 0)


def test_damage_is_counted_once_and_the_rest_is_stored(
    spool: Spool, drainer: NewDrainer, records: Records, database: str, folder: Path
) -> None:
    for payload in records.many(5):
        spool.append(payload)
    spool.close()
    [path] = segments_in(folder)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data) + b"\xf9IT\x01" * 1_000_000)
    adopter = drainer()

    assert adopter.drain(20) is True
    assert adopter.counts.values() | {"stored": 4, "dropped_damaged": 2} == adopter.counts.values()
    assert rows_in(database)[0] == 4
    assert segments_in(folder) == []


def test_a_folder_deleted_while_the_database_is_away_loses_nothing(
    spool: Spool, drainer: NewDrainer, records: Records, until: Until, folder: Path, database: str
) -> None:
    away = drainer(dsn=NOBODY, spool=spool)
    for payload in records.many(10):
        spool.append(payload)
    shutil.rmtree(folder)
    spool.append(records())
    until(lambda: len(payloads_in(folder)) == 11)
    away.stop(1)

    assert drainer().drain(10) is True
    assert rows_in(database) == (11, 0)


def test_what_the_disk_does_not_take_is_stored_out_of_memory(
    drainer: NewDrainer, records: Records, folder: Path, database: str
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    spool = Spool(folder)
    storing = drainer(spool=spool)
    for payload in records.many(100):
        spool.append(payload)

    assert storing.drain(10) is True
    assert _all_of(spool) == {"ended": 100, "stored": 100}
    assert rows_in(database) == (100, 0)


def test_what_is_only_in_memory_at_the_end_is_counted(
    drainer: NewDrainer, records: Records, folder: Path
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    spool = Spool(folder)
    away = drainer(dsn=NOBODY, spool=spool)
    for payload in records.many(7):
        spool.append(payload)
    away.stop(0.5)
    spool.append(records())

    assert _all_of(spool) == {"ended": 8, "dropped_at_exit": 8}


def test_an_idle_drainer_hardly_wakes(spool: Spool, drainer: NewDrainer, records: Records) -> None:
    idle = drainer(spool=spool)
    spool.append(records())
    assert idle.drain(10)
    sleep(1.5)
    began = process_time()
    sleep(3)

    assert process_time() - began < 0.03


def test_appending_goes_on_while_threads_and_the_drainer_are_at_it(
    drainer: NewDrainer, records: Records, folder: Path, database: str
) -> None:
    spool = Spool(folder, limit_bytes=16 * 1024 * 1024)
    storing = drainer(spool=spool)
    shares = [records.many(500) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda share=share: [spool.append(each) for each in share])
        for share in shares
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert storing.drain(20) is True
    assert _all_of(spool) == {"ended": 2_000, "stored": 2_000}
    assert rows_in(database) == (2_000, 0)


def test_a_stopped_drainer_answers_and_does_not_start_again(
    spool: Spool, drainer: NewDrainer, records: Records, folder: Path
) -> None:
    stopped = drainer(spool=spool)
    spool.append(records())
    assert stopped.stop(5) is True
    spool.append(later := records())

    assert stopped.drain(0.2) is False
    assert payloads_in(folder) == [later]


def test_nothing_is_logged_when_all_is_well(
    spool: Spool, drainer: NewDrainer, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    well = drainer(spool=spool)
    spool.append(records())

    assert well.stop(5) is True
    assert caplog.records == []


def test_the_hosts_random_numbers_are_left_alone(
    spool: Spool, drainer: NewDrainer, records: Records, database: str
) -> None:
    before = random.getstate()
    away, working = drainer(dsn=NOBODY, spool=Spool(spool.folder)), drainer(spool=spool)
    spool.append(records())

    assert working.drain(10) is True
    away.drain(0.5)
    assert random.getstate() == before


def test_pauses_are_for_a_host_at_work(spool: Spool, records: Records) -> None:
    pause = Pause(spool)
    spool.append(records())
    began = monotonic()
    pause()
    assert monotonic() - began >= 0.000_05

    spool.appended_at -= 10
    began = monotonic()
    for _ in range(10_000):
        pause()
    assert monotonic() - began < 0.4
