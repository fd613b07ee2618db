"""The local server that stands in for Hugging Face."""

import io
from collections.abc import Iterator
from itertools import count
from typing import Final

import httpx
import pytest
from PIL import Image

from image_tracing_viewer.demo.answers import Kind, answer_to
from image_tracing_viewer.demo.model_server import ModelServer

FLUX: Final = "black-forest-labs/FLUX.1-schnell"
STABLE_DIFFUSION: Final = "stabilityai/stable-diffusion-3.5-large"
QWEN: Final = "Qwen/Qwen-Image"
LIGHTNING: Final = "ByteDance/SDXL-Lightning"


@pytest.fixture(scope="module")
def models() -> Iterator[httpx.Client]:
    with (
        ModelServer(pace=0.0) as server,
        httpx.Client(base_url=server.url, timeout=5, trust_env=False) as client,
    ):
        yield client


def prompt_for(model: str, kind: Kind) -> str:
    """A prompt that this model meets with this kind of answer."""
    prompts = (f"prompt {number}" for number in count())
    return next(prompt for prompt in prompts if answer_to(model, prompt).kind == kind)


def ask(models: httpx.Client, model: str, kind: Kind, **parameters: int) -> httpx.Response:
    body = {"inputs": prompt_for(model, kind), "parameters": parameters}
    return models.post(f"/any/models/{model}", json=body)


def size(response: httpx.Response) -> tuple[int, int]:
    return Image.open(io.BytesIO(response.content)).size


def test_a_picture_comes_in_the_size_that_was_asked_for(models: httpx.Client) -> None:
    assert size(ask(models, FLUX, "picture", width=320, height=192)) == (320, 192)


def test_pictures_come_in_three_formats(models: httpx.Client) -> None:
    prompts = [
        f"prompt {number}" for number in range(40) if answer_to(QWEN, f"prompt {number}").kind == "picture"
    ]
    types = {
        models.post(f"/any/models/{QWEN}", json={"inputs": prompt}).headers["content-type"]
        for prompt in prompts
    }

    assert types == {"image/png", "image/jpeg", "image/webp"}


def test_a_model_that_rounds_gives_half_the_size(models: httpx.Client) -> None:
    assert size(ask(models, STABLE_DIFFUSION, "small", width=320, height=320)) == (160, 160)


def test_a_safety_filter_gives_black(models: httpx.Client) -> None:
    drawn = Image.open(io.BytesIO(ask(models, STABLE_DIFFUSION, "black").content))

    assert drawn.convert("L").getextrema() == (0, 0)


def test_a_truncated_picture_cannot_be_read_to_its_end(models: httpx.Client) -> None:
    answer = ask(models, QWEN, "truncated")

    with pytest.raises(OSError, match=r"truncated|decoder|Truncated"):
        Image.open(io.BytesIO(answer.content)).load()


def test_a_sign_in_page_comes_with_status_200(models: httpx.Client) -> None:
    answer = ask(models, QWEN, "page")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [
        (FLUX, "loading", 503),
        (FLUX, "rate_limited", 429),
        (FLUX, "refused", 400),
        (STABLE_DIFFUSION, "quota", 402),
        (STABLE_DIFFUSION, "out_of_memory", 500),
        (QWEN, "invalid", 400),
        (QWEN, "broken", 500),
        (LIGHTNING, "unauthorized", 401),
        (LIGHTNING, "not_found", 404),
    ],
)
def test_trouble_comes_with_its_status_and_a_reason(
    models: httpx.Client, model: str, kind: Kind, status: int
) -> None:
    answer = ask(models, model, kind)

    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_dropped_connection_is_no_answer(models: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        ask(models, QWEN, "dropped")


def test_a_slow_model_outlasts_the_caller(models: httpx.Client) -> None:
    prompt = prompt_for(FLUX, "slow")

    with pytest.raises(httpx.ReadTimeout):
        models.post(f"/any/models/{FLUX}", json={"inputs": prompt}, timeout=0.3)


def test_a_cache_gives_every_prompt_the_same_picture(models: httpx.Client) -> None:
    lever, pulley = (
        models.post(f"/any/models/{FLUX}", json={"inputs": prompt}).content
        for prompt in ("A lever", "A pulley")
    )

    assert lever == pulley
