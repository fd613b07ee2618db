"""Pydantic AI's image models."""

from pydantic_ai.images import ImageGenerator
from pydantic_ai.images.openai import OpenAIImageGenerationModel
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.providers.openai import OpenAIProvider
from recording import PROMPT, REFUSED, Recording

recording = Recording()
settings = InstrumentationSettings(tracer_provider=recording.provide())
provider = OpenAIProvider(api_key="sk-test", base_url=recording.api.url)
model = OpenAIImageGenerationModel("gpt-image-2", provider=provider)
generator = ImageGenerator(model, instrument=settings)
generator.generate_sync(PROMPT)
recording.expect(lambda: generator.generate_sync(REFUSED))
recording.tell()
