"""What Windows gets instead; it imports nothing that only Unix has."""

import pytest

from image_tracing_postgres.embedded import EmbeddedPostgresError
from image_tracing_postgres.embedded.unsupported import EmbeddedPostgres


def test_windows_is_told_what_to_do_instead() -> None:
    with pytest.raises(EmbeddedPostgresError, match="this is Windows; set IMAGE_TRACING_DATABASE_URL"):
        EmbeddedPostgres().start()


def test_nothing_runs_there() -> None:
    assert not EmbeddedPostgres().is_running()
    assert not EmbeddedPostgres().stop()
