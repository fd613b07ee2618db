"""Logfire over the openai client, with its announcements of spans that began."""

import logfire
import openai
from logfire._internal.tracer import PendingSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from recording import PROMPT, REFUSED, Recording

recording = Recording()
processor = recording.processor()
logfire.configure(
    send_to_logfire=False,
    console=False,
    service_name="lessons",
    inspect_arguments=False,
    additional_span_processors=[processor, PendingSpanProcessor(RandomIdGenerator(), processor)],
)
client = openai.OpenAI(api_key="sk-test", base_url=recording.api.url, max_retries=0)
logfire.instrument_openai(client)
client.images.generate(model="gpt-image-2", prompt=PROMPT, size="64x48", quality="low", n=1)
client.images.generate(model="dall-e-3", prompt=PROMPT)
recording.expect(lambda: client.images.generate(model="gpt-image-2", prompt=REFUSED))
recording.tell()
