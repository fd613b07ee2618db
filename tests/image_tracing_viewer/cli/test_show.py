"""`image-tracing show`."""

import json
import uuid
from typing import Any

from .conftest import Command, Terminal


def test_a_pipe_gets_the_document(rows: Any, command: Command) -> None:
    id_ = rows.add(lesson_id="l-1")

    document = json.loads(command("show", str(id_)).stdout)

    assert document["id"] == str(id_)
    assert [attempt["model"] for attempt in document["image_generation_attempts"]] == ["flux"]


def test_a_terminal_shows_every_attempt(rows: Any, terminal: Terminal) -> None:
    failed = {
        "model": "sdxl",
        "success": False,
        "outcome": "error",
        "error": "no image",
        "error_class": "timeout",
    }
    id_ = rows.add(attempts=[failed, {"model": "flux"}])

    shown = terminal("show", str(id_))

    assert "sdxl" in shown.text
    assert "no image" in shown.text
    assert "flux" in shown.text


def test_an_id_that_is_not_there_has_an_exit_code_of_its_own(command: Command) -> None:
    absent = str(uuid.uuid4())

    shown = command("show", absent)

    assert shown.exit_code == 4
    assert absent in shown.stderr


def test_an_id_that_is_none_is_wrong_usage(command: Command) -> None:
    assert command("show", "lesson-1").exit_code == 2
