"""`image-tracing export`."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.errors import DatabaseUnavailableError
from image_tracing_postgres.store import Store
from image_tracing_postgres.streams import SUBJECTS, Subject
from image_tracing_viewer.cli.group import FailedError
from image_tracing_viewer.cli.options import database_url, filter_options, filters
from image_tracing_viewer.cli.progress import counted
from image_tracing_viewer.cli.reading import opened
from image_tracing_viewer.export import FORMATS, ExportQuery, Format, pieces


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
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; it has another name until it is whole.",
)
@database_url
def export(
    format: Format,  # noqa: A002 (the option's name)
    *,
    of: Subject,
    output: Path | None,
    database_url: str | None,
    **given: str | None,
) -> None:
    """The whole filtered range, newest first, as it is at one moment.

    As JSON lines, a JSON array, CSV safe in spreadsheets, or Parquet.

    \b
    Example:
      image-tracing export --format csv --of attempts --status failed --output attempts.csv
    """
    if format == "parquet" and output is None and sys.stdout.isatty():
        raise click.UsageError("Parquet is not for a terminal; give a file with --output, or a pipe.")
    query = ExportQuery(filters=filters(given), format=format, of=of)
    with opened(database_url) as store, closing(pieces(store, query)) as made, _target(output) as target:
        rows = counted(
            made,
            what=of,
            number_of=lambda piece: piece.rows,
            total=lambda: _count(store, query),
        )
        for piece in rows:
            target.write(piece.content)


def _count(store: Store, query: ExportQuery) -> int | None:
    """How many rows there will be; None if that takes too long to find out."""
    try:
        return store.count(of=query.of, **query.filters)
    except DatabaseUnavailableError:
        return None


@contextmanager
def _target(path: Path | None) -> Iterator[BinaryIO]:
    """Where to write. A file gets its name with its last byte; when that fails, nothing of it is left."""
    if path is None:
        yield sys.stdout.buffer
        return
    # A pipe or a device keeps its own name.
    is_file = path.is_file() or not path.exists()
    place = path.resolve()
    part = place.with_name(place.name + ".part") if is_file else place
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            if is_file:
                os.fsync(file.fileno())
        if is_file:
            part.replace(place)
    except OSError as error:
        raise FailedError(
            f"wanted to write {path}, but: {error.strerror}; give another file with --output"
        ) from error
    except ImageTracingError as error:
        raise FailedError(f"{error}; {path} was to be whole, so it was not written") from error
    finally:
        if is_file:
            with suppress(OSError):
                part.unlink()
