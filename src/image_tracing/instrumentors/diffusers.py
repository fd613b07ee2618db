"""The `diffusers` SDK: its place, nothing is patched yet."""

from image_tracing.instrumentors.instrumentor import Instrumentor


class DiffusersInstrumentor(Instrumentor):
    """Without hooks."""
