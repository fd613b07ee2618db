"""`image-tracing serve`."""

import click

from image_tracing_viewer.cli.options import database_url


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=3000, show_default=True, help="0: a free one.")
@click.option("--allowed-host", "allowed_hosts", multiple=True, help="A further name, as of a proxy.")
@click.option("--insecure", is_flag=True, help="Serve other machines without a token all the same.")
@database_url
def serve(
    host: str, port: int, *, allowed_hosts: tuple[str, ...], insecure: bool, database_url: str | None
) -> None:
    """Serve the viewer until interrupted. Other machines need IMAGE_TRACING_TOKEN to be set.

    \b
    Examples:
      image-tracing serve
      IMAGE_TRACING_TOKEN=… image-tracing serve --host 0.0.0.0 --port 8080
    """
    from image_tracing_postgres.database import dsn
    from image_tracing_postgres.settings import settings_from_environment
    from image_tracing_postgres.store import Store
    from image_tracing_viewer import server
    from image_tracing_viewer.app import create_app
    from image_tracing_viewer.hosts import checked_host

    token = settings_from_environment().token
    checked_host(host, token, insecure=insecure)
    with server.listening(host, port) as listener, Store(database_url) as store:
        # The embedded database starts before the viewer says that it serves.
        dsn(database_url)
        app = create_app(
            store,
            token=token or "",
            host=host,
            allowed_hosts=allowed_hosts,
            address=server.origin(listener),
        )
        server.announce(listener, token)
        server.serve(app, listener)
