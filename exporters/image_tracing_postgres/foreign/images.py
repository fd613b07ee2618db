"""The pictures that a foreign span tells of: measured where their bytes are there, which go no further."""

from collections.abc import Mapping
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.fields import count_of, text_of
from image_tracing.images import Image
from image_tracing.replies import Reply
from image_tracing_postgres.foreign.documents import first, numbered, parsed
from image_tracing_postgres.foreign.messages import Output, output_in, picture_of

Attributes = Mapping[str, Any]

_MOST: Final = 100
_LONG: Final = 20_000
# Nobody reads replies further down.
_DEEPEST: Final = 16
_COUNTS: Final = (
    names.IMAGES_GENERATED,
    "gen_ai.response.image.count",
    "gen_ai.response.image_count",
    "image_count",
    "ai.response.imagesGenerated",
)
# Whole replies, in the JSON of the provider.
_REPLIES: Final = ("output.value", "response_data")
_REVISED: Final = (
    names.REVISED_PROMPT,
    "gen_ai.content.revised_prompt",
    "gen_ai.response.revised_prompt",
    "gen_ai.response.images.0.revised_prompt",
)
_REASONS: Final = (names.RESPONSE_FINISH_REASONS, "llm.finish_reason", "ai.response.finishReason")


def reply_in(attributes: Attributes) -> tuple[Reply, bool]:
    """What came, as the reply of one of our own calls; and whether the span tells what came at all."""
    output = output_in(attributes)
    images = _told(attributes, output) or _plain(attributes)
    is_known = any(image.size_bytes is not None or image.url is not None for image in images)
    reply, is_told = Reply(), False
    for key in _REPLIES:
        document = parsed(attributes.get(key))
        if isinstance(document, Mapping):
            is_told = True
            reply.read(_without_long_texts(document) if is_known else document)
    # What a reply says of itself stays. Its pictures are told better by the attributes made for them, unless
    # those hold a mark in their place, as OpenInference's do for long ones.
    images = images if is_known else reply.images or images
    count = _count(attributes)
    if not images and count:
        images = [Image(mime_type=mime_type) for mime_type in _mime_types(attributes, count)]
    reply.images = images[:_MOST]
    reply.text = reply.text or "\n".join(output.texts) or None
    revised = first(attributes, _REVISED)
    if isinstance(revised, list | tuple):
        revised = revised[0]
    if revised is None and images and output.texts:
        revised = output.texts[0]
    reply.revised_prompt = reply.revised_prompt or (revised if isinstance(revised, str) else None)
    reasons = first(attributes, _REASONS) or output.finish_reasons
    if reasons and not reply.finish_reasons:
        reply.read({"finish_reasons": [reasons] if isinstance(reasons, str) else reasons})
    is_told = is_told or bool(images) or output.is_told or count is not None or reply.refusal is not None
    return reply, is_told


def _without_long_texts(value: Any, depth: int = 0) -> Any:
    """The document without pictures that are known already: measuring one takes longer than all the rest."""
    if isinstance(value, str):
        return value if len(value) < _LONG else None
    if isinstance(value, dict | list) and depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {name: _without_long_texts(item, depth + 1) for name, item in value.items()}
    return [_without_long_texts(item, depth + 1) for item in value] if isinstance(value, list) else value


def _told(attributes: Attributes, output: Output) -> list[Image]:
    """The pictures by the first attributes that tell of any."""
    own = parsed(attributes.get(names.IMAGES))
    if isinstance(own, list) and own:
        return [_of_ours(image) for image in own[:_MOST] if isinstance(image, Mapping)]
    if output.images:
        return output.images
    for prefix, suffix in (
        ("output.images.", ".image.url"),
        ("gen_ai.response.image.", ""),
        ("gen_ai.response.images.", ".url"),
    ):
        if found := numbered(attributes, prefix, suffix):
            return [picture_of(content) for content in found if isinstance(content, str)]
    given = attributes.get("image.url") or attributes.get("gen_ai.response.image")
    contents = [given] if isinstance(given, str) else given
    if contents and isinstance(contents, list | tuple):
        return [picture_of(content) for content in contents if isinstance(content, str)]
    return _of_xai(attributes) or _of_completions(attributes)


def _of_ours(told: Mapping[str, Any]) -> Image:
    url = told.get("url")
    image = picture_of(url) if isinstance(url, str) else Image()
    image.mime_type = text_of(told.get("mime_type")) or image.mime_type
    image.sha256 = text_of(told.get("sha256")) or image.sha256
    image.width, image.height = count_of(told.get("width")), count_of(told.get("height"))
    image.size_bytes = count_of(told.get("dataSize")) or image.size_bytes
    return image


def _of_xai(attributes: Attributes) -> list[Image]:
    images = []
    for index, is_allowed in enumerate(numbered(attributes, "gen_ai.response.", ".image.respect_moderation")):
        prefix = f"gen_ai.response.{index}.image."
        content = attributes.get(f"{prefix}url") or attributes.get(f"{prefix}base64")
        image = picture_of(content) if isinstance(content, str) else Image()
        image.is_filtered = is_allowed is False
        images.append(image)
    return images


def _of_completions(attributes: Attributes) -> list[Image]:
    """Outputs of Replicate are completions to OpenLLMetry, addresses and texts alike."""
    reply = Reply()
    reply.read(numbered(attributes, "gen_ai.completion.", ".content"))
    return reply.images


def _plain(attributes: Attributes) -> list[Image]:
    """A picture that is a whole output by itself, in base64 or by its address."""
    value = attributes.get("output.value")
    if not isinstance(value, str) or value[:1] in ("{", "["):
        return []
    reply = Reply()
    reply.read(value)
    return reply.images


def _count(attributes: Attributes) -> int | None:
    count = first(attributes, _COUNTS)
    return min(count, _MOST) if type(count) is int and count >= 0 else None


def _mime_types(attributes: Attributes, count: int) -> list[str | None]:
    types = [attributes.get(f"image.{index}.media_type") for index in range(count)]
    return [value if isinstance(value, str) else None for value in types]
