"""A program of ours in which OpenInference watches the openai client as well."""

import sys

import openai
from openinference.instrumentation.openai import OpenAIInstrumentor
from recording import PROMPT, Recording

import image_tracing_postgres
from image_tracing import attempt, generation

recording = Recording()
provider = image_tracing_postgres.configure(sys.argv[1], service_name="lessons")
OpenAIInstrumentor().instrument(tracer_provider=provider)
client = openai.OpenAI(api_key="sk-test", base_url=recording.api.url, max_retries=0)


@attempt(provider="openai")
def paint(model: str, prompt: str) -> object:
    return client.images.generate(model=model, prompt=prompt)


@generation
def illustrate() -> None:
    client.images.generate(model="gpt-image-2", prompt=PROMPT)
    paint("gpt-image-2", PROMPT)


illustrate()
client.images.generate(model="gpt-image-2", prompt=PROMPT)
provider.force_flush()
provider.shutdown()
