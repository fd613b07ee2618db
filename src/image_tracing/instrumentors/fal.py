"""The `fal-client` SDK: its place, nothing is patched yet."""

from image_tracing.instrumentors.instrumentor import Instrumentor


class FalInstrumentor(Instrumentor):
    """Without hooks."""
