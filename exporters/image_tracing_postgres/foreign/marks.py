"""A first look at spans, cheap enough to be taken at every span of a program."""

from collections.abc import Mapping
from typing import Any, Final

# Every emitter sets at least one of these; most spans of a program have none.
_MARKS: Final = frozenset(
    {
        "ai.model.id",
        "ai.operationId",
        "gen_ai.operation.name",
        "gen_ai.output.type",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.request.type",
        "gen_ai.response.model",
        "gen_ai.system",
        "llm.model_name",
        "llm.request.type",
        "openinference.span.kind",
    }
)


def may_be_foreign(attributes: Mapping[str, Any]) -> bool:
    """Whether a span can be about pictures at all, whoever made it."""
    return not _MARKS.isdisjoint(attributes)
