"""`image-tracing drain`."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from image_tracing_viewer.cli.group import FAILED, QUARANTINED, FailedError
from image_tracing_viewer.cli.options import as_json, database_url
from image_tracing_viewer.cli.text import printable

if TYPE_CHECKING:
    from image_tracing_viewer.backlog import Backlog
    from image_tracing_viewer.draining import Drained


@click.command()
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to try.",
)
@click.option("--quarantined", is_flag=True, help="First try the records again that the database refused.")
@as_json
@database_url
def drain(*, timeout: float, quarantined: bool, as_json: bool, database_url: str | None) -> None:
    """Store the spans that wait on this machine's disk, as after a database was away or a process killed.

    What a living process has to store is waited for. Exit code 0: all is stored; 3: all but records that the
    database cannot take, which are kept in quarantine; 1: something still waits.

    \b
    Examples:
      image-tracing drain
      image-tracing drain --quarantined --timeout 300
    """
    if sys.platform == "win32":
        raise FailedError(
            "wanted to drain the spool, but there is none on Windows: spans go to Postgres at once"
        )
    from image_tracing_postgres.settings import settings_from_environment
    from image_tracing_postgres.spool import spool_folder
    from image_tracing_viewer.backlog import backlog_of, late_spools
    from image_tracing_viewer.draining import drained, quiet

    settings = settings_from_environment()
    folder = spool_folder(settings.data_dir, database_url)
    with quiet(), _progress(backlog_of(folder)) as tell:
        done = drained(
            folder,
            database_url or settings.database_url,
            timeout_seconds=timeout,
            with_quarantined=quarantined,
            tell=tell,
        )
    others = [
        _Other(found.name, backlog.spans) for found, backlog in late_spools(settings.data_dir, but=folder)
    ]
    if as_json:
        click.echo(json.dumps(_document(done, folder, others)))
    else:
        _say(done, folder, others)
    if done.problem is not None:
        raise click.exceptions.Exit(FAILED)
    if done.quarantined:
        raise click.exceptions.Exit(QUARANTINED)


@dataclass(frozen=True, slots=True)
class _Other:
    """The spool of another database."""

    name: str
    waiting: int


def _document(done: "Drained", folder: Path, others: list[_Other]) -> dict[str, object]:
    return {
        "stored": done.stored,
        "waiting": done.backlog.spans,
        "quarantined": done.quarantined,
        "folder": str(folder),
        "problem": done.problem,
        "other_spools": {other.name: other.waiting for other in others},
    }


def _say(done: "Drained", folder: Path, others: list[_Other]) -> None:
    from image_tracing_viewer.backlog import told_spool
    from image_tracing_viewer.formats import counted

    stored = f"stored {counted(done.stored, 'span')}" if done.stored else ""
    if done.problem is None:
        click.echo(stored or "nothing waits")
    else:
        waiting = done.backlog.told if done.backlog.spans else "records of the spool"
        FailedError(f"wanted to store {waiting}, but {done.problem}").show()
        click.echo(f"{stored or 'stored nothing'}; what waits stays in {printable(str(folder))}", err=True)
    if done.quarantined:
        click.echo(
            f"{counted(done.quarantined, 'record')} that the database cannot take: each file in "
            f"{printable(str(folder / 'quarantine'))} says why; after mending the cause: "
            "image-tracing drain --quarantined",
            err=True,
        )
    for other in others:
        click.echo(
            f"{counted(other.waiting, 'span')} for another database; {told_spool(other.name)}",
            err=True,
        )


@contextmanager
def _progress(first: "Backlog") -> Iterator[Callable[["Backlog", str | None], None]]:
    """Shows a reader at a terminal how much is left, and what is in the way."""
    if not sys.stderr.isatty():
        yield lambda _backlog, _problem: None
        return
    from image_tracing_viewer.cli.progress import bar

    with bar() as progress:
        task = progress.add_task("Storing spans", total=first.spans)

        def tell(backlog: "Backlog", problem: str | None) -> None:
            total = max(first.spans, backlog.spans)
            what = "Storing spans" if problem is None else f"Waiting: {printable(problem)[:60]}"
            progress.update(task, description=what, total=total, completed=total - backlog.spans)

        yield tell
