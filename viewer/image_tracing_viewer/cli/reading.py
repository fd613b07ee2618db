"""The store for commands that read: what programs left that have ended is in it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from image_tracing_postgres.settings import settings_from_environment
from image_tracing_postgres.store import Store

_SECONDS: Final = 5.0


@contextmanager
def opened(database_url: str | None) -> Iterator[Store]:
    """The store of the database, after the spans of ended programs were given five seconds to come there.

    That costs something only if there are such spans on this machine.
    """
    catch_up(database_url)
    with Store(database_url) as store:
        yield store


def catch_up(database_url: str | None) -> None:
    """Store what ended programs left, within five seconds; on standard error, what is still left."""
    if sys.platform == "win32":
        return
    settings = settings_from_environment()
    if not (settings.data_dir / "spool").is_dir():
        return
    from image_tracing_postgres.database import dsn
    from image_tracing_postgres.spool import spool_folder
    from image_tracing_viewer.backlog import backlog_of
    from image_tracing_viewer.draining import drained, quiet

    folder = spool_folder(settings.data_dir, database_url)
    if not backlog_of(folder).orphans:
        return
    if not (database_url or settings.database_url):
        # The embedded Postgres takes longer to start than spans are given.
        dsn()
    with quiet():
        done = drained(
            folder,
            database_url or settings.database_url,
            timeout_seconds=_SECONDS,
            is_brief=True,
        )
    if done.problem is not None and done.backlog.spans:
        click.echo(f"{done.backlog.told} still to be stored, not shown here: image-tracing drain", err=True)
