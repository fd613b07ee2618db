"""What an attempt really gave, whatever its API claimed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from image_tracing.attributes import ErrorClass, Outcome
from image_tracing.replies import Reply

# The class of an outcome that is a failure without an exception.
CLASS_OF_OUTCOME: Final[dict[Outcome, ErrorClass]] = {
    "no_image": "no_image",
    "refused": "refused",
    "blank": "bad_image",
    "corrupt": "bad_image",
    "error": "unknown",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`message` and `error_class` are None for successes. `message_without_content` quotes nothing."""

    outcome: Outcome
    error_class: ErrorClass | None = None
    message: str | None = None
    message_without_content: str | None = None


_OK: Final = Verdict("ok")
_MISMATCH: Final = Verdict("mismatch")
_DUPLICATE: Final = Verdict("duplicate")


def verdict_on(
    reply: Reply,
    *,
    asked_width: int | None,
    asked_height: int | None,
    is_repeated: Callable[[str], bool],
) -> Verdict:
    """The outcome of a reply that came without an exception.

    `is_repeated` is asked once for the SHA-256 of every usable picture and says whether an earlier picture of
    the generation had the same.
    """
    images = reply.images
    if not images:
        return _without_picture(reply)
    usable = [image for image in images if not image.is_corrupt and not image.is_filtered]
    if not usable:
        if any(image.is_filtered for image in images):
            return _refusal("the provider's safety filter flagged every picture", reply.refusal)
        return _corrupt(reply)
    # Every hash is told, not only those up to the first repetition: the next attempt is compared with all.
    repetitions = [image.sha256 is not None and is_repeated(image.sha256) for image in usable]
    if any(repetitions):
        return _DUPLICATE
    for image in usable:
        if (asked_width and image.width and asked_width != image.width) or (
            asked_height and image.height and asked_height != image.height
        ):
            return _MISMATCH
    return _OK


def _without_picture(reply: Reply) -> Verdict:
    if reply.refusal is not None:
        return _refusal("the provider withheld the picture", reply.refusal)
    message = "no image: the reply held no picture"
    quoted = f"{message} but the text {reply.text[:300]!r}" if reply.text else message
    return Verdict("no_image", "no_image", quoted, message)


def _refusal(message: str, reason: str | None) -> Verdict:
    message = f"refused: {message}"
    if not reason:
        return Verdict("refused", "refused", message, message)
    quoted = f"{message} ({reason[:300]})"
    # A constant such as IMAGE_SAFETY quotes nobody; a sentence may quote the prompt.
    return Verdict("refused", "refused", quoted, quoted if reason.isidentifier() else message)


def _corrupt(reply: Reply) -> Verdict:
    image = reply.images[0]
    kind = image.mime_type or "an unknown type"
    message = f"corrupt: {image.size_bytes} bytes of {kind} are cut short or no picture"
    return Verdict("corrupt", "bad_image", message, message)
