"""What the description cannot say: how a cursor looks inside, and which parameters exclude each other."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext
from starlette.datastructures import QueryParams

from image_tracing_postgres.errors import InvalidFilterError
from image_tracing_postgres.filters import cursor_of
from image_tracing_postgres.statistics.ranges import range_of
from image_tracing_viewer.charts.dashboard import chart_query_from

schemathesis.openapi.format(
    "trace-cursor", st.builds(cursor_of, st.datetimes(timezones=st.timezones()), st.uuids())
)
schemathesis.openapi.format(
    "time-zone", st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"])
)


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """Leaves out requests of valid values that are refused together."""
    query = case.query or {}
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return True
    if case.method == "DELETE":
        return len(query) == 1
    if "/charts/" in case.path:
        return _is_chart(query)
    if case.path.endswith("/stats"):
        return _is_range(query)
    return not ("cursor" in query and query.get("offset"))


def _is_range(query: Mapping[str, Any]) -> bool:
    """Whether the range does not end before it begins, and has few enough buckets."""
    start, stop = (
        datetime.fromisoformat(query[name]) if query.get(name) else None for name in ("from", "to")
    )
    try:
        range_of(
            start,
            stop,
            bucket=query.get("bucket") or None,
            tz=query.get("tz") or "UTC",
            now=datetime.now(UTC),
        )
    except InvalidFilterError:
        return False
    return True


def _is_chart(query: Mapping[str, Any]) -> bool:
    """Whether the range is of the charts' calendar, does not end before it begins, and has few buckets."""
    given = {name: str(value) for name, value in query.items() if name not in ("theme", "width")}
    try:
        chart_query_from(QueryParams(given), datetime.now(UTC))
    except InvalidFilterError:
        return False
    return True
