"""`image-tracing list`."""

import json
from typing import Any

from .conftest import Command, Terminal

HOSTILE = "lesson\x1b[31m\t\x9b2J\u202eend\nof line"


def test_a_pipe_gets_a_heading_and_a_line_for_each_trace(rows: Any, command: Command) -> None:
    rows.add(lesson_id="l-1", model_used="flux", models_tried=["sdxl", "flux"])

    heading, line = command("list").stdout.splitlines()

    trace = dict(zip(heading.split("\t"), line.split("\t"), strict=True))
    assert trace["lesson_id"] == "l-1"
    assert trace["models_tried"] == "sdxl,flux"


def test_an_empty_database_gives_the_heading_alone(command: Command) -> None:
    assert len(command("list").stdout.splitlines()) == 1


def test_filters_choose_among_the_traces(rows: Any, command: Command) -> None:
    rows.add(lesson_id="l-1")
    rows.add(lesson_id="l-2")

    shown = command("list", "--lesson-id", "l-2", "--json")

    assert [json.loads(line)["lesson_id"] for line in shown.stdout.splitlines()] == ["l-2"]


def test_the_limit_keeps_the_newest(rows: Any, command: Command) -> None:
    for number in range(3):
        rows.add(lesson_id=f"l-{number}")

    shown = command("list", "--limit", "1", "--json")

    assert [json.loads(line)["lesson_id"] for line in shown.stdout.splitlines()] == ["l-2"]


def test_json_is_one_document_a_line_whatever_is_in_it(rows: Any, command: Command) -> None:
    rows.add(lesson_id=HOSTILE)

    [line] = command("list", "--json").stdout.splitlines()

    assert json.loads(line)["lesson_id"] == HOSTILE
    assert "\x9b" not in line


def test_a_terminal_shows_a_table(rows: Any, terminal: Terminal) -> None:
    id_ = rows.add(lesson_id="l-1", model_used="flux", status="completed")

    shown = terminal("list")

    assert "l-1" in shown.text
    assert "flux" in shown.text
    assert str(id_) in shown.text


def test_hostile_text_does_not_reach_the_terminal(rows: Any, terminal: Terminal) -> None:
    rows.add(lesson_id=HOSTILE)

    shown = terminal("list")

    assert "\\x1b[31m" in shown.text
    assert "\x1b[31m" not in shown.text
    assert "\u202e" not in shown.text


def test_hostile_text_keeps_its_line_in_a_pipe(rows: Any, command: Command) -> None:
    rows.add(lesson_id=HOSTILE)

    assert len(command("list").stdout.splitlines()) == 2
