"""The `huggingface_hub` SDK."""

from image_tracing.instrumentors.instrumentor import Instrumentor


class HuggingFaceInstrumentor(Instrumentor):
    """`InferenceClient.text_to_image` and `.image_to_image`, and their asynchronous twins."""
