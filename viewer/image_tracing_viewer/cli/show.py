"""`image-tracing show`."""

from uuid import UUID

import click

from image_tracing_viewer.cli.group import NotFoundError
from image_tracing_viewer.cli.options import as_json, database_url
from image_tracing_viewer.cli.reading import opened
from image_tracing_viewer.cli.tables import is_terminal, print_trace
from image_tracing_viewer.cli.text import json_line


@click.command()
@click.argument("id", type=click.UUID)
@as_json
@database_url
def show(id: UUID, *, as_json: bool, database_url: str | None) -> None:  # noqa: A002 (the name users see)
    """One trace with all its attempts: a table at a terminal, JSON into a pipe. Exit code 4 if there is none.

    \b
    Example:
      image-tracing show 123e4567-e89b-12d3-a456-426614174000
    """
    with opened(database_url) as store:
        if as_json or not is_terminal():
            document = store.get_json(str(id))
            if document is None:
                raise _no_such(id)
            click.echo(json_line(document))
            return
        trace = store.get(str(id))
    if trace is None:
        raise _no_such(id)
    print_trace(trace)


def _no_such(id: object) -> NotFoundError:  # noqa: A002
    return NotFoundError(f"wanted trace {id}, but there is none; image-tracing list shows what there is")
