"""A Postgres of the user's own, started on demand, shared by the processes that name its folder."""

import sys

from image_tracing_postgres.embedded.errors import (
    AccountError,
    BinariesMissingError,
    DiskFullError,
    EmbeddedPostgresError,
    VersionMismatchError,
)

if sys.platform == "win32":
    from image_tracing_postgres.embedded.unsupported import EmbeddedPostgres
else:
    from image_tracing_postgres.embedded.postgres import EmbeddedPostgres

__all__ = [
    "AccountError",
    "BinariesMissingError",
    "DiskFullError",
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "VersionMismatchError",
]
