"""One page of the list: its rows, its filters as a form and as chips, and the ways onward."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.datastructures import QueryParams

from image_tracing_postgres.records import Page
from image_tracing_viewer import formats
from image_tracing_viewer.links import Links
from image_tracing_viewer.query import FILTER_NAMES, LIMIT_DEFAULT, Query
from image_tracing_viewer.summaries import Summary, summary_of

LIMITS: Final = (25, 50, 100, 200, 500)
LABELS: Final[Mapping[str, str]] = {
    "q": "Words",
    "status": "Status",
    "model": "Model tried",
    "served_by": "Served by",
    "models_tried": "Models tried",
    "least_models_tried": "Models tried, at least",
    "lesson_id": "Lesson",
    "provider": "Provider",
    "service": "Service",
    "error_class": "Error class",
    "outcome": "Outcome",
    "from": "From",
    "to": "Before",
    "id": "Id",
}
_ALWAYS_SHOWN: Final = frozenset({"q", "status", "model", "lesson_id"})
SPOKEN: Final = frozenset({"error_class", "outcome"})


@dataclass(frozen=True, slots=True)
class Chip:
    """An active filter. `instant` is its time in ISO 8601 if it is one; `without` is the list without it."""

    label: str
    value: str
    instant: str
    without: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list page shows. `problem` says why the filters cannot be used; then there are no rows."""

    rows: Sequence[Summary]
    newest_at: datetime | None
    oldest_at: datetime | None
    chips: Sequence[Chip]
    is_first: bool
    newest: str
    older: str | None
    problem: str | None


def listing_of(page: Page, query: Query, params: QueryParams, *, links: Links, now: datetime) -> Listing:
    """The page of the list that was found."""
    kept = _kept(params)
    return Listing(
        rows=[summary_of(trace, now=now) for trace in page],
        newest_at=page[0].created_at if page else None,
        oldest_at=page[-1].created_at if page else None,
        chips=_chips(params, query, links),
        is_first=query.cursor is None and query.offset == 0,
        newest=links.list_with(kept),
        older=links.list_with([*kept, ("cursor", page.next_cursor)]) if page.next_cursor else None,
        problem=None,
    )


def refused_listing(problem: str, params: QueryParams, *, links: Links) -> Listing:
    """The list without rows, since its parameters cannot be used."""
    return Listing(
        rows=(),
        newest_at=None,
        oldest_at=None,
        chips=_chips(params, None, links),
        is_first=False,
        newest=links.traces,
        older=None,
        problem=problem[:1].upper() + problem[1:],
    )


def form_of(params: QueryParams, query: Query | None) -> dict[str, Any]:
    """The value of each field of the filter form; times as a `datetime-local` field takes them, in UTC."""
    form: dict[str, Any] = {name: params.get(name, "") for name in FILTER_NAMES}
    for name, moment in (("from", _moment(query, "from_")), ("to", _moment(query, "to"))):
        form[f"{name}_local"] = f"{moment:%Y-%m-%dT%H:%M:%S}".removesuffix(":00") if moment else ""
        form[f"{name}_instant"] = formats.iso(moment)
    form["limit"] = query.limit if query else LIMIT_DEFAULT
    return form


def is_wide(params: QueryParams) -> bool:
    """Whether a filter is set that stands among the further ones of the form."""
    return any(params.get(name) for name in FILTER_NAMES if name not in _ALWAYS_SHOWN) or "limit" in params


def _moment(query: Query | None, name: str) -> datetime | None:
    if query is None:
        return None
    return query.filters.get("from_") if name == "from_" else query.filters.get("to")


def _kept(params: QueryParams) -> list[tuple[str, str]]:
    """The parameters that stay when the reader turns the page."""
    return [
        (name, value) for name, value in params.multi_items() if value and (name in LABELS or name == "limit")
    ]


def _chips(params: QueryParams, query: Query | None, links: Links) -> list[Chip]:
    kept = _kept(params)
    moments = {"from": _moment(query, "from_"), "to": _moment(query, "to")}
    chips = []
    for name, value in kept:
        if name not in LABELS:
            continue
        moment = moments.get(name)
        shown = formats.instant(moment) if moment else formats.words(value) if name in SPOKEN else value
        chips.append(
            Chip(
                label=LABELS[name],
                value=formats.shortened(shown, 60),
                instant=formats.iso(moment),
                without=links.list_with([pair for pair in kept if pair[0] != name]),
            )
        )
    return chips
