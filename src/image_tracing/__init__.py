"""Instrumentation for image generators: OpenTelemetry spans of generations and their attempts."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from image_tracing._version import __version__
from image_tracing.attributes import ErrorClass, Outcome
from image_tracing.decorators import attempt, current_attempt, current_generation, generation
from image_tracing.errors import ImageTracingError, NoImageError, UsageError
from image_tracing.propagation import in_context

if TYPE_CHECKING:
    from image_tracing.attempts import Attempt
    from image_tracing.generations import Generation
    from image_tracing.image_tracer import ImageTracer
    from image_tracing.instrumentors import instrument, uninstrument

__all__ = [
    "Attempt",
    "ErrorClass",
    "Generation",
    "ImageTracer",
    "ImageTracingError",
    "NoImageError",
    "Outcome",
    "UsageError",
    "__version__",
    "attempt",
    "current_attempt",
    "current_generation",
    "generation",
    "in_context",
    "instrument",
    "uninstrument",
]

# What needs all that records; decorated programs without a provider never do.
_LATER = {
    "Attempt": "image_tracing.attempts",
    "Generation": "image_tracing.generations",
    "ImageTracer": "image_tracing.image_tracer",
    "instrument": "image_tracing.instrumentors",
    "uninstrument": "image_tracing.instrumentors",
}


def __getattr__(name: str) -> Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value
