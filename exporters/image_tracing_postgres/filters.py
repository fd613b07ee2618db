"""Filters, limits and cursors of a caller, checked and as the parameters of the SQL."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, Final, get_args
from uuid import UUID

from image_tracing.attributes import ErrorClass, Outcome
from image_tracing_postgres import terms, values
from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.records import Filters, Status

MAX_LIMIT: Final = 500
# Postgres skips row by row; a cursor gets to any depth at once.
MAX_OFFSET: Final = 10_000_000
MAX_SEARCH_LENGTH: Final = 10_000
MAX_MODELS: Final = 1_000_000

_HASHED: Final = (
    ("model", terms.MODEL),
    ("served_by", terms.SERVED_BY),
    ("provider", terms.PROVIDER),
    ("service", terms.SERVICE),
    ("error_class", terms.ERROR_CLASS),
    ("outcome", terms.OUTCOME),
)


def parameters_of(filters: Filters) -> dict[str, Any]:
    """The parameters of `sql/_filters.sql` and `sql/_meant.sql`.

    Raises:
        InvalidFilterError: an unknown name, a value outside its set, a time without its zone.
    """
    for name in filters:
        if name not in Filters.__annotations__:
            accepted = ", ".join(sorted(Filters.__annotations__))
            raise InvalidFilterError(f"there is no filter {name!r}; accepted are {accepted}")
    given: dict[str, Any] = {
        "id": None if (id_of_trace := filters.get("id")) is None else uuid(id_of_trace),
        "status": _one_of("status", filters.get("status"), get_args(Status)),
        "error_class": _one_of("error_class", filters.get("error_class"), get_args(ErrorClass)),
        "outcome": _one_of("outcome", filters.get("outcome"), get_args(Outcome)),
        "from_": _time("from", filters.get("from_")),
        "to": _time("to", filters.get("to")),
        "models_tried": _number("models_tried", filters.get("models_tried")),
        "least_models_tried": _number("least_models_tried", filters.get("least_models_tried")),
    }
    for name in ("model", "served_by", "provider", "service", "lesson_id"):
        value: object = filters.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidFilterError(f"{name} has to be a text, not {value!r}; give its full value")
        given[name] = values.key(value)
    wanted = {terms.term(prefix, given[name]) for name, prefix in _HASHED if given[name] is not None}
    searched = _text_to_search(filters.get("q"))
    wanted |= terms.word_terms(searched)
    given["terms"] = sorted(wanted) or None
    # By terms alone a search is not told from a filter of attempts.
    given["searched"] = True if terms.words(searched) else None
    # Databases differ in the lower case of letters beyond ASCII; for those the hash has to do.
    lowered = searched.lower()
    given["words"] = [word for word in terms.words(searched) if word.isascii() and word in lowered] or None
    return given


def checked_limit(limit: object) -> int:
    """`limit` if it is a whole number from 1 to 500; else InvalidFilterError."""
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise InvalidFilterError(f"limit has to be a whole number from 1 to {MAX_LIMIT}, not {limit!r}")
    return limit


def checked_offset(offset: object, cursor: str | None) -> int:
    """`offset` if it is a whole number from 0 on; else InvalidFilterError, as with a cursor beside it."""
    if type(offset) is not int or not 0 <= offset <= MAX_OFFSET:
        raise InvalidFilterError(
            f"offset has to be a whole number from 0 to {MAX_OFFSET}, not {offset!r}; a cursor goes deeper"
        )
    if offset and cursor is not None:
        raise InvalidFilterError(f"offset {offset} and a cursor exclude each other; give one of them")
    return offset


def uuid(value: UUID | str) -> UUID:
    """A trace id; InvalidFilterError for a text that is none."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise InvalidFilterError(
            f"id has to be the UUID of a trace, not {value!r}; copy it from the list of traces"
        ) from None


def cursor_of(created_at: datetime, id: UUID) -> str:  # noqa: A002 - the name of the field
    """The opaque text that leads to what is older than this trace."""
    return (
        base64.urlsafe_b64encode(f"{created_at.astimezone(UTC).isoformat()} {id}".encode())
        .decode()
        .rstrip("=")
    )


def place_of_cursor(cursor: str | None) -> dict[str, Any]:
    """The parameters of `sql/_page.sql`; InvalidFilterError for a text that no page gave out."""
    if cursor is None:
        return {"before_at": None, "before_id": None}
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        at, _, id_ = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(" ")
        created_at, id_of_trace = datetime.fromisoformat(at), UUID(id_)
        if created_at.tzinfo is None or cursor_of(created_at, id_of_trace) != cursor:
            raise ValueError
    except (AttributeError, ValueError, binascii.Error):
        raise InvalidFilterError(
            f"cursor has to be the next_cursor of a page before, not {str(cursor)[:80]!r}; "
            "start again without one"
        ) from None
    return {"before_at": created_at, "before_id": id_of_trace}


def _one_of(name: str, value: object, accepted: tuple[str, ...]) -> str | None:
    if value is None or value in accepted:
        return value if isinstance(value, str) else None
    raise InvalidFilterError(f"{name} has to be one of {', '.join(accepted)}, not {value!r}")


def _number(name: str, value: object) -> int | None:
    if value is None or (type(value) is int and 0 <= value <= MAX_MODELS):
        return value
    raise InvalidFilterError(f"{name} has to be a whole number from 0 to {MAX_MODELS}, not {value!r}")


def _time(name: str, value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise InvalidFilterError(
            f"{name} has to be a time with its zone, like 2025-10-26T10:30:00Z, not {value!r}"
        )
    return value


def _text_to_search(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidFilterError(f"q has to be words to look for in prompts, not {value!r}")
    if len(value) > MAX_SEARCH_LENGTH:
        raise InvalidFilterError(
            f"q has to have at most {MAX_SEARCH_LENGTH} characters, not {len(value)}; "
            "a few words find a prompt"
        )
    return values.text(value) or ""
