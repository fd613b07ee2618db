"""`image-tracing export`."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from .conftest import Command


def test_json_lines_hold_the_whole_filtered_range(rows: Any, command: Command) -> None:
    for number in range(3):
        rows.add(lesson_id=f"l-{number}", status="completed" if number else "failed")

    shown = command("export", "--status", "completed")

    assert [json.loads(line)["lesson_id"] for line in shown.stdout.splitlines()] == ["l-2", "l-1"]


def test_csv_of_attempts_has_a_row_for_each(rows: Any, command: Command) -> None:
    rows.add(attempts=[{"model": "sdxl"}, {"model": "=HYPERLINK(1)"}])

    table = list(csv.DictReader(io.StringIO(command("export", "--format", "csv", "--of", "attempts").stdout)))

    assert [row["model"] for row in table] == ["sdxl", "'=HYPERLINK(1)"]


def test_a_file_takes_the_export(rows: Any, command: Command, tmp_path: Path) -> None:
    rows.add(lesson_id="l-1")

    command("export", "--format", "json", "--output", str(tmp_path / "traces.json"))

    assert [trace["lesson_id"] for trace in json.loads((tmp_path / "traces.json").read_text())] == ["l-1"]


def test_a_file_that_cannot_be_written_is_told(command: Command, tmp_path: Path) -> None:
    shown = command("export", "--output", str(tmp_path / "missing" / "traces.jsonl"))

    assert shown.exit_code == 1
    assert "--output" in shown.stderr
