"""The page about the embedded Postgres, held against a running one."""

import re
from pathlib import Path

import psycopg

from image_tracing_postgres.embedded import EmbeddedPostgres

PAGE = (Path(__file__).parents[3] / "docs" / "embedded-postgres.md").read_text(encoding="utf-8")
SETTINGS = re.findall(r"^(\w+) = (\S+)$", PAGE.partition("```ini")[2].partition("```")[0], re.MULTILINE)


def test_the_files_are_those_of_the_page(postgres: EmbeddedPostgres, folder: Path) -> None:
    postgres.start()

    table = PAGE.partition("| name | what it is |")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE))
    assert {each.name for each in (folder / "postgres").iterdir()} == named
    assert f"{(folder / 'postgres' / 'ballast').stat().st_size // 2**20} MiB held back" in PAGE


def test_the_settings_are_those_of_the_page(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start()) as connection:
        found = [
            (name, connection.execute("SELECT current_setting(%s)", [name]).fetchone())
            for name, _ in SETTINGS
        ]

    assert len(SETTINGS) >= 6
    assert found == [(name, (value.strip("'"),)) for name, value in SETTINGS]
