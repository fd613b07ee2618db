"""OpenInference over litellm and over the openai client below it: one call, two spans."""

import litellm
from openinference.instrumentation.litellm import LiteLLMInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from recording import PROMPT, Recording

recording = Recording()
provider = recording.provide()
LiteLLMInstrumentor().instrument(tracer_provider=provider)
OpenAIInstrumentor().instrument(tracer_provider=provider)
litellm.image_generation(
    model="openai/gpt-image-2", prompt=PROMPT, api_key="sk-test", api_base=recording.api.url
)
recording.tell()
