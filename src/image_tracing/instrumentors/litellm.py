"""The `litellm` SDK: its place, nothing is patched yet."""

from image_tracing.instrumentors.instrumentor import Instrumentor


class LiteLLMInstrumentor(Instrumentor):
    """Without hooks."""
