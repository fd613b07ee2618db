"""What a model really gave: the pictures, refusals and facts in a reply, by its shape.

Shapes understood: bytes, PIL pictures, arrays, data URLs, web URLs, base64, sequences and mappings
of them, and the replies of OpenAI, Google, Hugging Face, fal, Replicate, diffusers, Stability and
Bedrock, as objects or as plain JSON. Nothing is called, iterated, read or decoded: replies of
Replicate download when read, and pictures of PIL decode when touched. Of objects only the fields are
looked at, since a property may do anything.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from image_tracing.fields import AnyFields, Fields, count_of, first, name_of, text_of
from image_tracing.images import Image, image_from_base64, image_from_bytes, image_from_data_url
from image_tracing.modalities import modality_tokens
from image_tracing.reply_names import (
    ADDRESSES,
    BLOCKS,
    CONTAINERS,
    CONTENTS,
    MIME_TYPES,
    NO_PICTURES,
    PICTURE_BASE64,
    PICTURE_SUFFIXES,
    REFUSALS,
)

_DEPTH_LIMIT: Final = 8
_NODE_LIMIT: Final = 2_000
_TEXT_LIMIT: Final = 1_000
_INPUT_TOKENS: Final = ("input_tokens", "prompt_tokens", "prompt_token_count", "promptTokenCount")
_OUTPUT_TOKENS: Final = (
    "output_tokens", "completion_tokens", "candidates_token_count", "candidatesTokenCount",
)  # fmt: skip
# Google tells them beside the others, the convention counts them among those that went out.
_THOUGHT_TOKENS: Final = ("thoughts_token_count", "thoughtsTokenCount")


@dataclass(slots=True)
class Reply:
    """What was found in one or more results of an attempt; pictures in the order of the reply."""

    images: list[Image] = field(default_factory=list)
    text: str | None = None
    refusal: str | None = None
    filtered: int = 0
    partial_images: int = 0
    finish_reasons: list[str] = field(default_factory=list)
    revised_prompt: str | None = None
    response_id: str | None = None
    response_model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    modality_tokens: dict[str, int] | None = None
    status_code: int | None = None
    resends: int = 0
    first_chunk_seconds: float | None = None
    calls: int = 0

    def read(self, result: object) -> None:
        """Add what `result` holds. Never raises: what cannot be looked at counts as nothing found."""
        if result is None:
            return
        if type(result) is bytes:
            self._add_bytes(result)
            return
        _Reading(self).read(result, 0)

    @classmethod
    def of(cls, calls: "list[Reply]") -> "Reply":
        """The replies of several calls as one."""
        reply = cls()
        for each in calls:
            reply.add(each)
        return reply

    def add(self, other: "Reply") -> None:
        """Add the reply of a further call: pictures and counts add up, of what is single the first stays."""
        self.calls += max(1, other.calls)
        self.images.extend(other.images)
        self.filtered += other.filtered
        self.partial_images += other.partial_images
        self.resends += other.resends
        self.finish_reasons.extend(other.finish_reasons)
        self.input_tokens = _sum(self.input_tokens, other.input_tokens)
        self.output_tokens = _sum(self.output_tokens, other.output_tokens)
        if other.modality_tokens:
            told = self.modality_tokens or {}
            self.modality_tokens = {
                **told,
                **{name: told.get(name, 0) + count for name, count in other.modality_tokens.items()},
            }
        self._fill_singles(other)

    def fill(self, other: "Reply", *, has_images: bool) -> None:
        """Take from the replies of the calls below what this one does not tell.

        With `has_images` also their pictures, where there are none; as many as here lend their measures.
        """
        if has_images and not self.images:
            self.images.extend(other.images)
            self.filtered = self.filtered or other.filtered
            self.partial_images = self.partial_images or other.partial_images
        elif len(self.images) == len(other.images):
            for image, source in zip(self.images, other.images, strict=True):
                if image.size_bytes is None and image.sha256 is None:
                    image.measure(source)
        self.calls = self.calls or other.calls
        self.resends = self.resends or other.resends
        self.finish_reasons = self.finish_reasons or other.finish_reasons
        if self.input_tokens is None and self.output_tokens is None:
            self.input_tokens, self.output_tokens = other.input_tokens, other.output_tokens
            self.modality_tokens = self.modality_tokens or other.modality_tokens
        self._fill_singles(other)

    def _fill_singles(self, other: "Reply") -> None:
        self.text = self.text or other.text
        self.refusal = self.refusal or other.refusal
        self.revised_prompt = self.revised_prompt or other.revised_prompt
        self.response_id = self.response_id or other.response_id
        self.response_model = self.response_model or other.response_model
        self.status_code = self.status_code or other.status_code
        if self.first_chunk_seconds is None:
            self.first_chunk_seconds = other.first_chunk_seconds

    def _add_bytes(self, data: bytes | bytearray | memoryview) -> None:
        if len(data):
            self.images.append(image_from_bytes(data))


class _Reading:
    """One pass over one result; counts what it has seen, so that no reply can keep the host busy."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self._nodes = 0

    def read(self, value: Any, depth: int) -> None:
        self._nodes += 1
        if value is None or depth > _DEPTH_LIMIT or self._nodes > _NODE_LIMIT:
            return
        try:
            self._read(value, depth)
        except Exception:  # noqa: BLE001 - a hostile property must not hurt the host
            return

    def _read(self, value: Any, depth: int) -> None:
        kind = type(value)
        if isinstance(value, str):
            self._read_text(str.__str__(value))
        elif isinstance(value, (bytes, bytearray, memoryview)):
            self.reply._add_bytes(value)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.read(item, depth + 1)
        elif isinstance(value, dict):
            self._read_reply(value, depth)
        elif kind.__module__ == "builtins" or isinstance(value, type):
            return
        elif hasattr(kind, "getbands") and hasattr(kind, "size"):
            self._read_picture(value)
        elif hasattr(kind, "shape") and hasattr(kind, "dtype"):
            self._read_array(value)
        elif kind.__name__ == "BytesIO":
            with value.getbuffer() as buffer:
                self.reply._add_bytes(buffer)
        elif hasattr(kind, "__fspath__") and hasattr(kind, "suffix"):
            self._read_path(value)
        elif hasattr(kind, "status_code") or "status_code" in getattr(value, "__dict__", ()):
            self._read_response(value)
        else:
            self._read_reply(Fields(value), depth)

    def _read_text(self, text: str) -> None:
        start = text[:16].lower()
        if start.startswith("data:"):
            self.reply.images.append(image_from_data_url(text))
        elif start.startswith(("http://", "https://", "gs://", "s3://")) and len(text.split(None, 1)) == 1:
            self.reply.images.append(Image(url=text))
        elif text.startswith(PICTURE_BASE64) and len(text) >= 64 and " " not in text[:256]:
            self.reply.images.append(image_from_base64(text))
        elif self.reply.text is None and text.strip():
            self.reply.text = text[:_TEXT_LIMIT]

    def _read_picture(self, picture: Any) -> None:
        """A PIL picture. Its bytes are those of the file it was opened from, as long as that is in memory."""
        width, height = picture.size
        mime_type = PICTURE_SUFFIXES.get(f".{str(getattr(picture, 'format', None)).lower()}")
        source = vars(picture).get("fp")
        if type(source).__name__ == "BytesIO":
            with source.getbuffer() as buffer:
                image = image_from_bytes(buffer)
            image.width, image.height = image.width or width, image.height or height
            image.mime_type = image.mime_type or mime_type
        else:
            image = Image(mime_type=mime_type, width=width, height=height, is_corrupt=not (width and height))
        self.reply.images.append(image)

    def _read_array(self, array: Any) -> None:
        """A numpy array or torch tensor: one picture, or a batch of them if it has four axes."""
        shape = tuple(int(side) for side in array.shape)
        if len(shape) not in (2, 3, 4) or not all(shape):
            return
        sides = shape[-3:] if len(shape) > 2 else shape
        if len(sides) == 3:
            sides = sides[:2] if sides[2] <= 4 else sides[1:]
        for _ in range(min(shape[0] if len(shape) == 4 else 1, 100)):
            self.reply.images.append(Image(width=sides[1], height=sides[0]))

    def _read_path(self, path: Any) -> None:
        mime_type = PICTURE_SUFFIXES.get(str(path.suffix).lower())
        if mime_type is not None:
            self.reply.images.append(Image(mime_type=mime_type))

    def _read_response(self, response: Any) -> None:
        """A response of requests or httpx: its body if that has been read already."""
        content = vars(response).get("_content")
        if isinstance(content, bytes):
            self.reply._add_bytes(content)

    def _read_reply(self, fields: AnyFields, depth: int) -> None:
        self._read_facts(fields)
        kind = fields.get("type")
        if isinstance(kind, str) and kind.endswith("partial_image"):
            self.reply.partial_images += 1
            return
        if fields.get("thought") is True:
            # Gemini drafts while it thinks; the last draft comes again as the picture.
            self.reply.partial_images += first(fields, BLOCKS) is not None
            return
        if self._read_single(fields, depth):
            return
        before = len(self.reply.images)
        flags = _flags(fields)
        is_known = False
        for name in CONTAINERS:
            value = fields.get(name)
            is_known = is_known or name in fields
            if value is not None:
                self.read(value, depth + 1)
                if len(self.reply.images) > before:
                    break
        if not is_known:
            for value in _others(fields):
                self.read(value, depth + 1)
        for image, is_flagged in zip(self.reply.images[before:], flags, strict=False):
            image.is_filtered = image.is_filtered or is_flagged
        text = text_of(fields.get("text"))
        if text is not None and self.reply.text is None:
            self.reply.text = text[:_TEXT_LIMIT]

    def _read_single(self, fields: AnyFields, depth: int) -> bool:
        """Whether `fields` are those of one picture, which is added, or of anything else of one kind."""
        before = len(self.reply.images)
        for name in BLOCKS:
            block = fields.get(name)
            if block is not None:
                block_fields = Fields.of(block)
                if str(first(block_fields, MIME_TYPES)).startswith(("audio/", "video/", "text/")):
                    return True
                content = block_fields.get("data")
                if content is not None:
                    self._add_content(content)
                else:
                    self._read_single(block_fields, depth + 1)
        for name in CONTENTS:
            content = fields.get(name)
            if content:
                self._add_content(content)
                break
        else:
            for name in ADDRESSES:
                address = fields.get(name)
                if isinstance(address, str) and address:
                    self._read_text(address)
                    break
                if name == "image_url" and address is not None and not isinstance(address, str):
                    self.read(address, depth + 1)
        added = self.reply.images[before:]
        for image in added:
            image.mime_type = image.mime_type or text_of(first(fields, MIME_TYPES))
            image.width = image.width or count_of(fields.get("width"))
            image.height = image.height or count_of(fields.get("height"))
            image.size_bytes = image.size_bytes or count_of(fields.get("file_size"))
            if fields.get("respect_moderation") is False:
                image.is_filtered = True
        return bool(added)

    def _add_content(self, content: Any) -> None:
        if isinstance(content, (bytes, bytearray, memoryview)):
            self.reply._add_bytes(content)
        elif isinstance(content, str):
            is_url = content[:5].lower() == "data:"
            self.reply.images.append(image_from_data_url(content) if is_url else image_from_base64(content))

    def _read_facts(self, fields: AnyFields) -> None:
        reply = self.reply
        for name in ("finish_reason", "finishReason", "finish_reasons", "finishReasons"):
            reasons = fields.get(name)
            for reason in reasons if isinstance(reasons, (list, tuple)) else (reasons,):
                self._read_reason(reason)
        feedback = first(fields, ("prompt_feedback", "promptFeedback"))
        if feedback is not None:
            feedback_fields = Fields.of(feedback)
            blocked = name_of(first(feedback_fields, ("block_reason", "blockReason")))
            if blocked:
                reply.refusal = reply.refusal or blocked
        message = text_of(first(fields, ("finish_message", "finishMessage")))
        if message is not None and reply.text is None:
            reply.text = message[:_TEXT_LIMIT]
        filtered = text_of(first(fields, ("rai_filtered_reason", "raiFilteredReason")))
        if filtered:
            reply.filtered += 1
            reply.refusal = reply.refusal or filtered
        revised = text_of(first(fields, ("revised_prompt", "enhanced_prompt", "enhancedPrompt")))
        reply.revised_prompt = reply.revised_prompt or revised
        reply.response_id = reply.response_id or text_of(
            first(fields, ("response_id", "responseId", "request_id", "id"))
        )
        reply.response_model = reply.response_model or text_of(
            first(fields, ("model_version", "modelVersion", "model"))
        )
        usage = first(fields, ("usage", "usage_metadata", "usageMetadata"))
        if usage is not None:
            usage_fields = Fields.of(usage)
            # A stream tells its usage again and again, the last time in full.
            came_in = count_of(first(usage_fields, _INPUT_TOKENS))
            went_out = count_of(first(usage_fields, _OUTPUT_TOKENS))
            thought = count_of(first(usage_fields, _THOUGHT_TOKENS))
            went_out = went_out if thought is None else (went_out or 0) + thought
            reply.input_tokens = reply.input_tokens if came_in is None else came_in
            reply.output_tokens = reply.output_tokens if went_out is None else went_out
            reply.modality_tokens = modality_tokens(usage_fields) or reply.modality_tokens

    def _read_reason(self, value: Any) -> None:
        reason = name_of(value)
        if not reason:
            return
        self.reply.finish_reasons.append(reason[:100])
        upper = reason.upper()
        if any(word in upper for word in REFUSALS):
            self.reply.filtered += 1
            self.reply.refusal = self.reply.refusal or reason


def _sum(first_count: int | None, second_count: int | None) -> int | None:
    if first_count is None or second_count is None:
        return first_count if second_count is None else second_count
    return first_count + second_count


def _others(fields: AnyFields) -> list[Any]:
    """What a mapping or object of no known shape may hold: anything but the addresses of other things."""
    return [value for key, value in fields.items() if not _is_foreign(key)]


def _is_foreign(key: object) -> bool:
    """`input`, `status_url`, `cancel_url`: may hold addresses, but not of the pictures that came."""
    if not isinstance(key, str):
        return False
    lower = key.lower()
    if lower in NO_PICTURES or lower.endswith("prompt"):
        return True
    is_address = lower.endswith(("url", "uri", "href"))
    return is_address and not any(word in lower for word in ("image", "picture", "photo", "cover", "page"))


def _flags(fields: AnyFields) -> list[bool]:
    """Which of the pictures the provider's filter took, as diffusers and fal tell it."""
    flags = first(fields, ("nsfw_content_detected", "has_nsfw_concepts"))
    if isinstance(flags, bool):
        return [flags] * 100
    return [flag is True for flag in flags] if isinstance(flags, (list, tuple)) else []
