"""A picture generator as anyone would write it: models are tried in turn until one gives a picture.

Only the two decorators, `current_attempt().fail` and the two notes on the generation are image-tracing's.
"""

import io
import logging
import os
import zlib

from huggingface_hub import InferenceClient
from PIL import Image

from image_tracing import attempt, current_attempt, current_generation, generation

logger = logging.getLogger(__name__)

# In the order in which they are tried, each with the provider that runs it.
MODELS = (
    ("black-forest-labs/FLUX.1-schnell", "together"),
    ("stabilityai/stable-diffusion-3.5-large", "hf-inference"),
    ("Qwen/Qwen-Image", "fal-ai"),
    ("runwayml/stable-diffusion-v1-5", "hf-inference"),
    ("ByteDance/SDXL-Lightning", "replicate"),
)


class NoModelLeftError(RuntimeError):
    """Every model was tried for a prompt, and none gave a picture."""


@attempt(provider=lambda call: call["provider"], require_image=True)
def paint(
    model: str,
    prompt: str,
    *,
    provider: str,
    negative_prompt: str = "text, watermark, extra fingers",
    width: int = 640,
    height: int = 640,
    guidance_scale: float = 4.5,
    num_inference_steps: int = 28,
    seed: int | None = None,
    timeout: float = 2.0,
) -> bytes:
    """One picture from one model, in the format in which the model sent it."""
    # One address a model is how dedicated endpoints are called; here all of them are the demo's local server.
    address = f"{os.environ['DEMO_MODELS_URL']}/{provider}/models/{model}"
    client = InferenceClient(base_url=address, token="demo", timeout=timeout)  # noqa: S106 (opens nothing)
    picture = client.text_to_image(
        prompt,
        negative_prompt=negative_prompt,
        width=width,
        height=height,
        guidance_scale=guidance_scale,
        num_inference_steps=num_inference_steps,
        seed=seed,
    )
    encoded = io.BytesIO()
    # What is told to have failed raises NoImageError on return, since a picture is required.
    try:
        picture.save(encoded, picture.format)
        if is_black(picture):
            current_attempt().fail("the picture is black", outcome="blank")
    except OSError as error:
        current_attempt().fail(f"the picture is cut off: {error}", outcome="corrupt")
    return encoded.getvalue()


def is_black(picture: Image.Image) -> bool:
    """Whether no pixel is brighter than one can see."""
    _darkest, brightest = picture.convert("L").getextrema()
    return isinstance(brightest, int) and brightest < 8


def first_picture(prompt: str, *, timeout: float) -> bytes:
    """The picture of the first model that gives one."""
    trouble: Exception | None = None
    for model, provider in MODELS:
        try:
            seed = zlib.crc32(prompt.encode())
            return paint(model, prompt, provider=provider, seed=seed, timeout=timeout)
        except Exception as error:  # noqa: BLE001 (the next model may do better)
            trouble = error
            logger.info("%s: %s; trying the next model", model, type(error).__name__)
    raise NoModelLeftError(
        f"wanted a picture of {prompt[:60]!r}, but none of {len(MODELS)} models gave one"
    ) from trouble


@generation(name="illustrate_lesson")
def illustrate(lesson_id: str, prompts: list[str], *, style: str, timeout: float = 2.0) -> list[str]:
    """The addresses of the pictures of a lesson, one a prompt."""
    addresses = []
    for index, prompt in enumerate(prompts, start=1):
        first_picture(f"{prompt}, {style}", timeout=timeout)
        address = f"https://pictures.example.org/{lesson_id}/{index}"
        current_generation().record_upload(url=address)
        addresses.append(address)
    return addresses
