"""`image-tracing demo`."""

import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import islice

import click

from image_tracing_postgres.database import dsn
from image_tracing_postgres.records import Trace
from image_tracing_postgres.settings import settings_from_environment
from image_tracing_postgres.store import Store
from image_tracing_viewer.cli.group import FailedError
from image_tracing_viewer.cli.options import database_url
from image_tracing_viewer.cli.progress import bar, working
from image_tracing_viewer.cli.reading import opened
from image_tracing_viewer.cli.tables import is_terminal, print_table
from image_tracing_viewer.demo.process import SERVICE, GeneratorError, GeneratorProcess
from image_tracing_viewer.hosts import checked_host

_LESSONS = 38


@click.command()
@click.option("--once", is_flag=True, help="Make the traces, tell what came of them, and end.")
@click.option(
    "--count", type=click.IntRange(1, _LESSONS), default=_LESSONS, show_default=True, help="Lessons at first."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=3000, show_default=True, help="0: a free one.")
@database_url
def demo(*, once: bool, count: int, host: str, port: int, database_url: str | None) -> None:
    """Run a generator whose models fail as real ones do, and serve the viewer on what it did.

    \b
    Examples:
      image-tracing demo
      image-tracing demo --once
    """
    missing = [name for name in ("PIL", "huggingface_hub") if find_spec(name) is None]
    if missing:
        raise FailedError(
            f"wanted {' and '.join(missing)} for the demo, not installed; pip install 'image-tracing[demo]'"
        )
    if once:
        _make_once(database_url, count)
    else:
        _make_and_serve(database_url, count, host=host, port=port)


def _make_once(database_url: str | None, count: int) -> None:
    began = datetime.now(UTC)
    _start(database_url)
    with GeneratorProcess(database_url=database_url, count=count, goes_on=False) as generator:
        _follow(generator.ended_lessons(), count)
    with opened(database_url) as store:
        _print_summary(store.iter(service=SERVICE, from_=began))


def _make_and_serve(database_url: str | None, count: int, *, host: str, port: int) -> None:
    from image_tracing_viewer import server
    from image_tracing_viewer.app import create_app

    # Else a termination would leave the generator to find out by itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    token = settings_from_environment().token
    checked_host(host, token)
    with server.listening(host, port) as listener:
        _start(database_url)
        with Store(database_url) as store:
            made_before = len(store.list(service=SERVICE, limit=count))
            first = 0 if made_before >= count else count
            has_past = not store.list(service=SERVICE, to=datetime.now(UTC) - timedelta(days=1), limit=1)
            app = create_app(store, token=token or "", host=host, address=server.origin(listener))
            click.echo(
                f"Serving {server.address(listener, token=token if is_terminal() else None)} (Ctrl-C ends it)"
            )
            sys.stdout.flush()
            with GeneratorProcess(
                database_url=database_url, count=first, goes_on=True, has_past=has_past
            ) as generator:
                threading.Thread(target=_watch, args=(generator, first), daemon=True).start()
                server.serve(app, listener)


def _start(database_url: str | None) -> None:
    with working("Starting Postgres"):
        dsn(database_url)


def _watch(generator: GeneratorProcess, first: int) -> None:
    try:
        _follow(generator.ended_lessons(), first)
    except GeneratorError as error:
        click.echo(f"{error}; the viewer goes on", err=True)
    except ValueError:
        # The pipe was closed under the reader: the demo ends.
        return


def _follow(lines: Iterable[str], count: int) -> None:
    """Read to the end; the first `count` lines move a bar."""
    rest = iter(lines)
    if count:
        with bar() as progress:
            task = progress.add_task("Illustrating lessons", total=count)
            for _ in islice(rest, count):
                progress.advance(task)
        click.echo(f"Illustrated {count} lessons", err=True)
    for _ in rest:
        pass


def _print_summary(traces: Iterable[Trace]) -> None:
    statuses: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    error_classes: Counter[str] = Counter()
    for trace in traces:
        statuses[trace.status] += 1
        outcomes.update(attempt.outcome for attempt in trace.attempts)
        error_classes.update(attempt.error_class for attempt in trace.attempts if attempt.error_class)
    _print_counts({"status": statuses, "outcome": outcomes, "error class": error_classes})
    click.echo("See them with: image-tracing serve", err=True)


def _print_counts(counts: Mapping[str, Mapping[str, int]]) -> None:
    """How often each value of each heading occurred, most often first; tab-separated into a pipe."""
    rows = [
        (heading, value, number)
        for heading, values in counts.items()
        for value, number in sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    if not is_terminal():
        for heading, value, number in rows:
            click.echo(f"{heading}\t{value}\t{number}")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_column(justify="right")
    shown = ""
    for heading, value, number in rows:
        table.add_row("" if heading == shown else heading, value, str(number))
        shown = heading
    print_table(table)
