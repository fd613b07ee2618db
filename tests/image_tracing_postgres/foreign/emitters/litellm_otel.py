"""litellm's own callback for OpenTelemetry, version 2, with contents; it tells of asynchronous calls only."""

import asyncio

import litellm
from litellm.integrations.otel.logger import build_otel_v2_logger
from litellm.integrations.otel.model.config import OpenTelemetryV2Config
from recording import PROMPT, REFUSED, Recording

recording = Recording()
config = OpenTelemetryV2Config(capture_message_content="span_only")
litellm.callbacks = [build_otel_v2_logger(config=config, tracer_provider=recording.provide())]
options = {"api_key": "sk-test", "api_base": recording.api.url, "max_retries": 0}


async def generate() -> None:
    await litellm.aimage_generation(
        model="openai/gpt-image-2", prompt=PROMPT, size="64x48", quality="low", **options
    )
    await litellm.aimage_generation(model="openai/dall-e-3", prompt=PROMPT, **options)
    try:
        await litellm.aimage_generation(model="openai/gpt-image-2", prompt=REFUSED, **options)
    except litellm.BadRequestError:
        await asyncio.to_thread(recording.wait, spans=3)


asyncio.run(generate())
recording.tell()
