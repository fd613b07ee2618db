"""Colours that everybody can tell apart, on either ground."""

import itertools
import re
from math import dist

import pytest

from image_tracing_viewer.assets import FILES
from image_tracing_viewer.charts.palette import COLOURS, Palette

Linear = tuple[float, float, float]

# Machado, Oliveira and Fernandes 2009, severity 1.0.
VISIONS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}


def colours(theme: str) -> dict[str, Linear]:
    """The named colours of the style sheets, as linear light."""
    place = ["light", "dark"].index(theme)
    sheets = (FILES["viewer.css"] + FILES["charts.css"]).decode()
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", sheets)
    return {name: _linear(pair[place]) for name, *pair in found}


def _linear(text: str) -> Linear:
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _light(red), _light(green), _light(blue)


def _light(share: float) -> float:
    light: float = share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
    return light


def contrast(one: Linear, other: Linear) -> float:
    """The contrast of WCAG 2."""
    weights = (0.2126, 0.7152, 0.0722)
    low, high = sorted(sum(w * part for w, part in zip(weights, each, strict=True)) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


def oklab(colour: Linear) -> Linear:
    """Björn Ottosson's space, in which distances are about as the eye sees them."""
    red, green, blue = colour
    long = max(0.0, 0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    middle = max(0.0, 0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = max(0.0, 0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def seen(colour: Linear, vision: str) -> Linear:
    red, green, blue = (
        min(1.0, max(0.0, sum(w * part for w, part in zip(row, colour, strict=True))))
        for row in VISIONS[vision]
    )
    return red, green, blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_colour_stands_out_from_its_ground(theme: str) -> None:
    found = colours(theme)

    for name in [f"m{number}" for number in range(COLOURS)] + [
        "field-line",
        "plain",
        "bar-good",
        "bar-bad",
        "accent",
    ]:
        assert contrast(found[name], found["surface"]) >= 3, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_of_charts_can_be_read_on_their_ground(theme: str) -> None:
    found = colours(theme)

    for name in ("text", "muted"):
        assert contrast(found[name], found["surface"]) >= 4.5, name


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_two_colours_of_models_look_alike(theme: str, vision: str) -> None:
    found = colours(theme)
    models = {number: oklab(seen(found[f"m{number}"], vision)) for number in range(COLOURS)}

    for one, other in itertools.combinations(models, 2):
        assert dist(models[one], models[other]) > 0.08, (one, other)


def test_a_model_keeps_its_colour_when_others_come_and_go() -> None:
    alone = Palette(["flux"]).style("flux")

    assert Palette(["sdxl", "flux"]).style("flux") == alone or Palette(["sdxl"]).style("sdxl") == alone


def test_every_colour_goes_to_one_model_and_the_rest_is_grey() -> None:
    models = [f"model-{number}" for number in range(12)]
    palette = Palette(models)

    assert sorted(palette.style(model) for model in models[:COLOURS]) == [f"m{n}" for n in range(COLOURS)]
    assert {palette.style(model) for model in models[COLOURS:]} == {"rest"}
    assert Palette(list(reversed(models[:COLOURS]))).style("model-3") == palette.style("model-3")


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["black-forest-labs/FLUX.1-dev", "sdxl"], ["FLUX.1-dev", "sdxl"]),
        (["a/flux", "b/flux"], ["flux · a", "flux · b"]),
        (["flux", "b/flux"], ["flux", "flux · b"]),
        ([None, ""], ["unknown model", "unknown model"]),
        (["m" * 400], ["m" * 31 + "…"]),
    ],
)
def test_models_are_called_by_what_tells_them_apart(models: list[str | None], names: list[str]) -> None:
    palette = Palette(models)

    assert [palette.name(model) for model in models] == names
