"""In place of the embedded Postgres on Windows, where no process can inherit the lock of another."""

from pathlib import Path
from typing import NoReturn

from image_tracing_postgres.embedded.errors import EmbeddedPostgresError


class EmbeddedPostgres:
    """Never runs, and says what to do instead."""

    def __init__(
        self, data_dir: Path | None = None, *, binaries: Path | None = None, cache_dir: Path | None = None
    ) -> None:
        del data_dir, binaries, cache_dir
        self.started_by_us = False

    def start(self) -> NoReturn:
        """Refuse.

        Raises:
            EmbeddedPostgresError: always.
        """
        raise EmbeddedPostgresError(
            "the embedded Postgres needs Linux or macOS, and this is Windows; set IMAGE_TRACING_DATABASE_URL "
            "to a Postgres of your own, or work in the Windows Subsystem for Linux"
        )

    def stop(self) -> bool:
        return False

    def is_running(self) -> bool:
        return False
