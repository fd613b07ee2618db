"""The viewer: REST API, pages and live events over the traces that `image_tracing_postgres` stores.

`create_app` gives an ASGI app, to be served alone or mounted at any prefix of another one. `checked_host`
tells whether a host may be bound at all: anything but loopback needs a token.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from image_tracing_viewer.app import create_app
    from image_tracing_viewer.hosts import checked_host

__all__ = ["checked_host", "create_app"]


def __getattr__(name: str) -> Any:
    # The command line must start quickly, and able to say which extra is missing.
    if name == "create_app":
        from image_tracing_viewer.app import create_app

        return create_app
    if name == "checked_host":
        from image_tracing_viewer.hosts import checked_host

        return checked_host
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
