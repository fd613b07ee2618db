"""Instrumentors: calls of the SDKs that make pictures become attempts without a decorator.

An SDK is patched when it is imported, which is never done for it.
"""

from importlib import import_module
from typing import Final

from image_tracing.errors import UsageError
from image_tracing.instrumentors.instrumentor import Instrumentor

__all__ = ["instrument", "uninstrument"]

# The name of an SDK here is that of the module with its instrumentor.
_CLASSES: Final = {
    "diffusers": "DiffusersInstrumentor",
    "fal": "FalInstrumentor",
    "google_genai": "GoogleGenAIInstrumentor",
    "huggingface": "HuggingFaceInstrumentor",
    "litellm": "LiteLLMInstrumentor",
    "openai": "OpenAIInstrumentor",
    "replicate": "ReplicateInstrumentor",
    "together": "TogetherInstrumentor",
}


def instrument(*names: str) -> None:
    """Record calls of these SDKs as attempts, of all known ones without names; a second time does nothing.

    Those that are not installed are passed over, those not yet imported are patched when they are.

    Raises:
        UsageError: a name is not known.
    """
    for instrumentor in _instrumentors("instrument", names):
        instrumentor.instrument()


def uninstrument(*names: str) -> None:
    """Put these SDKs back as they were, all known ones without names.

    Raises:
        UsageError: a name is not known.
    """
    for instrumentor in _instrumentors("uninstrument", names):
        instrumentor.uninstrument()


def _instrumentors(action: str, names: tuple[str, ...]) -> list[Instrumentor]:
    unknown = [name for name in names if name not in _CLASSES]
    if unknown:
        raise UsageError(
            f"{action} wants names of SDKs; found {unknown[0]!r}; known are {', '.join(sorted(_CLASSES))}"
        )
    return [
        getattr(import_module(f"{__name__}.{name}"), _CLASSES[name])() for name in names or sorted(_CLASSES)
    ]
