"""`image-tracing database-url` and `image-tracing stop`: the embedded Postgres for others, and its end."""

import click

from image_tracing_viewer.cli.options import database_url as database_url_option


@click.command("database-url")
@database_url_option
def database_url(database_url: str | None) -> None:
    """A URL of the database that psql and others take; the embedded Postgres is started for it.

    \b
    Example:
      psql "$(image-tracing database-url)"
    """
    from image_tracing_postgres.database import dsn
    from image_tracing_viewer.cli.urls import url_of

    click.echo(url_of(dsn(database_url)))


@click.command()
@database_url_option
def stop(database_url: str | None) -> None:
    """Stop the embedded Postgres; its data stays, and the next command that needs it starts it again.

    \b
    Example:
      image-tracing stop
    """
    from image_tracing_postgres.embedded import EmbeddedPostgres
    from image_tracing_postgres.settings import settings_from_environment

    settings = settings_from_environment()
    if database_url or settings.database_url:
        raise click.UsageError(
            "a database of your own is set, and image-tracing does not stop it; unset its URL"
        )
    click.echo("stopped" if EmbeddedPostgres(settings.data_dir).stop() else "was not running")
