"""`image-tracing stats`."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from .conftest import Command, Terminal

DAY = datetime(2025, 10, 26, 10, 30, tzinfo=UTC)
RANGE = ("--from", "2025-10-26", "--to", "2025-10-28")
HOSTILE = "model\x1b[31m\t\u202eend"


def _some(rows: Any) -> None:
    failed = {
        "model": "sdxl",
        "success": False,
        "outcome": "error",
        "error_class": "timeout",
        "duration_ms": 1_500,
    }
    good = {"model": "flux", "provider": "google", "duration_ms": 3_000}
    rows.add(created_at=DAY, models_tried=["sdxl", "flux"], model_used="flux", attempts=[failed, good])


def test_a_pipe_gets_a_heading_and_a_line_for_each_model(rows: Any, command: Command) -> None:
    _some(rows)

    heading, *lines = [line.split("\t") for line in command("stats", *RANGE).stdout.splitlines()]

    [flux, sdxl] = [dict(zip(heading, line, strict=True)) for line in lines]
    assert (flux["model"], flux["duration_ms_p95"], flux["recovery_rate"]) == ("flux", "3000", "1.0")
    assert (sdxl["model"], sdxl["succeeded"], sdxl["recovery_rate"]) == ("sdxl", "0", "")


@pytest.mark.parametrize(
    ("by", "line"),
    [
        ("provider", "google\t1\t1\t1.0"),
        ("error-class", "timeout\t1"),
        ("depth", "2\t1"),
        ("flow", "sdxl\tflux\t1"),
    ],
)
def test_rows_are_by_what_was_asked(rows: Any, command: Command, by: str, line: str) -> None:
    _some(rows)

    assert any(found.startswith(line) for found in command("stats", *RANGE, "--by", by).stdout.splitlines())


def test_rows_by_time_are_days_of_the_zone(rows: Any, command: Command) -> None:
    shown = command("stats", *RANGE, "--by", "time", "--bucket", "day", "--tz", "America/New_York")

    starts = [line.split("\t")[0] for line in shown.stdout.splitlines()]
    assert starts == ["start", "2025-10-26T00:00:00Z", "2025-10-26T04:00:00Z", "2025-10-27T04:00:00Z"]


def test_json_is_the_document_of_the_api(rows: Any, command: Command) -> None:
    rows.add(created_at=DAY, models_tried=[HOSTILE], attempts=[{"model": HOSTILE}])

    [line] = command("stats", *RANGE, "--json").stdout.splitlines()

    assert json.loads(line)["by_model"][0]["model"] == HOSTILE
    assert "\x1b" not in line


def test_nothing_gives_an_empty_table(command: Command) -> None:
    assert command("stats").stdout == ""


def test_a_terminal_shows_the_total_and_a_table(rows: Any, terminal: Terminal) -> None:
    _some(rows)
    rows.add(created_at=DAY, models_tried=[HOSTILE], attempts=[{"model": HOSTILE}])

    shown = terminal("stats", *RANGE)

    assert "2: 2 completed, 0 failed, 0 started" in shown.text
    assert re.search(r"flux +1 +100\.0 % +100\.0 % +1 ", shown.text)
    assert "\x1b[31m" not in shown.text


def test_more_models_than_are_listed_are_counted(rows: Any, command: Command, terminal: Terminal) -> None:
    attempts = [{"model": f"model-{number:03}"} for number in range(203)]
    rows.add(created_at=DAY, models_tried=["model-000"], attempts=attempts)

    lines = command("stats", *RANGE)

    assert len(lines.stdout.splitlines()) == 1 + 200
    assert lines.stderr == "and 3 more, which count in the total\n"
    assert "and 3 more" in terminal("stats", *RANGE).text
    assert "more" not in terminal("stats", *RANGE, "--by", "provider").text


@pytest.mark.parametrize("by", ["model", "provider", "time", "flow"])
def test_eighty_columns_are_enough(rows: Any, terminal: Terminal, by: str) -> None:
    names = ["black-forest-labs/FLUX.1-schnell", "stabilityai/stable-diffusion-3.5-large"]
    failed = {"model": names[0], "success": False, "outcome": "error", "error_class": "model_loading"}
    good = {"model": names[1], "provider": "huggingface", "duration_ms": 172_000}
    rows.add(created_at=DAY, models_tried=names, model_used=names[1], attempts=[failed, good])

    shown = terminal("stats", *RANGE, "--by", by, "--bucket", "day", columns=80)

    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.text).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert not any(re.fullmatch(r"\W*(ms|min|s|%|loading)\W*", line) for line in lines)


def test_rebuilding_makes_right_what_sql_changed(rows: Any, command: Command, database: str) -> None:
    _some(rows)
    command("stats", *RANGE)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM image_attempts WHERE model = 'sdxl'")
    assert command("stats", "--rebuild").stdout == "computed the summaries anew\n"

    assert len(command("stats", *RANGE).stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tz", "Mars/Olympus"), "'Mars/Olympus'"),
        (("--bucket", "year"), "'year'"),
        (("--rebuild", "--json"), "without filters"),
        (("--from", "2025-10-27", "--to", "2025-10-26"), "exchange the two"),
    ],
)
def test_what_cannot_be_asked_is_told(command: Command, words: tuple[str, ...], told: str) -> None:
    shown = command("stats", *words)

    assert shown.exit_code != 0
    assert told in shown.stderr
