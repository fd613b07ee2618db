"""The `together` SDK: its place, nothing is patched yet."""

from image_tracing.instrumentors.instrumentor import Instrumentor


class TogetherInstrumentor(Instrumentor):
    """Without hooks."""
