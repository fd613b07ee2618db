"""Where a database's spool lies: one folder for each spelling of it, and none for two databases."""

from pathlib import Path

import pytest

from image_tracing_postgres.spool import spool_folder
from image_tracing_postgres.spool.folder import make, segment_name, segment_path, segments_in

SAME = [
    "postgresql://alice:one@localhost:5432/lessons",
    "postgresql://bob:two@127.0.0.1/lessons?sslmode=require",
    "host=localhost dbname=lessons user=carol password='s p a c e'",
    "host=LOCALHOST port=5432 dbname=lessons application_name=x",
    "dbname=lessons hostaddr=127.0.0.1",
]
OTHERS = [
    "postgresql://localhost:5433/lessons",
    "postgresql://localhost/others",
    "postgresql://db.example/lessons",
    "postgresql:///lessons",
    "host=/var/run/postgresql dbname=lessons",
    "service=lessons",
    "no conninfo",
]


@pytest.fixture(autouse=True)
def _nothing_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE", "PGUSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("IMAGE_TRACING_DATABASE_URL", raising=False)


def test_each_spelling_of_a_database_has_one_folder(tmp_path: Path) -> None:
    assert len({spool_folder(tmp_path, dsn) for dsn in SAME}) == 1


def test_databases_do_not_share_a_folder(tmp_path: Path) -> None:
    assert len({spool_folder(tmp_path, dsn) for dsn in [SAME[0], *OTHERS]}) == 1 + len(OTHERS)


def test_the_url_of_the_embedded_database_means_the_embedded_one(tmp_path: Path) -> None:
    url = f"postgresql:///image_tracing?host={tmp_path}/postgres/cluster&user=image_tracing"

    assert spool_folder(tmp_path, url) == spool_folder(tmp_path, None)
    assert spool_folder(tmp_path / "other", url) != spool_folder(tmp_path / "other", None)


def test_the_environment_counts_as_libpq_counts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "localhost")
    monkeypatch.setenv("PGDATABASE", "lessons")

    assert spool_folder(tmp_path, "user=dora") == spool_folder(tmp_path, SAME[0])
    assert spool_folder(tmp_path, None) == tmp_path / "spool" / "embedded"
    monkeypatch.setenv("IMAGE_TRACING_DATABASE_URL", SAME[0])
    assert spool_folder(tmp_path, None) == spool_folder(tmp_path, SAME[0])


@pytest.mark.parametrize("dsn", SAME + OTHERS)
def test_a_folder_tells_the_database_and_no_secret(tmp_path: Path, dsn: str) -> None:
    name = spool_folder(tmp_path, dsn).name

    assert not any(word in name for word in ("alice", "one", "bob", "two", "carol", "s p a c e"))
    assert name.isascii()
    assert len(name) < 60


def test_databases_of_users_without_a_name_are_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # libpq takes the user for the database's name.
    assert spool_folder(tmp_path, "user=erin") != spool_folder(tmp_path, "user=frank")
    assert spool_folder(tmp_path, "user=erin") == spool_folder(tmp_path, "user=frank dbname=erin")


def test_segments_are_listed_in_their_order_and_nothing_else_is(tmp_path: Path) -> None:
    assert segments_in(tmp_path / "nothing") == []
    expected = [segment_path(tmp_path, f"{pid}-0123456789ab", n) for pid in (1, 2) for n in (1, 2, 11)]
    for path in [*reversed(expected), tmp_path / "x.segment", tmp_path / "1-0123456789ab.counts"]:
        path.touch()

    assert segments_in(tmp_path) == expected
    assert segment_name(expected[2]) == ("1-0123456789ab", 11)


def test_a_folder_that_is_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o777)
    make(folder)

    assert folder.stat().st_mode & 0o777 == 0o700
