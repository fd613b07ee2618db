"""`image-tracing drain`, and that reading commands see what ended programs left."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo
from tests.image_tracing_viewer.conftest import Leftovers

from image_tracing_postgres.spool import spool_folder
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.store import Store
from image_tracing_viewer.backlog import ends_of, is_stored
from image_tracing_viewer.cli import cli

from .conftest import Command, Terminal

KILLED = """
import os, sys
import image_tracing_postgres
from image_tracing import generation
image_tracing_postgres.configure(sys.argv[1])
with generation(lesson_id="ended"):
    pass
with generation(lesson_id="open"):
    os._exit(9)
"""


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One for each test: the command also tells of spans for other databases, and other tests leave some."""
    folder = tmp_path / "data"
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(folder))
    return folder


def drain(database_url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as a program of its own."""
    program = [sys.executable, "-m", "image_tracing_viewer", "drain", "--database-url", database_url, *words]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def refuse(database: str, lesson: str) -> None:
    """Let the database refuse a lesson, as a constraint of the user's own would."""
    with psycopg.connect(database) as connection:
        connection.execute(f"ALTER TABLE image_traces ADD CONSTRAINT ours CHECK (lesson_id <> '{lesson}')")


def accept(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE image_traces DROP CONSTRAINT ours")


def test_what_a_killed_process_left_is_stored(database: str, store: Store) -> None:
    subprocess.run([sys.executable, "-c", KILLED, database], check=False)

    shown = drain(database)

    assert (shown.returncode, shown.stderr) == (0, "")
    found = {trace.lesson_id: (trace.status, trace.error_class) for trace in store.list()}
    assert found == {"ended": ("completed", None), "open": ("failed", "interrupted")}


def test_the_number_of_stored_spans_is_told(command: Command, leftovers: Leftovers) -> None:
    leftovers.add("l-1", "l-2")

    shown = command("drain")

    assert (shown.exit_code, shown.stdout) == (0, "stored 4 spans\n")
    assert command("drain").stdout == "nothing waits\n"


def test_an_empty_spool_starts_no_embedded_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("IMAGE_TRACING_DATABASE_URL", raising=False)

    shown = CliRunner().invoke(cli, ["drain"])

    assert (shown.exit_code, shown.stdout) == (0, "nothing waits\n")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_the_database_refuses_is_told_with_its_place(
    database: str, leftovers: Leftovers, store: Store
) -> None:
    refuse(database, "l-2")
    leftovers.add("l-1", "l-2", "l-3")

    shown = drain(database)

    assert shown.returncode == 3
    assert str(leftovers.folder / "quarantine") in shown.stderr
    assert sorted(str(trace.lesson_id) for trace in store.list()) == ["l-1", "l-3"]


def test_quarantined_records_are_stored_once_the_cause_is_mended(
    database: str, command: Command, leftovers: Leftovers, store: Store
) -> None:
    refuse(database, "l-1")
    leftovers.add("l-1")
    assert command("drain").exit_code == 3
    assert command("drain", "--quarantined").exit_code == 3
    accept(database)

    shown = command("drain", "--quarantined")

    assert (shown.exit_code, shown.stdout) == (0, "stored 2 spans\n")
    assert [(trace.lesson_id, len(trace.attempts)) for trace in store.list()] == [("l-1", 1)]
    assert list((leftovers.folder / "quarantine").iterdir()) == []


def test_one_quarantined_record_does_not_keep_the_others_there(
    database: str, command: Command, leftovers: Leftovers, store: Store
) -> None:
    refuse(database, "l-1")
    leftovers.add("l-1")
    assert command("drain").exit_code == 3
    accept(database)
    (leftovers.folder / "quarantine" / "a-broken.json").write_text("{")

    shown = command("drain", "--quarantined", "--json")

    assert shown.exit_code == 3
    assert (json.loads(shown.stdout)["stored"], json.loads(shown.stdout)["quarantined"]) == (2, 1)


def test_a_database_that_is_away_is_told_and_nothing_is_lost(
    absent_leftovers: Leftovers, absent_store: Store
) -> None:
    absent_leftovers.add("l-1")

    shown = drain(str(absent_store.dsn), "--timeout", "0.5")

    assert shown.returncode == 1
    assert "2 spans" in shown.stderr
    assert "connection refused" in shown.stderr
    assert "hunter2" not in shown.stderr
    assert len(segments_in(absent_leftovers.folder)) == 1


def test_records_of_a_living_process_are_waited_for(database: str, leftovers: Leftovers) -> None:
    living = leftovers.add("l-1", closing=False)

    shown = drain(database, "--timeout", "0.5", "--json")

    told = json.loads(shown.stdout)
    assert (shown.returncode, told["waiting"]) == (1, 2)
    assert str(os.getpid()) in told["problem"]
    living.close()
    assert drain(database).returncode == 0


def test_a_spool_of_another_user_is_not_taken_for_an_empty_one(
    command: Command, leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    leftovers.add("l-1")
    # Root may read anything, so that the right itself cannot be taken away here.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != leftovers.folder)

    shown = command("drain")

    assert shown.exit_code == 1
    assert "belongs to another user" in shown.stderr


def test_what_a_busy_process_adds_meanwhile_is_not_waited_for(leftovers: Leftovers) -> None:
    living = leftovers.add("l-1", closing=False)
    ends = ends_of(leftovers.folder)
    leftovers.fill(living, "l-2")
    [(segment, end)] = ends.items()

    segment.with_suffix(".cursor").write_bytes(end.to_bytes(8, "little"))

    assert end < segment.stat().st_size
    assert is_stored(segment, end)
    living.close()


def test_spools_of_other_databases_are_told(
    database: str, spans: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    other = Leftovers(spool_folder(tmp_path, make_conninfo(database, dbname="elsewhere")), spans)
    other.add("l-1", seconds_ago=60)

    shown = drain(database)

    assert shown.returncode == 0
    assert "2 spans for another database" in shown.stderr
    assert "elsewhere" in shown.stderr


def test_a_person_sees_the_result(terminal: Terminal, leftovers: Leftovers) -> None:
    leftovers.add("l-1")

    shown = terminal("drain")

    assert shown.exit_code == 0
    assert "stored 2 spans" in shown.text


@pytest.mark.parametrize("words", [("list",), ("export",), ("list", "--json")])
def test_reading_sees_what_a_program_left_that_ended(
    command: Command, leftovers: Leftovers, words: tuple[str, ...]
) -> None:
    leftovers.add("l-just-now")

    shown = command(*words)

    assert "l-just-now" in shown.stdout
    assert segments_in(leftovers.folder) == []


def test_what_is_deleted_does_not_come_back(command: Command, leftovers: Leftovers) -> None:
    leftovers.add("l-1")

    assert command("delete", "--all", "--yes").stdout == "deleted 1\n"

    assert len(command("list").stdout.splitlines()) == 1


def test_reading_leaves_living_processes_alone(command: Command, leftovers: Leftovers) -> None:
    living = leftovers.add("l-1", closing=False)

    shown = command("list")

    assert (shown.exit_code, shown.stderr) == (0, "")
    assert len(segments_in(leftovers.folder)) == 1
    living.close()


def test_a_role_that_may_only_read_is_told_what_it_does_not_see(
    database: str, leftovers: Leftovers, rows: Any
) -> None:
    rows.add(lesson_id="l-old")
    leftovers.add("l-new")
    read_only = make_conninfo(database, options="-c default_transaction_read_only=on")

    shown = CliRunner().invoke(cli, ["list", "--database-url", read_only])

    assert shown.exit_code == 0
    assert "l-old" in shown.stdout
    assert "2 spans still to be stored" in shown.stderr
