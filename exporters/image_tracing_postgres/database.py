"""Which database is meant: the given one, the one of the settings, or the embedded one."""

from image_tracing_postgres.migrate import migrate


def dsn(dsn: str | None = None) -> str:
    """The conninfo of the database to use.

    Order: the argument, then IMAGE_TRACING_DATABASE_URL, then the embedded Postgres, which is started if it
    does not run. The embedded one is migrated too; a database of the user's own is left as it is.

    Raises:
        ImageTracingError: the embedded Postgres cannot be started.
    """
    if dsn:
        return dsn
    # Late, since the exporter is made without a database and may never need the embedded one.
    from image_tracing_postgres.settings import settings_from_environment

    settings = settings_from_environment()
    if settings.database_url:
        return settings.database_url
    from image_tracing_postgres.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(settings.data_dir)
    conninfo = postgres.start()
    # Also after joining: the starter may have been killed before it came to the tables.
    migrate(conninfo)
    return conninfo
