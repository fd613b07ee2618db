"""OpenInference over the google-genai client."""

from google import genai
from google.genai import types
from google_answers import MODEL, answer
from openinference.instrumentation.google_genai import GoogleGenAIInstrumentor
from recording import PROMPT, REFUSED, Recording

recording = Recording()
GoogleGenAIInstrumentor().instrument(tracer_provider=recording.provide())
recording.api.answer(answer)
client = genai.Client(api_key="test", http_options=types.HttpOptions(base_url=recording.api.url))
config = types.GenerateContentConfig(response_modalities=["IMAGE"], seed=7)
client.models.generate_content(model=MODEL, contents=PROMPT, config=config)
client.models.generate_content(model=MODEL, contents=REFUSED, config=config)
recording.tell()
