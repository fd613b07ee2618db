"""Instrumentation for image generators: OpenTelemetry spans of generations and their attempts."""

from image_tracing._version import __version__
from image_tracing.attempts import Attempt
from image_tracing.attributes import ErrorClass, Outcome
from image_tracing.decorators import attempt, current_attempt, current_generation, generation
from image_tracing.errors import ImageTracingError, NoImageError, UsageError
from image_tracing.generations import Generation
from image_tracing.image_tracer import ImageTracer
from image_tracing.propagation import in_context

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
]
