"""The names of providers, which every emitter spells in its own way."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.fields import text_of
from image_tracing_postgres.foreign.documents import first

_KEYS: Final = (names.PROVIDER_NAME, "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider")
# In lower case, with `_` for what stands between words.
_KNOWN: Final[Mapping[str, str]] = {
    "aws": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "fal": "fal_ai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google_ai": "gcp.gemini",
    "hugging_face": "huggingface",
    "stability": "stability_ai",
    "stabilityai": "stability_ai",
    "together": "together_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "xai": "x_ai",
}


def provider_of(attributes: Mapping[str, Any], model: str | None) -> str | None:
    """The provider as the semantic conventions name it; litellm's models begin with theirs."""
    given = text_of(first(attributes, _KEYS))
    if given is None:
        if model is None or attributes.get("llm.model_name") != model or model.count("/") != 1:
            return None
        given = model.partition("/")[0]
    name = given.lower().replace("-", "_").replace(" ", "_")
    return _KNOWN.get(name, name)
