"""What a reply held, as span attributes."""

from json.encoder import encode_basestring
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.content import NOT_CAPTURED, clean_text
from image_tracing.images import Image
from image_tracing.replies import Reply
from image_tracing.storable import FIELD_LIMIT_BYTES, Json, cut, shortened, size_bytes
from image_tracing.switches import Switches

_URL_LIMIT_BYTES: Final = 4_096
_MIME_TYPE_LIMIT: Final = 100


def write_reply(reply: Reply, attributes: dict[str, Any], switches: Switches) -> int:
    """Add what came to `attributes`; answers how many pictures the provider's filter took."""
    images = reply.images
    has_content = switches.content
    filtered = reply.filtered or sum([image.is_filtered for image in images])
    if filtered:
        attributes[names.IMAGES_FILTERED] = filtered
    if images:
        usable = [image for image in images if not image.is_corrupt and not image.is_filtered]
        attributes[names.IMAGES_GENERATED] = len(usable)
        _write_images(images, attributes, has_content=has_content)
        if switches.messages:
            _write_output_messages(images, attributes)
    if reply.finish_reasons:
        attributes[names.RESPONSE_FINISH_REASONS] = tuple(
            # STOP is a constant; a sentence may quote the prompt.
            clean_text(reason) if has_content or reason.isidentifier() else NOT_CAPTURED
            for reason in reply.finish_reasons[:1000]
        )
    if reply.response_id is not None:
        attributes[names.RESPONSE_ID] = clean_text(reply.response_id)
    if reply.response_model is not None:
        attributes[names.RESPONSE_MODEL] = clean_text(reply.response_model)
    if reply.input_tokens is not None:
        attributes[names.USAGE_INPUT_TOKENS] = reply.input_tokens
    if reply.output_tokens is not None:
        attributes[names.USAGE_OUTPUT_TOKENS] = reply.output_tokens
    if reply.modality_tokens is not None:
        attributes.update(reply.modality_tokens)
    if reply.status_code is not None:
        attributes[names.HTTP_RESPONSE_STATUS_CODE] = reply.status_code
    if reply.calls > 1:
        attributes[names.ATTEMPT_CALLS] = reply.calls
    if reply.resends:
        attributes[names.HTTP_REQUEST_RESEND_COUNT] = reply.resends
    if reply.first_chunk_seconds is not None:
        attributes[names.TIME_TO_FIRST_CHUNK] = reply.first_chunk_seconds
    if reply.revised_prompt is not None and has_content:
        attributes[names.REVISED_PROMPT] = clean_text(reply.revised_prompt)
    return filtered


def _write_images(images: list[Image], attributes: dict[str, Any], *, has_content: bool) -> None:
    """Add the facts of `images` to `attributes`: the whole as JSON, and what other back ends can filter by.

    Beyond a field's limit the last ones are left out of the JSON, so that it stays whole.
    """
    entries: list[str] = []
    sizes: list[int] = []
    mime_types: list[str] = []
    urls: list[str] = []
    length = 1
    for index, image in enumerate(images):
        url = None
        if image.url is not None and has_content:
            url = cut(clean_text(image.url), limit_bytes=_URL_LIMIT_BYTES)
        mime_type = None if image.mime_type is None else clean_text(image.mime_type)[:_MIME_TYPE_LIMIT]
        entry = (
            f'{{"index":{index},"mime_type":{_text(mime_type)},"width":{_number(image.width)},'
            f'"height":{_number(image.height)},"dataSize":{_number(image.size_bytes)},'
            f'"sha256":{_text(image.sha256)},"url":{_text(url)}}}'
        )
        length += size_bytes(entry) + 1
        if length > FIELD_LIMIT_BYTES:
            attributes[names.TRUNCATED] = True
            break
        entries.append(entry)
        if url is not None:
            urls.append(url)
        if image.size_bytes is not None:
            sizes.append(image.size_bytes)
        if mime_type is not None:
            mime_types.append(mime_type)
    attributes[names.IMAGES] = f"[{','.join(entries)}]"
    if sizes:
        attributes[names.IMAGE_BYTES] = tuple(sizes)
    if mime_types:
        attributes[names.IMAGE_MIME_TYPES] = tuple(mime_types)
    if urls:
        attributes[names.IMAGE_URLS] = tuple(urls)


def _write_output_messages(images: list[Image], attributes: dict[str, Any]) -> None:
    """Add `gen_ai.output.messages`: the pictures that have an address, never their bytes.

    One message each, since each is a choice of its own.
    """
    messages: list[Json] = [
        {
            "role": "assistant",
            "parts": [
                {
                    "type": "uri",
                    "modality": "image",
                    "mime_type": image.mime_type,
                    "uri": clean_text(image.url),
                }
            ],
            "finish_reason": "stop",
        }
        for image in images
        if image.url is not None
    ]
    if messages:
        attributes[names.OUTPUT_MESSAGES] = shortened(messages)[1]


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)
