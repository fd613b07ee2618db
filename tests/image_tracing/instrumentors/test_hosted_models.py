"""The kind of a model, told by its name alone."""

import pytest

from image_tracing.instrumentors.hosted_models import makes_pictures

PICTURES = (
    "fal-ai/flux/dev", "fal-ai/flux-pro/v1.1-ultra", "fal-ai/flux-pro/kontext", "fal-ai/fast-sdxl",
    "fal-ai/stable-diffusion-v35-large", "fal-ai/recraft/v3/text-to-image", "fal-ai/ideogram/v3",
    "fal-ai/nano-banana/edit", "fal-ai/bytedance/seedream/v4/text-to-image",
    "fal-ai/gpt-image-1/text-to-image/byok", "fal-ai/gemini-25-flash-image", "fal-ai/qwen-image",
    "fal-ai/wan/v2.2-a14b/text-to-image", "fal-ai/hunyuan-image/v3/text-to-image",
    "fal-ai/imagen4/preview", "fal-ai/hidream-i1-full", "xai/grok-imagine-image", "fal-ai/esrgan",
    "workflows/someone/posters", "black-forest-labs/flux-schnell",
    "stability-ai/sdxl:39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b",
    "google/nano-banana", "google/imagen-4", "ideogram-ai/ideogram-v3-turbo", "lucataco/remove-bg",
)  # fmt: skip
OTHERS = (
    "fal-ai/kling-video/v2/master/image-to-video", "fal-ai/veo3", "fal-ai/wan-i2v",
    "fal-ai/wan-25-preview/text-to-video", "fal-ai/minimax/hailuo-02/standard/text-to-video",
    "fal-ai/bytedance/seedance/v1/lite/image-to-video", "fal-ai/whisper", "fal-ai/any-llm",
    "fal-ai/any-llm/vision", "fal-ai/playai/tts/v3", "fal-ai/stable-audio", "fal-ai/ace-step",
    "fal-ai/trellis", "fal-ai/hunyuan3d/v2", "fal-ai/flux-lora-fast-training",
    "meta/meta-llama-3-70b-instruct", "openai/gpt-5", "deepseek-ai/deepseek-r1",
    "anthropic/claude-4-sonnet", "openai/whisper", "suno-ai/bark", "meta/musicgen", "minimax/video-01",
    "google/veo-3-fast", "salesforce/blip", "replicate/flux-dev-lora-trainer", "luma/ray-2-720p",
)  # fmt: skip


@pytest.mark.parametrize("model", PICTURES)
def test_a_model_for_pictures_is_known_by_its_name(model: str) -> None:
    assert makes_pictures(model)


@pytest.mark.parametrize("model", OTHERS)
def test_a_model_for_something_else_is_known_by_its_name(model: str) -> None:
    assert not makes_pictures(model)


def test_a_model_without_a_name_may_make_pictures() -> None:
    assert makes_pictures(None)
