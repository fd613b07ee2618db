"""What a foreign span says was asked for, beside model and prompt, under the names that SDKs use."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing_postgres.foreign.documents import parsed

Attributes = Mapping[str, Any]

# Our own first: a program in another language may know some of them.
_SINGLE: Final[Mapping[str, str]] = {
    names.WIDTH: "width",
    names.HEIGHT: "height",
    names.SIZE: "size",
    names.ASPECT_RATIO: "aspect_ratio",
    names.QUALITY: "quality",
    names.STYLE: "style",
    names.GUIDANCE_SCALE: "guidance_scale",
    names.STEPS: "steps",
    names.STRENGTH: "strength",
    names.SCHEDULER: "scheduler",
    names.OUTPUT_FORMAT: "output_format",
    names.BACKEND: "backend",
    names.REQUEST_CHOICE_COUNT: "n",
    names.REQUEST_SEED: "seed",
    "gen_ai.openai.request.seed": "seed",
}
_PREFIXES: Final = (
    "gen_ai.request.image.",
    "gen_ai.request.image_",
    "ai.image.",
    "gcp.gen_ai.operation.config.",
)
_RENAMED: Final[Mapping[str, str]] = {
    "aspectRatio": "aspect_ratio",
    "count": "n",
    "number_of_images": "n",
}
# JSON texts that hold parameters; OpenInference's request is the least telling of them.
_DOCUMENTS: Final = (
    "image_generation_settings",
    "llm.invocation_parameters",
    "request_data",
    "input.value",
)
# Told elsewhere, or no options at all.
_NO_OPTIONS: Final = frozenset(
    {
        "contents",
        "extra_headers",
        "generation_config",
        "image_prompt",
        "input",
        "messages",
        "model",
        "negative_prompt",
        "prompt",
        "prompts",
        "response_modalities",
        "timeout",
    }
)


def documents_in(attributes: Attributes) -> list[Mapping[str, Any]]:
    """What the JSON texts say that hold parameters, the most telling first."""
    found = (parsed(attributes.get(key)) for key in _DOCUMENTS)
    return [document for document in found if isinstance(document, Mapping)]


def options_in(attributes: Attributes, documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The options, each by the first attribute that tells it; those without a value are left out."""
    options: dict[str, Any] = {}
    given = parsed(attributes.get(names.REQUEST))
    _add(given, options)
    for key, name in _SINGLE.items():
        _add({name: attributes.get(key)}, options)
    for prefix in _PREFIXES:
        start = len(prefix)
        _add({key[start:]: value for key, value in attributes.items() if key.startswith(prefix)}, options)
    for document in documents:
        _add(document, options)
    return options


def value_in(documents: Sequence[Mapping[str, Any]], name: str) -> Any:
    """A value that only the JSON of a request tells, the model, say."""
    return next((document[name] for document in documents if document.get(name)), None)


def _add(found: Any, options: dict[str, Any]) -> None:
    if not isinstance(found, Mapping):
        return
    for given, value in found.items():
        name = _RENAMED.get(given, given)
        if value is not None and value not in ("", "none") and name not in _NO_OPTIONS:
            options.setdefault(name, value)
