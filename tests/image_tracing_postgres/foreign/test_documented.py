"""Emitters that are no Python packages: spans with the attributes that their documents and sources name."""

import base64
import json
from typing import Any

import pytest

from image_tracing_postgres import Store, rows_from

from .conftest import Foreign

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)
_BASE64 = base64.b64encode(_PNG).decode()

# Microsoft.Extensions.AI 10, OpenTelemetryImageGenerator, with EnableSensitiveData.
MICROSOFT = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.output.type": "image",
    "gen_ai.request.model": "gpt-image-2",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.choice.count": 2,
    "gen_ai.request.image.width": 1024,
    "gen_ai.request.image.height": 768,
    "gen_ai.input.messages": json.dumps(
        [
            {
                "role": "user",
                "parts": [
                    {"type": "text", "content": "a red fox"},
                    {"type": "blob", "content": _BASE64, "mime_type": "image/png", "modality": "image"},
                ],
            }
        ]
    ),
    "gen_ai.output.messages": json.dumps(
        [
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "uri",
                        "uri": "https://x.example/1.png",
                        "mime_type": "image/png",
                        "modality": "image",
                    },
                    {"type": "blob", "content": _BASE64, "mime_type": "image/png", "modality": "image"},
                ],
            }
        ]
    ),
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 20,
}
# Spring AI 1.1, ImageModel: Micrometer has texts only, and `none` where nothing was given.
SPRING = {
    "gen_ai.operation.name": "image",
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-image-2",
    "gen_ai.request.image.response_format": "url",
    "gen_ai.request.image.size": "1024x1792",
    "gen_ai.request.image.style": "none",
    "gen_ai.usage.input_tokens": "10",
    "gen_ai.prompt": "a red fox",
}
# OpenLLMetry-JS, openai instrumentation.
OPENLLMETRY_JS = {
    "gen_ai.system": "OpenAI",
    "gen_ai.request.type": "image_generation",
    "gen_ai.request.model": "dall-e-3",
    "gen_ai.request.image.size": "1024x1024",
    "gen_ai.request.image.count": 1,
    "gen_ai.prompt.0.content": "a red fox",
    "gen_ai.prompt.0.role": "user",
    "gen_ai.completion.0.content": "https://x.example/1.png",
    "gen_ai.response.revised_prompt": "A red fox, in snow",
}
# Vercel AI SDK 6, experimental_generateImage.
VERCEL = {
    "ai.operationId": "ai.generateImage.doGenerate",
    "ai.model.id": "flux",
    "ai.model.provider": "fal",
    "ai.prompt": "a red fox",
    "ai.image.n": 2,
    "ai.image.aspectRatio": "16:9",
    "ai.image.seed": 7,
    "ai.response.imagesGenerated": 2,
}
# JetBrains Tracy, Imagen.
TRACY = {
    "gen_ai.operation.name": "generate_content",
    "gen_ai.system": "gemini",
    "gen_ai.output.type": "image",
    "gen_ai.request.model": "imagen-4",
    "gen_ai.prompt.0.content": "a red fox",
    "gen_ai.request.image.number_of_images": 4,
    "gen_ai.response.image.count": 4,
}
_PART = ("image/png", 1, 1, len(_PNG), None)


@pytest.mark.parametrize(
    ("name", "attributes", "model", "provider", "options", "images"),
    [
        ("generate_content gpt-image-2", MICROSOFT, "gpt-image-2", "openai",
         {"n": 2, "width": 1024, "height": 768},
         [("image/png", None, None, None, "https://x.example/1.png"), _PART]),
        ("image gpt-image-2", SPRING, "gpt-image-2", "openai",
         {"size": "1024x1792", "response_format": "url"}, []),
        ("openai.images.generate", OPENLLMETRY_JS, "dall-e-3", "openai", {"n": 1, "size": "1024x1024"},
         [(None, None, None, None, "https://x.example/1.png")]),
        ("ai.generateImage.doGenerate", VERCEL, "flux", "fal_ai",
         {"n": 2, "aspect_ratio": "16:9", "seed": 7}, [(None,) * 5] * 2),
        ("generate_content imagen-4", TRACY, "imagen-4", "gcp.gemini", {"n": 4}, [(None,) * 5] * 4),
    ],
    ids=["microsoft", "spring", "openllmetry-js", "vercel", "tracy"],
)  # fmt: skip
def test_documented_attributes_are_a_row(
    store: Store,
    foreign: Foreign,
    name: str,
    attributes: dict[str, Any],
    model: str,
    provider: str,
    options: dict[str, Any],
    images: list[tuple[Any, ...]],
) -> None:
    store.save(rows_from([foreign(attributes, name=name)]))

    [attempt] = store.attempts()
    assert (attempt.model, attempt.provider, attempt.prompt) == (model, provider, "a red fox")
    assert (attempt.outcome, attempt.request["options"]) == ("ok", options)
    assert [
        (each.mime_type, each.width, each.height, each.size_bytes, each.url) for each in attempt.images
    ] == images


def test_counts_that_are_texts_are_read(store: Store, foreign: Foreign) -> None:
    store.save(rows_from([foreign(SPRING, name="image gpt-image-2")]))

    assert store.attempts()[0].response["usage"] == {"input_tokens": 10}


def test_a_model_called_none_is_the_one_in_the_name(store: Store, foreign: Foreign) -> None:
    store.save(rows_from([foreign({**SPRING, "gen_ai.request.model": "none"}, name="image gpt-image-2")]))

    assert [attempt.model for attempt in store.attempts()] == ["gpt-image-2"]
