"""How the demo's models answer: by model and prompt, so that every run tells the same stories."""

import zlib
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

Kind = Literal[
    "picture",
    "small",
    "cached",
    "black",
    "truncated",
    "page",
    "loading",
    "rate_limited",
    "quota",
    "unauthorized",
    "not_found",
    "invalid",
    "out_of_memory",
    "broken",
    "refused",
    "slow",
    "dropped",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back, and after how many seconds."""

    kind: Kind
    delay_seconds: float
    seed: int


# How often each model does what, in parts; the rest of a hundred are pictures.
_TROUBLES: Final[dict[str, dict[Kind, int]]] = {
    "black-forest-labs/FLUX.1-schnell": {"loading": 12, "rate_limited": 14, "slow": 6, "refused": 4},
    "stabilityai/stable-diffusion-3.5-large": {
        "black": 18,
        "quota": 12,
        "out_of_memory": 8,
        "small": 8,
        "refused": 6,
    },
    "Qwen/Qwen-Image": {"truncated": 14, "page": 12, "dropped": 12, "invalid": 8, "broken": 8},
    "ByteDance/SDXL-Lightning": {"unauthorized": 8, "broken": 10, "not_found": 10, "slow": 6},
    "runwayml/stable-diffusion-v1-5": {"not_found": 100},
}
# Seconds a picture takes, least and most: a hundredth of what the real ones need, roughly.
_PACES: Final[dict[str, tuple[float, float]]] = {
    "black-forest-labs/FLUX.1-schnell": (0.10, 0.35),
    "stabilityai/stable-diffusion-3.5-large": (0.35, 0.90),
    "Qwen/Qwen-Image": (0.30, 0.80),
    "ByteDance/SDXL-Lightning": (0.08, 0.20),
}
# What every model refuses (such a lesson fails as a whole), and what one has in a cache that ignores prompts.
_REFUSED: Final = ("battlefield", "execution")
_CACHED: Final = {"black-forest-labs/FLUX.1-schnell": ("A lever", "A pulley")}


def answer_to(model: str, prompt: str, *, seed: int = 0) -> Answer:
    """The one answer that this model gives to this prompt; models that are not known are not found."""
    random = Random(zlib.crc32(f"{seed}\0{model}\0{prompt}".encode()))  # noqa: S311
    pace = _PACES.get(model, (0.02, 0.06))
    drawing_seed = random.getrandbits(32)
    kind = _kind(model, prompt, random)
    delay = random.uniform(*pace)
    if kind not in ("picture", "small", "cached", "black", "truncated"):
        delay = min(delay, 0.15)
    return Answer(kind, delay, drawing_seed)


def _kind(model: str, prompt: str, random: Random) -> Kind:
    if any(word in prompt for word in _REFUSED):
        return "refused"
    if any(word in prompt for word in _CACHED.get(model, ())):
        return "cached"
    roll = random.randrange(100)
    for kind, parts in _TROUBLES.get(model, {"not_found": 100}).items():
        if roll < parts:
            return kind
        roll -= parts
    return "picture"
