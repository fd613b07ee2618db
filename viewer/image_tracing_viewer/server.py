"""The viewer as a process that listens: its socket, its address, its end."""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import click
from starlette.types import ASGIApp

from image_tracing.errors import ImageTracingError

# Live pages hold their connections open; an end does not wait for them longer than this.
_GRACE_SECONDS: Final = 1


class PortError(ImageTracingError):
    """The address cannot be listened on."""


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that queues connections from now on; port 0 takes a free one.

    Raises:
        PortError: another program has the port, or the host is not this machine's.
    """
    name = host.strip("[]")
    try:
        found = socket.create_server(
            (name, port), family=socket.AF_INET6 if ":" in name else socket.AF_INET, backlog=256
        )
    except OSError as error:
        raise PortError(_told(error, host=host, port=port)) from error
    with found:
        yield found


def announce(listener: socket.socket, token: str | None) -> None:
    """Tell where the viewer is."""
    # A token in a log file would be one too many; at a terminal it saves a login.
    shown = address(listener, token=token if sys.stdout.isatty() else None)
    click.echo(f"Serving {shown} (Ctrl-C ends it)")
    sys.stdout.flush()


def address(listener: socket.socket, *, token: str | None = None) -> str:
    """The address of the list page, for a browser on this machine."""
    return f"{origin(listener)}/traceImage" + (f"?token={quote(token, safe='')}" if token else "")


def origin(listener: socket.socket) -> str:
    """Where the viewer is for a browser on this machine, without a path."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        host = "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Answer until the process is told to end."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    uvicorn.Server(config).run([listener])


def _told(error: OSError, *, host: str, port: int) -> str:
    wanted = f"wanted to listen on {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{wanted}, but another program has that port; end it, or choose one: --port 0 takes a free one"
        )
    if error.errno == errno.EACCES:
        return f"{wanted}, but this user may not use that port; choose one above 1023 with --port"
    return f"{wanted}, but: {error.strerror or error}; give an address of this machine with --host"
