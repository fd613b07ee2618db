"""`image-tracing migrate`."""

from click.testing import CliRunner

from image_tracing_postgres.store import Store
from image_tracing_viewer.cli import cli


def test_an_empty_database_gets_its_tables(empty_database: str) -> None:
    shown = CliRunner().invoke(cli, ["migrate", "--database-url", empty_database])

    assert "applied 0001" in shown.stdout
    with Store(empty_database) as store:
        assert store.list() == []


def test_a_second_time_changes_nothing(database: str) -> None:
    shown = CliRunner().invoke(cli, ["migrate", "--database-url", database])

    assert shown.exit_code == 0
    assert "nothing to do" in shown.stdout
