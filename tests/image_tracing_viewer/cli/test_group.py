"""What all commands have in common."""

import pytest
from click.testing import CliRunner

from image_tracing_viewer.__main__ import missing_extra
from image_tracing_viewer.cli import cli

COMMANDS = (
    "demo",
    "serve",
    "migrate",
    "doctor",
    "list",
    "show",
    "tail",
    "export",
    "delete",
    "database-url",
    "stop",
)
NOWHERE = "host=127.0.0.1 port=9 dbname=nowhere user=reader password=hunter2"


def test_help_names_every_command() -> None:
    shown = CliRunner().invoke(cli, ["--help"])

    assert [name for name in COMMANDS if name not in shown.output] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_a_database_and_shows_an_example(name: str) -> None:
    shown = CliRunner().invoke(cli, [name, "--help"])

    assert shown.exit_code == 0
    assert "--database-url" in shown.output
    assert "Example" in shown.output
    assert "image-tracing" in shown.output.split("Example", 1)[1]


def test_an_unknown_command_is_wrong_usage() -> None:
    shown = CliRunner().invoke(cli, ["paint"])

    assert shown.exit_code == 2
    assert "paint" in shown.output


@pytest.mark.parametrize("words", [["list"], ["export"], ["delete", "--all", "--yes"], ["migrate"]])
def test_a_database_that_is_away_is_told_without_a_traceback(words: list[str]) -> None:
    shown = CliRunner().invoke(cli, [*words, "--database-url", NOWHERE])

    assert shown.exit_code == 1
    assert "error: " in shown.stderr
    assert "Traceback" not in shown.output
    assert "hunter2" not in shown.output


def test_a_value_that_no_filter_takes_is_told(empty_database: str) -> None:
    shown = CliRunner().invoke(cli, ["list", "--from", "yesterday", "--database-url", empty_database])

    assert shown.exit_code == 1
    assert "'yesterday'" in shown.stderr


def test_a_database_without_tables_names_the_command_that_makes_them(empty_database: str) -> None:
    shown = CliRunner().invoke(cli, ["list", "--database-url", empty_database])

    assert shown.exit_code == 1
    assert "image-tracing migrate" in shown.stderr


@pytest.mark.parametrize(
    ("module", "extra"), [("click", "viewer"), ("huggingface_hub", "demo"), ("PIL", "demo")]
)
def test_a_missing_package_is_answered_with_its_extra(module: str, extra: str) -> None:
    told = missing_extra(ModuleNotFoundError(f"No module named {module!r}", name=module))

    assert f"pip install 'image-tracing[{extra}]'" in told
