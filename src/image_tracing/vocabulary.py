"""Which parameter of a generator means what, and the attribute that holds it."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.content import is_only_numbers
from image_tracing.storable import Json

MODEL_NAMES: Final = ("model", "model_id", "model_name")
PROMPT_NAMES: Final = ("prompt", "prompts", "contents")
NEGATIVE_PROMPT_NAMES: Final = ("negative_prompt", "negative_prompts")
PROVIDER_NAMES: Final = ("provider",)
LESSON_ID_NAMES: Final = ("lesson_id", "lessonId")
# Recorded in a place of their own, so not among the options of an attempt.
ATTEMPT_NAMES: Final = frozenset(
    MODEL_NAMES + PROMPT_NAMES + NEGATIVE_PROMPT_NAMES + PROVIDER_NAMES + LESSON_ID_NAMES
)
# Parameters that hold further parameters.
_NESTS: Final = frozenset(
    {
        "arguments", "config", "extra_body", "imageConfig", "image_config", "input", "options", "parameters",
        "params", "request", "settings",
    }
)  # fmt: skip

INTEGER: Final = "integer"
NUMBER: Final = "number"
TEXT: Final = "text"
BOOLEAN: Final = "boolean"
SIZE: Final = "size"
ADDRESS: Final = "address"
STANDARD: Final[Mapping[str, tuple[str, str]]] = {
    "api_base": (names.SERVER_ADDRESS, ADDRESS),
    "aspectRatio": (names.ASPECT_RATIO, TEXT),
    "aspect_ratio": (names.ASPECT_RATIO, TEXT),
    "backend": (names.BACKEND, TEXT),
    "base_url": (names.SERVER_ADDRESS, ADDRESS),
    "candidateCount": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "candidate_count": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "cfg_scale": (names.GUIDANCE_SCALE, NUMBER),
    "endpoint_url": (names.SERVER_ADDRESS, ADDRESS),
    "guidance": (names.GUIDANCE_SCALE, NUMBER),
    "guidance_scale": (names.GUIDANCE_SCALE, NUMBER),
    "height": (names.HEIGHT, INTEGER),
    "imageSize": (names.SIZE, SIZE),
    "image_size": (names.SIZE, SIZE),
    "n": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "num_images": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "num_images_per_prompt": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "num_inference_steps": (names.STEPS, INTEGER),
    "num_outputs": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "num_steps": (names.STEPS, INTEGER),
    "numberOfImages": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "number_of_images": (names.REQUEST_CHOICE_COUNT, INTEGER),
    "output_format": (names.OUTPUT_FORMAT, TEXT),
    "quality": (names.QUALITY, TEXT),
    "region": (names.BACKEND, TEXT),
    "resolution": (names.SIZE, SIZE),
    "sampler": (names.SCHEDULER, TEXT),
    "scheduler": (names.SCHEDULER, TEXT),
    "seed": (names.REQUEST_SEED, INTEGER),
    "size": (names.SIZE, SIZE),
    "steps": (names.STEPS, INTEGER),
    "stream": (names.REQUEST_STREAM, BOOLEAN),
    "strength": (names.STRENGTH, NUMBER),
    "style": (names.STYLE, TEXT),
    "style_preset": (names.STYLE, TEXT),
    "target_size": (names.SIZE, SIZE),
    "width": (names.WIDTH, INTEGER),
}
_PORTS: Final = {"http": 80, "https": 443}
COUNT_NAMES: Final = tuple(name for name, (key, _) in STANDARD.items() if key == names.REQUEST_CHOICE_COUNT)


def standard_attributes(
    options: Mapping[str, Json], *, has_content: bool, into: dict[str, Any], depth: int = 0
) -> None:
    """Add the attributes that conventions (or we) name for `options`, cleaned options of one attempt."""
    for name, value in options.items():
        known = STANDARD.get(name)
        if known is not None:
            if value is not None:
                add_standard_attribute(*known, value, into, has_content=has_content)
        elif depth == 0 and name in _NESTS and isinstance(value, dict):
            standard_attributes(value, has_content=has_content, into=into, depth=1)


def add_standard_attribute(
    key: str, kind: str | None, value: Json, into: dict[str, Any], *, has_content: bool
) -> None:
    """Add one attribute if the value is of its kind; without content only numbers, no styles."""
    value_type = type(value)
    if kind is SIZE:
        _add_size(value, into, has_content=has_content)
    elif value_type is int:
        if kind is INTEGER or kind is NUMBER:
            into[key] = value
    elif value_type is float:
        if kind is NUMBER:
            into[key] = value
    elif isinstance(value, str):
        if kind is TEXT and (has_content or is_only_numbers(value)):
            into[key] = value
        elif kind is ADDRESS:
            add_address(value, into)
    elif value_type is bool and kind is BOOLEAN:
        into[key] = value


def asked_sides(attributes: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Width and height that were asked for, by two numbers or by a size such as `1024x768`."""
    width, height = attributes.get(names.WIDTH), attributes.get(names.HEIGHT)
    if width is None and height is None:
        first, mark, second = str(attributes.get(names.SIZE, "")).lower().partition("x")
        if mark and first.isdecimal() and second.isdecimal() and len(first) + len(second) < 12:
            return int(first), int(second)
    return width, height


def requested_count(request: object) -> int | None:
    """How many pictures a generation's request asks for: a count, else the number of its prompts."""
    if type(request) is not dict and not isinstance(request, Mapping):
        return None
    for name in COUNT_NAMES:
        count = request.get(name)
        if type(count) is int and 0 < count < 1_000_000:
            return count
    prompts = request.get("prompts")
    return len(prompts) if isinstance(prompts, (list, tuple)) else None


def _add_size(value: Json, into: dict[str, Any], *, has_content: bool) -> None:
    sides: tuple[Json, ...] = ()
    if isinstance(value, dict):
        sides = (value.get("width"), value.get("height"))
    elif isinstance(value, list) and len(value) == 2:
        sides = tuple(value)
    elif isinstance(value, str) and (has_content or is_only_numbers(value)):
        into[names.SIZE] = value
    if len(sides) == 2 and all(type(side) is int for side in sides):
        into[names.SIZE] = f"{sides[0]}x{sides[1]}"


def add_address(url: str, into: dict[str, Any]) -> None:
    """Add the server of a URL; the port, which the convention wants beside it, by the scheme if need be."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        address, port = parts.hostname, parts.port
    except ValueError:
        return
    if address:
        into[names.SERVER_ADDRESS] = address
        port = port or _PORTS.get(parts.scheme)
        if port is not None:
            into[names.SERVER_PORT] = port
