"""Image traces in Postgres: the span processor and its spool, an exporter, the store, an embedded server."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from image_tracing_postgres.configuration import configure
    from image_tracing_postgres.embedded import EmbeddedPostgres
    from image_tracing_postgres.errors import (
        DatabaseUnavailableError,
        InvalidFilterError,
        MigrationError,
        SchemaMissingError,
    )
    from image_tracing_postgres.exit import drain_on_sigterm, lifespan
    from image_tracing_postgres.exporter import ExportedSpans, PostgresSpanExporter
    from image_tracing_postgres.processor import ImageTracingSpanProcessor
    from image_tracing_postgres.records import Attempt, Filters, Image, Page, Trace
    from image_tracing_postgres.rows import Rows, rows_from
    from image_tracing_postgres.settings import Settings, settings_from_environment
    from image_tracing_postgres.statistics.figures import Statistics
    from image_tracing_postgres.store import Change, Choices, Neighbours, Store

__all__ = [
    "Attempt",
    "Change",
    "Choices",
    "DatabaseUnavailableError",
    "EmbeddedPostgres",
    "ExportedSpans",
    "Filters",
    "Image",
    "ImageTracingSpanProcessor",
    "InvalidFilterError",
    "MigrationError",
    "Neighbours",
    "Page",
    "PostgresSpanExporter",
    "Rows",
    "SchemaMissingError",
    "Settings",
    "Statistics",
    "Store",
    "Trace",
    "configure",
    "drain_on_sigterm",
    "lifespan",
    "rows_from",
    "settings_from_environment",
]

_NEEDED: Final = ("opentelemetry.sdk", "psycopg", "psycopg_pool", "platformdirs")

# Loaded when first named: who only traces needs no store, and who only reads needs no SDK.
_HOMES: Final = {
    "configuration": ("configure",),
    "embedded": ("EmbeddedPostgres",),
    "errors": ("DatabaseUnavailableError", "InvalidFilterError", "MigrationError", "SchemaMissingError"),
    "exit": ("drain_on_sigterm", "lifespan"),
    "exporter": ("ExportedSpans", "PostgresSpanExporter"),
    "processor": ("ImageTracingSpanProcessor",),
    "records": ("Attempt", "Filters", "Image", "Page", "Trace"),
    "rows": ("Rows", "rows_from"),
    "settings": ("Settings", "settings_from_environment"),
    "statistics.figures": ("Statistics",),
    "store": ("Change", "Choices", "Neighbours", "Store"),
}
_MODULES: Final = {name: module for module, names in _HOMES.items() for name in names}


def _is_missing(module: str) -> bool:
    try:
        return find_spec(module) is None
    except ModuleNotFoundError:
        return True


if _missing := [module for module in _NEEDED if _is_missing(module)]:
    raise ModuleNotFoundError(
        f"image_tracing_postgres needs {', '.join(_missing)}, not installed here; "
        "install it with: pip install 'image-tracing[postgres]'",
        name=_missing[0],
    )


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
