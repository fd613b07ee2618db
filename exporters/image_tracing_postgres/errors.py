"""Errors that a caller of the store, the exporter or the migrations would act on differently."""

from image_tracing.errors import ImageTracingError

__all__ = [
    "DatabaseUnavailableError",
    "InvalidFilterError",
    "MigrationError",
    "SchemaMissingError",
]


class InvalidFilterError(ImageTracingError, ValueError):
    """A filter, a limit or a cursor is outside what is accepted."""


class DatabaseUnavailableError(ImageTracingError):
    """The database cannot be reached or does not answer in time; trying again later may help."""


class SchemaMissingError(ImageTracingError):
    """The tables are not there, or are older than this version needs; a migration makes them."""


class MigrationError(ImageTracingError):
    """The database's schema is newer than this version knows, or a released migration was edited."""
