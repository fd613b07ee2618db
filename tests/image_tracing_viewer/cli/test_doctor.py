"""`image-tracing doctor`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from image_tracing_viewer.cli import cli

from .conftest import Command, Terminal


def verdicts(text: str) -> dict[str, str]:
    return {finding["subject"]: finding["verdict"] for finding in map(json.loads, text.splitlines())}


def test_a_good_database_has_nothing_wrong(command: Command) -> None:
    shown = command("doctor", "--json")

    assert shown.exit_code == 0
    assert verdicts(shown.stdout)["schema"] == "good"
    assert "wrong" not in verdicts(shown.stdout).values()


def test_a_database_without_tables_is_wrong_and_says_what_to_do(empty_database: str) -> None:
    shown = CliRunner().invoke(cli, ["doctor", "--database-url", empty_database])

    assert shown.exit_code == 1
    assert "image-tracing migrate" in shown.stdout


def test_secrets_stay_out_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATABASE_URL", "postgresql://reader:hunter2@127.0.0.1:9/nowhere")
    monkeypatch.setenv("IMAGE_TRACING_TOKEN", "open-sesame")
    monkeypatch.setenv("IMAGE_TRACING_ALERT_URLS", "json://me:open-sesame@127.0.0.1:9/,slack://open-sesame")

    shown = CliRunner().invoke(cli, ["doctor"])

    assert shown.exit_code == 1
    assert "hunter2" not in shown.output
    assert "open-sesame" not in shown.output


def test_a_setting_that_cannot_be_used_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_STALLED_AFTER", "soon")

    shown = CliRunner().invoke(cli, ["doctor", "--json"])

    assert shown.exit_code == 1
    assert verdicts(shown.stdout)["settings"] == "wrong"


def test_channels_and_rules_of_alerts_are_looked_at(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "alerts.toml").write_text("[[rule]]\nid = 'fallbacks'\nshare = 2\n")
    monkeypatch.setenv("IMAGE_TRACING_ALERT_URLS", "json://127.0.0.1:9/,nonsense://x")
    monkeypatch.setenv("IMAGE_TRACING_ALERT_RULES", str(tmp_path / "alerts.toml"))

    shown = command("doctor")

    assert "good\tIMAGE_TRACING_ALERT_URLS\tJSON " in shown.stdout
    assert "Apprise cannot read this address" in shown.stdout
    assert "share has to be a number from 0.01 to 1, not 2" in shown.stdout


def test_a_terminal_shows_each_verdict(terminal: Terminal) -> None:
    shown = terminal("doctor")

    assert shown.exit_code == 0
    assert "schema" in shown.text
