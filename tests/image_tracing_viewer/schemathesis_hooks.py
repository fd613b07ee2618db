"""What the description cannot say: how a cursor looks inside, and which parameters exclude each other."""

from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext

from image_tracing_postgres.filters import cursor_of

schemathesis.openapi.format(
    "trace-cursor", st.builds(cursor_of, st.datetimes(timezones=st.timezones()), st.uuids())
)


@schemathesis.hook
def filter_case(context: HookContext, case: Case[Any]) -> bool:
    """Leaves out requests of valid values that are refused together."""
    query = case.query or {}
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return True
    if case.method == "DELETE":
        return len(query) == 1
    return not ("cursor" in query and query.get("offset"))
