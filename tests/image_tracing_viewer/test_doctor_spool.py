"""What a diagnosis says of the spool; each trouble comes with the next step to type."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo
from tests.image_tracing_viewer.conftest import Leftovers

from image_tracing_postgres.spool import spool_folder
from image_tracing_viewer.diagnosis import findings
from image_tracing_viewer.finding import Finding


def found(database: str, subject: str) -> list[Finding]:
    return [finding for finding in findings(database) if finding.subject == subject]


def test_a_spool_that_is_well_has_its_place_and_nothing_else(database: str, data_dir: Path) -> None:
    [place] = found(database, "spool")
    [waiting] = found(database, "waiting spans")

    assert (place.verdict, waiting.verdict, waiting.found) == ("good", "good", "none")
    assert str(spool_folder(data_dir, database)) in place.found
    assert found(database, "quarantine") == found(database, "losses so far") == []


def test_nothing_is_made_by_looking(database: str, data_dir: Path) -> None:
    list(findings(database))

    assert not spool_folder(data_dir, database).exists()


def test_spans_of_dead_processes_can_be_drained(database: str, leftovers: Leftovers) -> None:
    leftovers.add("l-1", seconds_ago=120)

    [waiting] = found(database, "waiting spans")
    [left] = found(database, "left behind")

    assert (waiting.verdict, waiting.next_step) == ("wrong", "image-tracing drain")
    assert "2 spans for 2 min" in waiting.found
    assert "1 file of processes that are dead" in left.found


def test_living_processes_are_named(database: str, leftovers: Leftovers) -> None:
    living = leftovers.add("l-1", seconds_ago=30, closing=False)

    [waiting] = found(database, "waiting spans")

    assert waiting.verdict == "note"
    assert str(os.getpid()) in waiting.found
    assert found(database, "left behind") == []
    living.close()


def test_a_quarantine_is_told_with_its_place_and_the_way_out(database: str, leftovers: Leftovers) -> None:
    quarantine = leftovers.folder / "quarantine"
    quarantine.mkdir(parents=True)
    (quarantine / "a.json").write_text("{}")

    [finding] = found(database, "quarantine")

    assert (finding.verdict, str(quarantine) in finding.found) == ("wrong", True)
    assert "image-tracing drain --quarantined" in finding.next_step


def test_losses_are_told_by_reason(database: str, leftovers: Leftovers) -> None:
    leftovers.folder.mkdir(parents=True)
    counts = {"dropped_spool_full": 15, "dropped_unreadable": 1}
    (leftovers.folder / "all.counts").write_text(json.dumps(counts))

    assert [finding.found for finding in found(database, "losses so far")] == [
        "15 spans lost: the spool was full",
        "1 span lost: not readable",
    ]


def test_a_folder_that_takes_nothing_is_wrong(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    # Root may write anywhere, so that the right itself cannot be taken away here.
    monkeypatch.setattr(os, "access", lambda path, _mode: not str(path).startswith(str(tmp_path)))

    [place] = found(database, "spool")

    assert (place.verdict, "IMAGE_TRACING_DATA_DIR" in place.next_step) == ("wrong", True)


def test_spools_of_other_databases_are_told(
    database: str, spans: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))
    other = make_conninfo(database, dbname="elsewhere")
    Leftovers(spool_folder(tmp_path, other), spans).add("l-1", seconds_ago=3_700)
    Leftovers(spool_folder(tmp_path, None), spans).add("l-1", seconds_ago=3_700)

    steps = [finding.next_step for finding in found(database, "spool of another database")]

    assert "--database-url <the URL of the database elsewhere>" in steps[0]
    assert "env -u IMAGE_TRACING_DATABASE_URL image-tracing drain" in steps[1]
