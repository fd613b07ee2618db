"""What a call used and cost, as a foreign span tells it."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing_postgres.foreign.documents import first
from image_tracing_postgres.values import integer

_INPUT: Final = (names.USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT: Final = (names.USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_COST: Final = ("operation.cost", "gen_ai.usage.cost", "llm.cost.total", "litellm.cost.total")
_TICKS: Final = "gen_ai.usage.cost_in_usd_ticks"
# Of xAI's ticks ten thousand million make a dollar.
_TICKS_OF_A_DOLLAR: Final = 10_000_000_000


def usage_in(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """`input_tokens`, `output_tokens` and `cost_usd`, each only if it is told and not zero."""
    cost = first(attributes, _COST)
    ticks = attributes.get(_TICKS)
    if cost is None and isinstance(ticks, int):
        cost = ticks / _TICKS_OF_A_DOLLAR
    found = {
        # Micrometer, which Spring AI uses, has texts only.
        "input_tokens": integer(first(attributes, _INPUT)),
        "output_tokens": integer(first(attributes, _OUTPUT)),
        "cost_usd": cost,
    }
    return {name: value for name, value in found.items() if type(value) in (int, float) and value > 0}
