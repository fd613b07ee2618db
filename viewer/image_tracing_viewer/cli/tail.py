"""`image-tracing tail`."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import click

from image_tracing_postgres.records import Filters, Trace
from image_tracing_postgres.store import Store
from image_tracing_viewer.cli.options import as_json, database_url, filter_options, filters
from image_tracing_viewer.cli.reading import opened
from image_tracing_viewer.cli.tables import is_terminal, line, tab_separated
from image_tracing_viewer.cli.text import json_line

# A writer's clock may be behind ours, and its transaction may end after a later one: look back each time.
_OVERLAP = timedelta(seconds=10)


@click.command()
@filter_options
@click.option("--lines", type=click.IntRange(0, 500), default=10, help="Older traces to begin with.")
@as_json
@database_url
def tail(lines: int, *, as_json: bool, database_url: str | None, **given: str | None) -> None:
    """Traces as they begin and change, one line each, until interrupted.

    \b
    Example:
      image-tracing tail --status failed
    """
    wanted = filters(given)
    with opened(database_url) as store:
        since = datetime.now(UTC)
        told: dict[UUID, datetime] = {
            change.id: change.updated_at for change in store.changes(since - _OVERLAP)
        }
        if lines:
            for older in reversed(store.list(limit=lines, **wanted)):
                _tell(store, older, as_json=as_json)
        while True:
            store.wait_for_change(1.0)
            changes = store.changes(since - _OVERLAP)
            since = max([since, *(change.updated_at for change in changes)])
            fresh = [change for change in changes if told.get(change.id) != change.updated_at]
            told = {change.id: change.updated_at for change in changes}
            for change in sorted(fresh, key=lambda change: change.updated_at):
                trace = _matching(store, change.id, wanted)
                if trace is not None:
                    _tell(store, trace, as_json=as_json)


def _matching(store: Store, id: UUID, wanted: Filters) -> Trace | None:  # noqa: A002 (the filter's own name)
    if wanted.get("id") not in (None, id):
        return None
    narrowed: Filters = {**wanted, "id": id}
    return next(iter(store.list(limit=1, **narrowed)), None)


def _tell(store: Store, trace: Trace, *, as_json: bool) -> None:
    if as_json:
        document = store.get_json(trace.id)
        if document is not None:
            click.echo(json_line(document))
    elif is_terminal():
        click.echo(line(trace))
    else:
        click.echo(tab_separated(trace))
