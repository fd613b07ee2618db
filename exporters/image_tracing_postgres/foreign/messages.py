"""Messages of models: the prompt in those that went in, pictures and texts in those that came out.

Shapes: `gen_ai.input.messages` and `gen_ai.output.messages` of the semantic conventions, OpenAI's messages
under the same names, and OpenInference's, which are flattened into attributes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.fields import text_of
from image_tracing.images import Image, image_from_base64, image_from_data_url
from image_tracing_postgres.foreign.documents import first, parsed

Attributes = Mapping[str, Any]

_MOST: Final = 100
_FLAT_INPUT: Final = "llm.input_messages."
_FLAT_OUTPUT: Final = "llm.output_messages."
# litellm writes what came as a text: an address, or the size of what was base64.
_LITELLM_BYTES: Final = re.compile(r"b64_json image \((\d{1,15}) bytes\)")
_ADDRESS: Final = re.compile(r"https?://\S+")


@dataclass(slots=True)
class Output:
    """What came out of a model; `is_told` says whether the span tells it at all."""

    images: list[Image] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    finish_reasons: list[str] = field(default_factory=list)
    is_told: bool = False


def holds_picture(value: object) -> bool:
    """Whether one of these output messages has a part that is a picture."""
    if isinstance(value, str) and "image" not in value:
        return False
    return any(_is_picture(part) for message in _messages(value) for part in _parts(message))


def prompt_in(attributes: Attributes) -> str | None:
    """The texts of the last message of a user's."""
    prompt = None
    for message in _messages(attributes.get(names.INPUT_MESSAGES)):
        if message.get("role", "user") == "user":
            texts = [text for part in _parts(message) if (text := _text_of_part(part))]
            prompt = "\n".join(texts) or prompt
    return prompt or _flat_prompt(attributes)


def output_in(attributes: Attributes) -> Output:
    """What the messages say that came out."""
    output = Output()
    for message in _messages(attributes.get(names.OUTPUT_MESSAGES)):
        output.is_told = True
        if reason := text_of(message.get("finish_reason")):
            output.finish_reasons.append(reason)
        for part in _parts(message):
            if _is_picture(part):
                output.images.append(_picture(part))
            elif text := _text_of_part(part):
                _add_text(text, output, is_of_litellm="litellm.call_id" in attributes)
    for key, value in _flattened(attributes, _FLAT_OUTPUT):
        output.is_told = True
        if key.endswith("image.url"):
            output.images.append(picture_of(value))
        elif key.endswith(("message.content", "message_content.text")):
            output.texts.append(value)
    return output


def picture_of(content: str) -> Image:
    """The picture behind an address, in a data URL or in base64; the content itself goes no further."""
    start = content[:16].lower()
    if start.startswith("data:"):
        return image_from_data_url(content)
    if "://" in start:
        return Image(url=content)
    # A mark in the place of the bytes: OpenLIT's `[base64_image_data]`, OpenInference's `__REDACTED__`.
    return image_from_base64(content) if len(content) >= 64 else Image()


def _messages(value: object) -> list[Mapping[str, Any]]:
    messages = parsed(value)
    if isinstance(messages, Mapping):
        messages = [messages]
    if not isinstance(messages, list | tuple):
        return []
    return [message for item in messages[:_MOST] if isinstance(message := parsed(item), Mapping)]


def _parts(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parts of a message; OpenAI's have theirs, or one text, under `content`."""
    parts = message.get("parts") or message.get("content")
    if isinstance(parts, str):
        return [{"type": "text", "content": parts}]
    if not isinstance(parts, list | tuple):
        return []
    return [part for part in parts[:_MOST] if isinstance(part, Mapping)]


def _is_picture(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    if kind in ("blob", "file", "uri"):
        mime_type = text_of(part.get("mime_type")) or text_of(part.get("media_type")) or ""
        return part.get("modality") == names.IMAGE or mime_type.startswith("image/")
    return kind in ("image", "image_url", "output_image")


def _picture(part: Mapping[str, Any]) -> Image:
    inner = part.get("image_url")
    if isinstance(inner, Mapping):
        part = inner
    content = first(part, ("content", "uri", "url", "image_url", "data"))
    image = picture_of(content) if isinstance(content, str) else Image()
    image.mime_type = image.mime_type or text_of(part.get("mime_type")) or text_of(part.get("media_type"))
    return image


def _text_of_part(part: Mapping[str, Any]) -> str | None:
    if part.get("type") not in ("text", "input_text", "output_text", None):
        return None
    return text_of(part.get("content")) or text_of(part.get("text"))


def _add_text(text: str, output: Output, *, is_of_litellm: bool) -> None:
    rest = []
    for line in text.splitlines() if is_of_litellm else [text]:
        if is_of_litellm and (size := _LITELLM_BYTES.fullmatch(line)):
            output.images.append(Image(size_bytes=int(size[1])))
        elif is_of_litellm and _ADDRESS.fullmatch(line):
            output.images.append(Image(url=line))
        else:
            rest.append(line)
    if rest:
        output.texts.append("\n".join(rest))


def _flattened(attributes: Attributes, prefix: str) -> Iterator[tuple[str, str]]:
    """OpenInference's messages, in the order of their numbers as far as the span has them so."""
    for key, value in attributes.items():
        if key.startswith(prefix) and isinstance(value, str):
            yield key, value


def _flat_prompt(attributes: Attributes) -> str | None:
    of: dict[str, list[str]] = {}
    for key, value in _flattened(attributes, _FLAT_INPUT):
        number = key[len(_FLAT_INPUT) :].partition(".")[0]
        role = attributes.get(f"{_FLAT_INPUT}{number}.message.role", "user")
        if role == "user" and key.endswith(("message.content", "message_content.text")):
            of.setdefault(number, []).append(value)
    return "\n".join(list(of.values())[-1]) if of else None
