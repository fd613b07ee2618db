"""The drawn landscapes."""

import io

import pytest
from PIL import Image

from image_tracing_viewer.demo.pictures import Format, black_picture, picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_has_the_format_and_size_that_were_asked_for(kind: Format) -> None:
    drawn = Image.open(io.BytesIO(picture(1, width=192, height=128, format=kind)))

    drawn.load()
    assert (drawn.format, drawn.size) == (kind, (192, 128))


def test_the_same_seed_draws_the_same_bytes() -> None:
    assert picture(7, width=64, height=64, format="PNG") == picture(7, width=64, height=64, format="PNG")


def test_another_seed_draws_another_picture() -> None:
    assert picture(7, width=64, height=64, format="PNG") != picture(8, width=64, height=64, format="PNG")


def test_a_black_picture_has_no_light_in_it() -> None:
    drawn = Image.open(io.BytesIO(black_picture(width=64, height=64)))

    assert drawn.convert("L").getextrema() == (0, 0)
