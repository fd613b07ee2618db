"""Instrumentors: calls of the SDKs that make pictures become attempts without a decorator.

An SDK is patched when it is imported, which is never done for it; only then is its instrumentor imported.
"""

import sys
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final

from image_tracing.errors import UsageError
from image_tracing.instrumentors.imports import Hook, after_import, forget

if TYPE_CHECKING:
    from image_tracing.instrumentors.instrumentor import Instrumentor

__all__ = ["instrument", "uninstrument"]

# The name of an SDK here is that of the module with its instrumentor; its own package, and the class.
_SDKS: Final = {
    "diffusers": ("diffusers", "DiffusersInstrumentor"),
    "fal": ("fal_client", "FalInstrumentor"),
    "google_genai": ("google.genai", "GoogleGenAIInstrumentor"),
    "huggingface": ("huggingface_hub", "HuggingFaceInstrumentor"),
    "litellm": ("litellm", "LiteLLMInstrumentor"),
    "openai": ("openai", "OpenAIInstrumentor"),
    "replicate": ("replicate", "ReplicateInstrumentor"),
    "together": ("together", "TogetherInstrumentor"),
}
_waiting: Final[dict[str, Hook]] = {}


def instrument(*names: str) -> None:
    """Record calls of these SDKs as attempts, of all known ones without names; a second time does nothing.

    Those that are not installed are passed over, those not yet imported are patched when they are.

    Raises:
        UsageError: a name is not known.
    """
    for name in _known("instrument", names):
        hook = partial(_switch_on, name)
        if _waiting.setdefault(name, hook) is hook:
            after_import(_SDKS[name][0], hook)
        elif f"{__name__}.{name}" in sys.modules:
            # Its own `uninstrument` may have been called since.
            _instrumentor(name).instrument()


def uninstrument(*names: str) -> None:
    """Put these SDKs back as they were, all known ones without names.

    Raises:
        UsageError: a name is not known.
    """
    for name in _known("uninstrument", names):
        hook = _waiting.pop(name, None)
        if hook is not None:
            forget(hook)
        if f"{__name__}.{name}" in sys.modules:
            _instrumentor(name).uninstrument()


def _known(action: str, names: tuple[str, ...]) -> Iterable[str]:
    unknown = [name for name in names if name not in _SDKS]
    if unknown:
        raise UsageError(
            f"{action} wants names of SDKs; found {unknown[0]!r}; known are {', '.join(sorted(_SDKS))}"
        )
    return names or _SDKS


def _switch_on(name: str, _: ModuleType) -> None:
    _instrumentor(name).instrument()


def _instrumentor(name: str) -> "Instrumentor":
    found: Instrumentor = getattr(import_module(f"{__name__}.{name}"), _SDKS[name][1])()
    return found
