"""`image-tracing migrate`."""

import click

from image_tracing_viewer.cli.options import database_url


@click.command()
@database_url
def migrate(database_url: str | None) -> None:
    """Create the tables, or bring them up to date. Safe to run twice, and from two places at once.

    \b
    Example:
      image-tracing migrate --database-url postgresql://me@db.example.org/traces
    """
    from image_tracing_postgres.database import dsn
    from image_tracing_postgres.migrate import migrate as apply_migrations

    applied = apply_migrations(dsn(database_url))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("nothing to do: the tables are up to date")
