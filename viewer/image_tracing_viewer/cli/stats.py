"""`image-tracing stats`."""

import json
from typing import Any, get_args

import click

from image_tracing_postgres.statistics.figures import Bucket
from image_tracing_postgres.statistics.zones import BUCKETS
from image_tracing_postgres.store import Store
from image_tracing_viewer.cli.options import database_url, filter_options, filters
from image_tracing_viewer.cli.progress import share_done
from image_tracing_viewer.cli.reading import opened
from image_tracing_viewer.cli.stats_tables import Subject, print_statistics, rest_of, tab_separated
from image_tracing_viewer.cli.tables import is_terminal
from image_tracing_viewer.cli.text import json_line


@click.command()
@filter_options
@click.option(
    "--by",
    type=click.Choice(get_args(Subject)),
    default="model",
    show_default=True,
    help="One row for each of these.",
)
@click.option(
    "--bucket",
    type=click.Choice(BUCKETS),
    help="Length of the rows by time; chosen by the range if not given.",
)
@click.option("--tz", metavar="ZONE", default="UTC", show_default=True, help="Whose hours, days and weeks.")
@click.option("--json", "as_json", is_flag=True, help="All of it, as one JSON document.")
@click.option(
    "--rebuild", is_flag=True, help="Compute the summaries behind the figures anew, and nothing else."
)
@database_url
def stats(
    *,
    by: Subject,
    bucket: Bucket | None,
    tz: str,
    as_json: bool,
    rebuild: bool,
    database_url: str | None,
    **given: Any,
) -> None:
    """Success, fallbacks, durations and errors of a range, the last 30 days if none is given.

    A table at a terminal, tab-separated lines with a heading into a pipe. After rows were changed by other
    means than image-tracing, --rebuild makes the figures right again.

    \b
    Examples:
      image-tracing stats --from 2025-10-01 --to 2025-11-01
      image-tracing stats --by time --bucket day --tz Europe/Berlin
      image-tracing stats --model black-forest-labs/FLUX.1-schnell --json
    """
    if rebuild and (as_json or any(given.values())):
        raise click.UsageError("--rebuild computes all summaries anew; give it without filters and --json")
    wanted = filters(given)
    with opened(database_url) as store:
        if rebuild:
            _rebuild(store)
            return
        found = store.stats(bucket=bucket, tz=tz, **wanted)
    if as_json:
        click.echo(json_line(json.dumps(found.as_json())))
    elif is_terminal():
        print_statistics(found, by)
    else:
        for line in tab_separated(found, by):
            click.echo(line)
        if rest := rest_of(found, by):
            click.echo(rest, err=True)


def _rebuild(store: Store) -> None:
    with share_done("Computing summaries") as tell:
        store.rebuild_stats(tell=tell)
    click.echo("computed the summaries anew")
