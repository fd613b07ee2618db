"""The story of docs/other-languages.md, told with our own decorators and exporter."""

import os
from pathlib import Path
from typing import Any

import image_tracing_postgres
from image_tracing import attempt, current_attempt, generation


class Error(Exception):
    """As JavaScript calls it."""


class ApiError(Exception):
    """What a provider's client raises."""

    status_code = 429


@attempt(provider="huggingface", require_image=True)
def paint(model: str, prompt: str, *, width: int, height: int, seed: int) -> bytes | None:
    if model == "flux-schnell":
        raise TimeoutError("no image after 30 s — gave up")
    if model == "imagen-4":
        current_attempt().fail("the safety filter took it", outcome="refused")
        return None
    if os.environ["STORY"] == "failed":
        raise ApiError("slow down")
    return Path("picture.png").read_bytes()


@generation(name="illustrate", request=lambda call: {"prompts": [call["prompt"]]})
def illustrate(lesson_id: str, prompt: str) -> Any:
    for model in ("flux-schnell", "imagen-4", "sd-3.5"):
        try:
            return paint(model, prompt, width=512, height=512, seed=7)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next model is tried
            print(error)
    raise Error("no model gave a picture")


image_tracing_postgres.configure()
illustrate("lesson-1", "A fjord at dawn")
