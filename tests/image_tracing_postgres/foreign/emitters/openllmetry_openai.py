"""OpenLLMetry (Traceloop) over the openai client: metrics of image calls, no spans."""

import openai
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from recording import PROMPT, REFUSED, Recording

recording = Recording()
OpenAIInstrumentor().instrument(tracer_provider=recording.provide())
client = openai.OpenAI(api_key="sk-test", base_url=recording.api.url, max_retries=0)
client.images.generate(model="gpt-image-2", prompt=PROMPT, size="64x48", quality="low", n=1)
recording.expect(lambda: client.images.generate(model="gpt-image-2", prompt=REFUSED))
recording.tell()
