"""Pictures: what their bytes tell without decoding them.

Formats by their headers: PNG (W3C PNG 3), JPEG (ITU-T T.81), WebP (RFC 9649), GIF89a, BMP, TIFF 6, AVIF and
HEIC (ISO 14496-12 boxes), SVG by its first tag. A picture is corrupt when its end is missing or a length
in it points beyond it; pixels are never looked at.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from struct import unpack_from
from typing import Any, Final

# Start-of-frame markers of JPEG: C0 to CF without the tables C4, C8 and CC.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_PNG_END: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_BMP_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
# A hostile file of empty chunks must not cost the host seconds.
_PARTS_LIMIT: Final = 10_000

# Width, height, and whether the picture is whole.
_Header = tuple[int | None, int | None, bool]


@dataclass(slots=True)
class Image:
    """One picture of a result; None where nothing told. `is_filtered`: a safety filter took it."""

    mime_type: str | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    url: str | None = None
    is_corrupt: bool = False
    is_filtered: bool = False

    def measure(self, source: "Image") -> None:
        """Take what is not known from `source`, the same picture seen elsewhere."""
        self.mime_type = self.mime_type or source.mime_type
        self.width = self.width or source.width
        self.height = self.height or source.height
        self.size_bytes = source.size_bytes
        self.sha256 = source.sha256


def image_from_bytes(data: bytes | bytearray | memoryview) -> Image:
    """The picture in `data`: type, measures, size, SHA-256; corrupt if it is cut or no picture at all."""
    content = data if isinstance(data, bytes) else bytes(data)
    mime_type, width, height, is_whole = header_of(content)
    return Image(
        mime_type=mime_type,
        width=width,
        height=height,
        size_bytes=len(content),
        sha256=_hash()(content).hexdigest(),
        is_corrupt=not is_whole,
    )


@cache
def _hash() -> Callable[[bytes], Any]:
    # hashlib loads OpenSSL, which takes longer than the whole of this package: not before the first picture.
    from hashlib import sha256

    return sha256


def image_from_base64(text: str) -> Image:
    """The picture in a base64 text, standard or URL-safe alphabet; corrupt if it is not base64."""
    from binascii import Error, a2b_base64

    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    try:
        return image_from_bytes(a2b_base64(text + "=" * (-len(text) % 4)))
    except (Error, ValueError):
        return Image(size_bytes=len(text) * 3 // 4, is_corrupt=True)


def image_from_data_url(url: str) -> Image:
    """The picture in a data URL; the declared type stands in where the bytes tell none."""
    declaration, _, body = url.partition(",")
    if declaration[-7:].lower() == ";base64":
        image = image_from_base64(body)
    else:
        from urllib.parse import unquote_to_bytes

        image = image_from_bytes(unquote_to_bytes(body))
    if image.mime_type is None:
        image.mime_type = declaration[5:].partition(";")[0][:100] or None
    return image


def header_of(data: bytes) -> tuple[str | None, int | None, int | None, bool]:
    """Mime type, width, height, and whether `data` is a whole picture; False for what is none."""
    for signature, offset, mime_type, read in _FORMATS:
        if data.startswith(signature, offset):
            return _read(data, _boxed_type(data) if offset else mime_type, read)
    return _no_picture(data)


def _read(
    data: bytes, mime_type: str, read: Callable[[bytes], _Header]
) -> tuple[str | None, int | None, int | None, bool]:
    try:
        width, height, is_whole = read(data)
    except (IndexError, ValueError, struct.error):
        return mime_type, None, None, False
    return mime_type, width, height, is_whole and bool(width) and bool(height)


def _png(data: bytes) -> _Header:
    width, height = unpack_from(">II", data, 16)
    if data.endswith(_PNG_END):
        return width, height, True
    position = 8
    for _ in range(_PARTS_LIMIT):
        length, kind = unpack_from(">I4s", data, position)
        position += 12 + length
        if kind == b"IEND" or position > len(data):
            break
    return width, height, kind == b"IEND" and position <= len(data)


def _jpeg(data: bytes) -> _Header:
    width = height = None
    position = 2
    while True:
        if data[position] != 0xFF:
            raise ValueError("a JPEG segment begins with FF")
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            position += 2
        elif marker == 0xDA:
            # FF in picture data is always followed by 00, so the end marker cannot occur by chance.
            return width, height, data.rfind(b"\xff\xd9", position) != -1
        else:
            (length,) = unpack_from(">H", data, position + 2)
            if marker in _JPEG_FRAMES:
                height, width = unpack_from(">HH", data, position + 5)
            position += 2 + max(length, 2)


def _webp(data: bytes) -> _Header:
    (riff_bytes,) = unpack_from("<I", data, 4)
    is_whole = riff_bytes + 8 <= len(data) and data[8:12] == b"WEBP"
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height, is_whole and len(data) > 30
    if kind == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, is_whole
    width, height = unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF, is_whole


def _gif(data: bytes) -> _Header:
    width, height = unpack_from("<HH", data, 6)
    # The trailer follows the empty block that ends the last picture; padding may follow it.
    return width, height, data[-64:].rstrip(b"\0\r\n").endswith(b"\0;")


def _bmp(data: bytes) -> _Header:
    (file_bytes,) = unpack_from("<I", data, 2)
    if unpack_from("<I", data, 14)[0] == 12:
        width, height = unpack_from("<HH", data, 18)
    else:
        width, height = unpack_from("<ii", data, 18)
    return width, abs(height), file_bytes <= len(data)


def _tiff(data: bytes) -> _Header:
    order = "<" if data.startswith(b"II") else ">"
    (directory,) = unpack_from(order + "I", data, 4)
    (count,) = unpack_from(order + "H", data, directory)
    # Width, height, and the places and lengths of the strips or tiles, of which the last reaches furthest.
    last = dict.fromkeys((256, 257, 273, 279, 324, 325), 0)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind, length = unpack_from(order + "HHI", data, entry)
        if tag in last:
            code, width = ("H", 2) if kind == 3 else ("I", 4)
            at = entry + 8 if length * width <= 4 else unpack_from(order + "I", data, entry + 8)[0]
            (last[tag],) = unpack_from(order + code, data, at + (length - 1) * width)
    is_whole = max(last[273] + last[279], last[324] + last[325]) <= len(data)
    return last[256], last[257], is_whole


def _boxed_type(data: bytes) -> str:
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, min(int.from_bytes(data[:4]), 256), 4))}
    if brands & _AVIF_BRANDS:
        return "image/avif"
    return "image/heic" if brands & _HEIF_BRANDS else "video/mp4"


def _boxed(data: bytes) -> _Header:
    width = height = None
    holds_data = False
    position = 0
    for _ in range(_PARTS_LIMIT):
        if position >= len(data):
            break
        length, kind = unpack_from(">I4s", data, position)
        if length == 1:
            (length,) = unpack_from(">Q", data, position + 8)
        end = position + length if length else len(data)
        holds_data = holds_data or kind == b"mdat"
        if kind == b"meta":
            width, height = _largest_extent(data, position, end)
        if end > len(data) or end <= position:
            return width, height, False
        position = end
    return width, height, holds_data


def _largest_extent(data: bytes, start: int, end: int) -> tuple[int, int]:
    """The largest of the `ispe` properties: tiles, thumbnails and alpha planes have smaller or equal ones."""
    largest = (0, 0)
    position = data.find(b"ispe", start, end)
    for _ in range(100):
        if position == -1:
            break
        width, height = unpack_from(">II", data, position + 8)
        largest = max(largest, (width, height), key=lambda sides: sides[0] * sides[1])
        position = data.find(b"ispe", position + 4, end)
    return largest


def _no_picture(data: bytes) -> tuple[str | None, int | None, int | None, bool]:
    if data.startswith(b"BM") and len(data) > 26 and unpack_from("<I", data, 14)[0] in _BMP_HEADERS:
        width, height, is_whole = _bmp(data)
        return "image/bmp", width, height, is_whole and width > 0 if width else False
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in head:
        return "image/svg+xml", None, None, b"</svg>" in data[-256:].lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "text/html", None, None, False
    if head.startswith((b"{", b"[")):
        return "application/json", None, None, False
    return None, None, None, False


_FORMATS: Final[tuple[tuple[bytes, int, str, Callable[[bytes], _Header]], ...]] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", _png),
    (b"\xff\xd8\xff", 0, "image/jpeg", _jpeg),
    (b"RIFF", 0, "image/webp", _webp),
    (b"GIF8", 0, "image/gif", _gif),
    (b"II*\0", 0, "image/tiff", _tiff),
    (b"MM\0*", 0, "image/tiff", _tiff),
    (b"ftyp", 4, "image/avif", _boxed),
)
