"""Landscapes drawn by Pillow: different for each seed, quick to draw, worth looking at."""

import io
import math
from random import Random
from typing import Literal

from PIL import Image, ImageDraw

Format = Literal["PNG", "JPEG", "WEBP"]
Colour = tuple[int, int, int]

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((24, 32, 84), (244, 158, 92)),
    ((72, 149, 239), (216, 239, 255)),
    ((10, 12, 38), (74, 58, 122)),
    ((255, 183, 77), (255, 236, 196)),
    ((38, 70, 83), (167, 216, 200)),
    ((120, 60, 110), (250, 190, 170)),
)
_LANDS: tuple[tuple[Colour, Colour], ...] = (
    ((150, 190, 160), (20, 66, 52)),
    ((214, 180, 140), (104, 58, 32)),
    ((140, 150, 200), (28, 30, 70)),
    ((190, 210, 120), (52, 84, 30)),
)


def picture(seed: int, *, width: int, height: int, format: Format) -> bytes:  # noqa: A002 (Pillow's own word)
    """An encoded landscape; the same seed, size and format give the same bytes."""
    random = Random(seed)  # noqa: S311 (art, not secrets)
    sky = _gradient(random.choice(_SKIES), size=(width, height))
    pen = ImageDraw.Draw(sky)
    _add_stars(pen, random, width=width, height=height)
    _add_sun(pen, random, width=width, height=height)
    _add_hills(pen, random, width=width, height=height)
    return _encoded(sky, format)


def black_picture(*, width: int, height: int) -> bytes:
    """What a model returns in place of a picture that its safety filter took out."""
    return _encoded(Image.new("RGB", (width, height)), "PNG")


def _gradient(colours: tuple[Colour, Colour], *, size: tuple[int, int]) -> Image.Image:
    top, bottom = colours
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def _add_stars(pen: ImageDraw.ImageDraw, random: Random, *, width: int, height: int) -> None:
    for _ in range(random.choice((0, 40, 90))):
        x, y, radius = random.uniform(0, width), random.uniform(0, height * 0.5), random.uniform(0.4, 1.8)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 250, 230))


def _add_sun(pen: ImageDraw.ImageDraw, random: Random, *, width: int, height: int) -> None:
    radius = random.uniform(0.05, 0.14) * min(width, height)
    x, y = random.uniform(0.15, 0.85) * width, random.uniform(0.15, 0.5) * height
    pen.ellipse(
        (x - radius, y - radius, x + radius, y + radius),
        fill=random.choice(((255, 214, 120), (245, 245, 235))),
    )


def _add_hills(pen: ImageDraw.ImageDraw, random: Random, *, width: int, height: int) -> None:
    far, near = random.choice(_LANDS)
    layers = random.randint(3, 5)
    for layer in range(layers):
        nearness = layer / (layers - 1)
        colour = tuple(round(a + (b - a) * nearness) for a, b in zip(far, near, strict=True))
        base = height * (0.45 + 0.45 * nearness)
        waves = [
            (random.uniform(1, 4), random.uniform(0, math.tau), random.uniform(0.02, 0.07)) for _ in range(3)
        ]
        ridge = [
            (
                x,
                base
                - height
                * sum(
                    depth * math.sin(turns * math.tau * x / width + phase) for turns, phase, depth in waves
                ),
            )
            for x in range(0, width + 8, 8)
        ]
        pen.polygon([(0, height), *ridge, (width, height)], fill=colour)


def _encoded(image: Image.Image, format: Format) -> bytes:  # noqa: A002
    target = io.BytesIO()
    # The quickest settings: the demo's time should pass in its models' answers, not in compressing them.
    if format == "PNG":
        image.save(target, format, compress_level=1)
    elif format == "WEBP":
        image.save(target, format, quality=80, method=0)
    else:
        image.save(target, format, quality=85)
    return target.getvalue()
