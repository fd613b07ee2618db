"""OpenTelemetry's own instrumentor over the google-genai client, with contents."""

import os

from google import genai
from google.genai import types
from google_answers import MODEL, answer
from recording import PROMPT, REFUSED, Recording

os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"

from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor

recording = Recording()
GoogleGenAiSdkInstrumentor().instrument(tracer_provider=recording.provide(), skip_dep_check=True)
recording.api.answer(answer)
client = genai.Client(api_key="test", http_options=types.HttpOptions(base_url=recording.api.url))
config = types.GenerateContentConfig(response_modalities=["IMAGE"], seed=7)
client.models.generate_content(model=MODEL, contents=PROMPT, config=config)
client.models.generate_content(model=MODEL, contents=REFUSED, config=config)
recording.tell()
