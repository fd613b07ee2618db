"""`image-tracing export`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from image_tracing_viewer.cli.group import FailedError
from image_tracing_viewer.cli.options import database_url, filter_options, filters
from image_tracing_viewer.cli.progress import counted
from image_tracing_viewer.cli.reading import opened
from image_tracing_viewer.export import FORMATS, SUBJECTS, ExportQuery, Format, Subject, export_text


@click.command()
@filter_options
@click.option("--format", type=click.Choice(FORMATS), default="jsonl", show_default=True)
@click.option(
    "--of",
    type=click.Choice(SUBJECTS),
    default="traces",
    show_default=True,
    help="One row for each of these.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@database_url
def export(
    format: Format,  # noqa: A002 (the option's name)
    *,
    of: Subject,
    output: Path | None,
    database_url: str | None,
    **given: str | None,
) -> None:
    """The whole filtered range, newest first, as JSON lines, a JSON array, or CSV safe in spreadsheets.

    \b
    Example:
      image-tracing export --format csv --of attempts --status failed --output attempts.csv
    """
    query = ExportQuery(filters=filters(given), format=format, of=of)
    with opened(database_url) as store, _target(output) as target:
        for piece in counted(export_text(store, query), what="rows"):
            target.write(piece)


@contextmanager
def _target(path: Path | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            yield file
    except OSError as error:
        raise FailedError(
            f"wanted to write {path}, but: {error.strerror}; give another file with --output"
        ) from error
