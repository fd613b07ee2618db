"""Options that several commands share."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, get_args

import click
from starlette.datastructures import QueryParams

from image_tracing.attributes import ErrorClass, Outcome
from image_tracing_postgres.records import Filters, Status
from image_tracing_viewer.query import filters_from

_Command = TypeVar("_Command", bound=Callable[..., Any])

_FILTERS: Final = (
    click.option("--status", type=click.Choice(get_args(Status)), help="Only traces in this state."),
    click.option("--model", metavar="NAME", help="Only traces that tried this model."),
    click.option("--served-by", metavar="NAME", help="Only traces whose picture came from this model."),
    click.option("--models-tried", metavar="N", help="Only traces that tried exactly so many models."),
    click.option("--least-models-tried", metavar="N", help="Only traces that tried so many models or more."),
    click.option("--provider", metavar="NAME", help="Only traces with an attempt at this provider."),
    click.option("--lesson-id", metavar="ID", help="Only traces of this lesson."),
    click.option("--service", metavar="NAME", help="Only traces of this service."),
    click.option(
        "--error-class", type=click.Choice(get_args(ErrorClass)), help="Only traces with such attempts."
    ),
    click.option("--outcome", type=click.Choice(get_args(Outcome)), help="Only traces with such attempts."),
    click.option(
        "--from", "from_", metavar="TIME", help="Only traces from this time on (ISO 8601, else UTC)."
    ),
    click.option("--to", metavar="TIME", help="Only traces before this time."),
    click.option("--words", "q", metavar="WORDS", help="Only traces with all these words in a prompt."),
)


def database_url(command: _Command) -> _Command:
    """`--database-url`, as the parameter `database_url`; None leaves it to the settings."""
    option = click.option(
        "--database-url",
        metavar="URL",
        help="Postgres to use; else IMAGE_TRACING_DATABASE_URL, else the embedded one.",
    )
    return option(command)


def filter_options(command: _Command) -> _Command:
    """The filters of the list, under the names that `filters` takes."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def as_json(command: _Command) -> _Command:
    """`--json`, as the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="JSON, one document a line.")(command)


def filters(given: Mapping[str, str | None]) -> Filters:
    """The store's filters from the options of `filter_options`, checked as the API checks them.

    Raises:
        InvalidFilterError: a value is out of its range.
    """
    named = {"from" if name == "from_" else name: value for name, value in given.items() if value}
    return filters_from(QueryParams(named))
