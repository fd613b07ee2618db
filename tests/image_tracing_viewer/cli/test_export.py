"""`image-tracing export`."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from tests.image_tracing_viewer.long_exports import END_OF_THE_CONNECTION, SLEEP, fill, meet

from image_tracing_postgres import terms
from image_tracing_viewer.export import FORMATS

from .conftest import Command, Terminal


def test_json_lines_hold_the_whole_filtered_range(rows: Any, command: Command) -> None:
    for number in range(3):
        rows.add(lesson_id=f"l-{number}", status="completed" if number else "failed")

    shown = command("export", "--status", "completed")

    assert [json.loads(line)["lesson_id"] for line in shown.stdout.splitlines()] == ["l-2", "l-1"]


def test_csv_of_attempts_has_a_row_for_each(rows: Any, command: Command) -> None:
    rows.add(attempts=[{"model": "sdxl"}, {"model": "=HYPERLINK(1)"}])

    table = list(csv.DictReader(io.StringIO(command("export", "--format", "csv", "--of", "attempts").stdout)))

    assert [row["model"] for row in table] == ["sdxl", "'=HYPERLINK(1)"]


def test_filters_hold_for_an_attempt_itself(rows: Any, command: Command) -> None:
    rows.add(
        models_tried=["sdxl", "flux"],
        search_terms=[int(terms.term(terms.MODEL, "flux"))],
        attempts=[{"model": "sdxl"}, {"model": "flux"}],
    )

    shown = command("export", "--of", "attempts", "--model", "flux")

    assert [json.loads(line)["model"] for line in shown.stdout.splitlines()] == ["flux"]


def test_a_file_takes_the_export(rows: Any, command: Command, tmp_path: Path) -> None:
    rows.add(lesson_id="l-1")

    command("export", "--format", "json", "--output", str(tmp_path / "traces.json"))

    assert [trace["lesson_id"] for trace in json.loads((tmp_path / "traces.json").read_text())] == ["l-1"]
    assert [path.name for path in tmp_path.iterdir()] == ["traces.json"]


def test_parquet_goes_into_a_file_or_a_pipe(rows: Any, command: Command, tmp_path: Path) -> None:
    rows.add(lesson_id="l-1")

    command("export", "--format", "parquet", "--output", str(tmp_path / "traces.parquet"))
    piped = command("export", "--format", "parquet").stdout_bytes

    assert pyarrow.parquet.read_table(tmp_path / "traces.parquet")["lesson_id"].to_pylist() == ["l-1"]
    assert pyarrow.parquet.read_table(io.BytesIO(piped))["lesson_id"].to_pylist() == ["l-1"]


def test_parquet_is_kept_from_a_terminal(rows: Any, terminal: Terminal) -> None:
    shown = terminal("export", "--format", "parquet")

    assert shown.exit_code == 2
    assert "--output" in shown.text


def test_an_export_that_takes_its_time_says_how_far_it_is(
    database: str, terminal: Terminal, tmp_path: Path
) -> None:
    fill(database)
    meet(database, "pg_sleep(3)", hours_ago=24)

    shown = terminal("export", "--output", str(tmp_path / "traces.jsonl"))

    assert shown.exit_code == 0
    assert "401/401" in shown.text
    assert len((tmp_path / "traces.jsonl").read_bytes().splitlines()) == 401


def test_a_file_that_cannot_be_written_is_told(command: Command, tmp_path: Path) -> None:
    shown = command("export", "--output", str(tmp_path / "missing" / "traces.jsonl"))

    assert shown.exit_code == 1
    assert "--output" in shown.stderr


def _begun(database: str, output: Path, *words: str) -> subprocess.Popen[str]:
    """An export that waits for a reader, since a pipe has the name that its file has until it is whole."""
    os.mkfifo(output.with_name(output.name + ".part"))
    program = [sys.executable, "-m", "image_tracing_viewer", "export", "--output", str(output), *words]
    return subprocess.Popen([*program, "--database-url", database], stderr=subprocess.PIPE, text=True)


def test_an_export_that_fails_leaves_the_file_that_was_there(database: str, tmp_path: Path) -> None:
    fill(database)
    meet(database, END_OF_THE_CONNECTION, hours_ago=24)
    output = tmp_path / "traces.jsonl"
    output.write_text("before")
    process = _begun(database, output)
    with (tmp_path / "traces.jsonl.part").open("rb") as reader:
        reader.read()
    told = process.communicate(timeout=60)[1]

    assert process.returncode == 1
    assert "it was not written" in told
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("traces.jsonl", "before")]


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_into_a_pipe_that_fails_says_so_and_is_cut(database: str, format_: str) -> None:
    fill(database)
    meet(database, END_OF_THE_CONNECTION, hours_ago=24)
    program = [sys.executable, "-m", "image_tracing_viewer", "export", "--format", format_]

    done = subprocess.run([*program, "--database-url", database], capture_output=True, timeout=60)

    assert done.returncode == 1
    assert b"error: " in done.stderr
    assert len(done.stdout) > 10_000
    assert not done.stdout.endswith((b"\n", b"PAR1"))


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_that_is_killed_has_no_file_of_its_name(
    database: str, tmp_path: Path, format_: str
) -> None:
    fill(database)
    meet(database, SLEEP, hours_ago=24)
    process = _begun(database, tmp_path / "traces", "--format", format_)
    with (tmp_path / "traces.part").open("rb") as reader:
        reader.read(1)
        process.kill()
        reader.read()
    process.communicate(timeout=60)

    assert process.returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["traces.part"]


def test_an_export_that_is_interrupted_leaves_nothing(database: str, tmp_path: Path) -> None:
    fill(database)
    meet(database, SLEEP, hours_ago=24)
    process = _begun(database, tmp_path / "traces.jsonl")
    with (tmp_path / "traces.jsonl.part").open("rb") as reader:
        reader.read(1)
        process.send_signal(signal.SIGINT)
        reader.read()
    process.communicate(timeout=60)

    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []
