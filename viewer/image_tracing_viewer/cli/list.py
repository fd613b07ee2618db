"""`image-tracing list`."""

from itertools import islice

import click

from image_tracing_viewer.cli.options import as_json, database_url, filter_options, filters
from image_tracing_viewer.cli.reading import opened
from image_tracing_viewer.cli.tables import COLUMNS, is_terminal, print_traces, tab_separated
from image_tracing_viewer.cli.text import json_line


@click.command("list")
@filter_options
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="At most so many.")
@as_json
@database_url
def list(limit: int, *, as_json: bool, database_url: str | None, **given: str | None) -> None:  # noqa: A001 (its name)
    """The newest traces: a table at a terminal, tab-separated lines with a heading into a pipe.

    \b
    Examples:
      image-tracing list --status failed --from 2025-10-26
      image-tracing list --json | jq .model_used
    """
    wanted = filters(given)
    with opened(database_url) as store:
        if as_json:
            for document in islice(store.iter_json(**wanted), limit):
                click.echo(json_line(document))
            return
        traces = store.list(limit=limit, **wanted)
    if is_terminal():
        print_traces(traces)
        return
    click.echo("\t".join(COLUMNS))
    for trace in traces:
        click.echo(tab_separated(trace))
