"""The query string of the list, the export and the pages: parsed once, strictly, the same for all of them."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar, get_args
from uuid import UUID

from starlette.datastructures import QueryParams

from image_tracing.attributes import ErrorClass, Outcome
from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.filters import MAX_MODELS
from image_tracing_postgres.records import Filters, Status

Choice = TypeVar("Choice", bound=str)

LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
OFFSET_MAX: Final = 10_000_000
VALUE_MAX_LENGTH: Final = 2_000

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
ERROR_CLASSES: Final[tuple[ErrorClass, ...]] = get_args(ErrorClass)
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

FILTER_NAMES: Final = (
    "status",
    "model",
    "provider",
    "lesson_id",
    "service",
    "error_class",
    "outcome",
    "from",
    "to",
    "served_by",
    "models_tried",
    "least_models_tried",
    "q",
    "id",
)
PAGING_NAMES: Final = ("limit", "offset", "cursor")

_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
# A plus sign that was not percent-encoded arrives as a space.
_DECODED_PLUS = re.compile(r"([Tt]\S*) (\d\d:?\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """What a list was asked for: which traces, and which page of them."""

    filters: Filters
    limit: int
    offset: int
    cursor: str | None


def query_from(params: QueryParams, *, also: Collection[str] = ()) -> Query:
    """The query that the parameters of a list ask for; an empty value counts as not given.

    `also` names parameters that the caller reads itself.

    Raises:
        InvalidFilterError: a name is unknown or given twice, a value is outside its set or range, or both
            `cursor` and `offset` are given.
    """
    values = single_values(params, accepted=(*FILTER_NAMES, *PAGING_NAMES, *also))
    limit = _number(values, "limit", least=1, most=LIMIT_MAX, default=LIMIT_DEFAULT)
    offset = _number(values, "offset", least=0, most=OFFSET_MAX, default=0)
    cursor = values.get("cursor")
    if cursor and offset:
        raise InvalidFilterError("cursor and offset exclude each other; found both; give one of them")
    return Query(filters=_filters(values), limit=limit, offset=offset, cursor=cursor)


def filters_from(params: QueryParams, *, also: Collection[str] = ()) -> Filters:
    """The filters alone, for answers that are not paged.

    Raises:
        InvalidFilterError: as `query_from`; `limit`, `offset` and `cursor` are unknown names here.
    """
    return _filters(single_values(params, accepted=(*FILTER_NAMES, *also)))


def single_values(params: QueryParams, *, accepted: Iterable[str]) -> dict[str, str]:
    """Name to value of the parameters that are not empty.

    Raises:
        InvalidFilterError: a name is not accepted or given twice, or a value is too long or holds a NUL.
    """
    names = tuple(accepted)
    values: dict[str, str] = {}
    for name, value in params.multi_items():
        if name not in names:
            raise InvalidFilterError(f"unknown parameter {shown(name)}; accepted: {', '.join(names)}")
        if not value:
            continue
        if name in values:
            raise InvalidFilterError(f"parameter {name} is given more than once; give it once")
        if len(value) > VALUE_MAX_LENGTH:
            raise InvalidFilterError(
                f"{name} must have at most {VALUE_MAX_LENGTH} characters; found {len(value)}"
            )
        if "\0" in value:
            raise InvalidFilterError(f"{name} holds a NUL character, which no stored text does; leave it out")
        values[name] = value
    return values


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical form of 36 characters."""
    return _UUID.fullmatch(text) is not None


def shown(value: str) -> str:
    """The value quoted, its control characters escaped, cut to what a sentence can bear."""
    return ascii(value if len(value) <= 80 else value[:80] + "…")


def _filters(values: Mapping[str, str]) -> Filters:
    return Filters(
        status=_choice(values, "status", STATUSES),
        model=values.get("model"),
        provider=values.get("provider"),
        lesson_id=values.get("lesson_id"),
        service=values.get("service"),
        error_class=_choice(values, "error_class", ERROR_CLASSES),
        outcome=_choice(values, "outcome", OUTCOMES),
        from_=_moment(values, "from"),
        to=_moment(values, "to"),
        served_by=values.get("served_by"),
        models_tried=_count(values, "models_tried"),
        least_models_tried=_count(values, "least_models_tried"),
        q=values.get("q"),
        id=_uuid(values, "id"),
    )


def _choice(values: Mapping[str, str], name: str, choices: tuple[Choice, ...]) -> Choice | None:
    value = values.get(name)
    if value is None:
        return None
    for choice in choices:
        if choice == value:
            return choice
    raise InvalidFilterError(f"{name} must be one of {', '.join(choices)}; found {shown(value)}")


def _number(values: Mapping[str, str], name: str, *, least: int, most: int, default: int) -> int:
    value = values.get(name)
    if value is None:
        return default
    if _NUMBER.fullmatch(value) and least <= int(value) <= most:
        return int(value)
    raise InvalidFilterError(f"{name} must be a whole number from {least} to {most}; found {shown(value)}")


def _count(values: Mapping[str, str], name: str) -> int | None:
    return _number(values, name, least=0, most=MAX_MODELS, default=0) if name in values else None


def _uuid(values: Mapping[str, str], name: str) -> UUID | None:
    value = values.get(name)
    if value is None:
        return None
    if not is_uuid(value):
        raise InvalidFilterError(
            f"{name} must be a UUID like 123e4567-e89b-12d3-a456-426614174000; found {shown(value)}"
        )
    return UUID(value)


def _moment(values: Mapping[str, str], name: str) -> datetime | None:
    """A date or a date with time; without a zone it is taken as UTC."""
    value = values.get(name)
    if value is None:
        return None
    text = _DECODED_PLUS.sub(r"\1+\2", value)
    if _DATE.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text.upper())
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except OverflowError:
            # Only its zone takes it over the edge of the calendar, beyond which there is nothing.
            return _LATEST if moment.year > 1 else _EARLIEST
        except ValueError:
            pass
    raise InvalidFilterError(
        f"{name} must be an ISO 8601 date or time of the years 1 to 9999, "
        f"like 2025-10-26 or 2025-10-26T10:30:00Z; found {shown(value)}"
    )
