"""What can keep the embedded Postgres from serving."""

from image_tracing.errors import ImageTracingError


class EmbeddedPostgresError(ImageTracingError):
    """The embedded Postgres could not be started, joined or stopped."""


class AccountError(EmbeddedPostgresError):
    """The operating-system account of this process, or of the server, does not fit."""


class BinariesMissingError(EmbeddedPostgresError):
    """No programs of PostgreSQL 15 or newer are on this machine."""


class DiskFullError(EmbeddedPostgresError):
    """The disk of the data directory has no room for the server to run."""


class VersionMismatchError(EmbeddedPostgresError):
    """The data directory belongs to a major version of PostgreSQL whose programs are not here."""
