"""The `google-genai` SDK: its place, nothing is patched yet."""

from image_tracing.instrumentors.instrumentor import Instrumentor


class GoogleGenAIInstrumentor(Instrumentor):
    """Without hooks."""
