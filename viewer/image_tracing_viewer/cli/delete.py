"""`image-tracing delete`."""

from collections.abc import Sequence
from uuid import UUID

import click

from image_tracing_viewer.cli.group import NotFoundError
from image_tracing_viewer.cli.options import database_url
from image_tracing_viewer.cli.reading import opened


@click.command()
@click.argument("ids", nargs=-1, type=click.UUID, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Every trace there is.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_url
def delete(ids: Sequence[UUID], *, everything: bool, yes: bool, database_url: str | None) -> None:
    """Delete traces with their attempts, after asking. Exit code 4 if one of the ids is not there.

    \b
    Examples:
      image-tracing delete 123e4567-e89b-12d3-a456-426614174000
      image-tracing delete --all --yes
    """
    if everything == bool(ids):
        raise click.UsageError("wanted either the ids of traces or --all; give one of the two")
    with opened(database_url) as store:
        what = "every trace" if everything else f"{len(ids)} trace{'s' if len(ids) > 1 else ''}"
        if not yes:
            click.confirm(f"Delete {what}? This cannot be undone", abort=True, err=True)
        if everything:
            click.echo(f"deleted {store.delete_all()}")
            return
        missing = [id for id in ids if not store.delete(id)]  # noqa: A001 (what the argument is called)
    click.echo(f"deleted {len(ids) - len(missing)}")
    if missing:
        raise NotFoundError(
            f"wanted to delete {', '.join(str(one) for one in missing)}, but there is no such trace; "
            "image-tracing list shows what there is"
        )
