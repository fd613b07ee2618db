"""The `replicate` SDK: its place, nothing is patched yet."""

from image_tracing.instrumentors.instrumentor import Instrumentor


class ReplicateInstrumentor(Instrumentor):
    """Without hooks."""
