"""Whether a span of another instrumentation is about pictures.

Only what was asked for or what came counts: a picture that a chat model looks at makes no picture.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing_postgres.foreign.documents import parsed
from image_tracing_postgres.foreign.messages import holds_picture

Attributes = Mapping[str, Any]

_OPERATIONS: Final = frozenset(
    {
        "generate_image",
        "image",
        "image_edit",
        "image_gen",
        "image_generation",
        "images",
        "text_to_image",
    }
)
_KEYS: Final = ("gen_ai.request.image.", "gen_ai.request.image_", "gen_ai.response.image", "output.images.")
_NAMES: Final = frozenset({"ImagesResponse", "aimage_generation", "image_generation"})
_NAME_STARTS: Final = ("ai.generateImage", "image.sample", "openai.images.")
# Weak: models that are asked for pictures are asked for other things too, and so is Replicate.
_MODELS: Final = re.compile(
    r"flux|sdxl|stable-?diffusion|dall-?e|imagen|image|ideogram|recraft|playground-v|kandinsky|seedream",
    re.IGNORECASE,
)
_PICTURE: Final = re.compile(r"(?i)https?://\S+\.(?:png|jpe?g|webp|gif|avif|svg|bmp|tiff?)(?:\?\S*)?")


def is_workflow(attributes: Attributes) -> bool:
    """Whether the span is a run of several steps, which may or may not make a picture."""
    return bool(attributes.get(names.OPERATION_NAME) == names.INVOKE_WORKFLOW)


def is_of_image(name: str, attributes: Attributes) -> bool:
    """Whether the span is a call that was to make pictures."""
    return (
        attributes.get(names.OUTPUT_TYPE) == names.IMAGE
        or attributes.get(names.OPERATION_NAME) in _OPERATIONS
        or _is_image_type(attributes.get("gen_ai.request.type"))
        or _is_image_type(attributes.get("llm.request.type"))
        or name in _NAMES
        or name.startswith(_NAME_STARTS)
        or str(attributes.get("ai.operationId", "")).startswith("ai.generateImage")
        or _has_image_tokens(attributes.get("gen_ai.usage.image.output_tokens"))
        or any(_is_image_key(key) for key in attributes)
        or _ended_for_want_of_picture(attributes.get(names.RESPONSE_FINISH_REASONS))
        or _asks_for_pictures(attributes)
        or holds_picture(attributes.get(names.OUTPUT_MESSAGES))
        or _weak_signs(name, attributes) > 1
    )


def _is_image_type(value: object) -> bool:
    return isinstance(value, str) and value.startswith("image")


def _has_image_tokens(value: object) -> bool:
    return isinstance(value, int | float) and value > 0


def _is_image_key(key: str) -> bool:
    return key.startswith(_KEYS) or (
        key.startswith("llm.output_messages.") and ".message_content.image." in key
    )


def _ended_for_want_of_picture(reasons: object) -> bool:
    """Google's reasons to give none: IMAGE_SAFETY, NO_IMAGE and the like."""
    if not isinstance(reasons, list | tuple):
        return False
    return any(str(reason).upper().startswith(("IMAGE_", "NO_IMAGE")) for reason in reasons)


def _asks_for_pictures(attributes: Attributes) -> bool:
    """Google's models make pictures when their modalities say so."""
    asked = attributes.get("gcp.gen_ai.operation.config.response_modalities")
    if asked is None:
        given = attributes.get("llm.invocation_parameters")
        if not isinstance(given, str) or "response_modalities" not in given:
            return False
        parameters = parsed(given)
        asked = parameters.get("response_modalities") if isinstance(parameters, dict) else None
    return isinstance(asked, list | tuple) and any(str(each).upper().endswith("IMAGE") for each in asked)


def _weak_signs(name: str, attributes: Attributes) -> int:
    model = attributes.get(names.REQUEST_MODEL) or attributes.get("llm.model_name")
    outputs = [value for key, value in attributes.items() if key.startswith("gen_ai.completion.")]
    outputs += [attributes.get("image.url")]
    return (
        name.startswith("replicate.")
        + (isinstance(model, str) and _MODELS.search(model) is not None)
        + any(isinstance(value, str) and _PICTURE.fullmatch(value[:4_096]) is not None for value in outputs)
    )
