"""AgentOps over the openai client."""

import openai
from agentops.instrumentation.providers.openai import OpenaiInstrumentor
from recording import PROMPT, REFUSED, Recording

recording = Recording()
OpenaiInstrumentor().instrument(tracer_provider=recording.provide())
client = openai.OpenAI(api_key="sk-test", base_url=recording.api.url, max_retries=0)
client.images.generate(model="gpt-image-2", prompt=PROMPT, size="64x48", quality="low", n=1)
client.images.generate(model="dall-e-3", prompt=PROMPT)
recording.expect(lambda: client.images.generate(model="gpt-image-2", prompt=REFUSED))
recording.tell()
