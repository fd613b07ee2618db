"""The texts of a large span before anything is made of them: what is far beyond all that is stored is cut.

A parser copies a text several times, and one character beyond the alphabets makes a copy four times as long.
"""

import re
from typing import Final

from image_tracing.storable import cut_mark

# The texts of one span together: a picture of 6 MB in base64, which is measured, has room.
SPAN_TEXT_BYTES: Final = 8 * 1024 * 1024
# What a span may have with its texts cut.
LEAN_SPAN_BYTES: Final = SPAN_TEXT_BYTES + 4 * 1024 * 1024
# More of a text than is stored or looked at for secrets.
_HEAD_BYTES: Final = 96 * 1024
# Of each text when there is no room any more.
_LEAST_BYTES: Final = 256
# A text that is not all ASCII. No picture has others.
_WIDE_BYTES: Final = 1024 * 1024
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/=_:;,.%-]{256}")


class TextRoom:
    """Room for the texts of one span."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = SPAN_TEXT_BYTES

    def kept(self, text: memoryview) -> bytes | None:
        """How a text in UTF-8 begins, if it is too long; None for one that is kept as it is.

        Nothing is kept of a long one in base64: the beginning of a picture is no picture.
        """
        room = max(self._left, _LEAST_BYTES)
        if len(text) <= room and (len(text) <= _WIDE_BYTES or bytes(text).isascii()):
            self._left -= len(text)
            return None
        head = bytes(text[: min(_HEAD_BYTES, room)])
        if _BASE64.match(head):
            return b""
        self._left -= len(head)
        # No character is cut in two.
        return head.decode("utf-8", "ignore").encode()


def marked(head: bytes, size_bytes: int) -> bytes:
    """The beginning of a text that had `size_bytes`, as a text that was cut."""
    return head + cut_mark(size_bytes).encode()
