"""OpenInference over litellm."""

import litellm
from openinference.instrumentation.litellm import LiteLLMInstrumentor
from recording import PROMPT, REFUSED, Recording

recording = Recording()
LiteLLMInstrumentor().instrument(tracer_provider=recording.provide())
options = {"api_key": "sk-test", "api_base": recording.api.url, "max_retries": 0}
litellm.image_generation(model="openai/gpt-image-2", prompt=PROMPT, size="64x48", quality="low", **options)
litellm.image_generation(model="openai/dall-e-3", prompt=PROMPT, **options)
recording.expect(lambda: litellm.image_generation(model="openai/gpt-image-2", prompt=REFUSED, **options))
recording.tell()
