"""Pictures are told by their headers, and cut ones are noticed wherever they are cut."""

import base64
import hashlib
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from image_tracing.images import header_of, image_from_base64, image_from_bytes, image_from_data_url

KINDS: list[tuple[str, dict[str, Any], str]] = [
    ("PNG", {}, "image/png"),
    ("JPEG", {}, "image/jpeg"),
    ("JPEG", {"progressive": True}, "image/jpeg"),
    ("WEBP", {}, "image/webp"),
    ("WEBP", {"lossless": True}, "image/webp"),
    ("WEBP", {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}, "image/webp"),
    ("GIF", {}, "image/gif"),
    ("BMP", {}, "image/bmp"),
    ("TIFF", {}, "image/tiff"),
    ("AVIF", {}, "image/avif"),
]


def encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Pillow.effect_noise((57, 33), 40).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "options", "mime_type"), KINDS)
def test_a_whole_picture_tells_type_measures_size_and_hash(
    kind: str, options: dict[str, Any], mime_type: str
) -> None:
    data = encoded(kind, **options)

    image = image_from_bytes(data)

    assert (image.mime_type, image.width, image.height) == (mime_type, 57, 33)
    assert (image.size_bytes, image.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert not image.is_corrupt


@pytest.mark.parametrize(("kind", "options", "mime_type"), KINDS)
def test_a_picture_cut_anywhere_is_corrupt(kind: str, options: dict[str, Any], mime_type: str) -> None:
    data = encoded(kind, **options)

    assert all(image_from_bytes(data[:length]).is_corrupt for length in range(len(data)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_bytes_after_the_end_do_no_harm(kind: str) -> None:
    assert not image_from_bytes(encoded(kind) + b"\0" * 16).is_corrupt


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "text/html"),
        (b'{"error": "loading"}', "application/json"),
        (b"BMW is a car, and this is a text of some length", None),
        (b"plain words", None),
        (b"RIFF\x24\0\0\0WAVEfmt ", "image/webp"),
    ],
)
def test_what_is_no_picture_is_corrupt(data: bytes, mime_type: str | None) -> None:
    image = image_from_bytes(data)

    assert image.is_corrupt
    assert (image.mime_type, image.width) == (mime_type, None)


def test_a_drawing_in_svg_is_a_picture() -> None:
    image = image_from_bytes(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><g/></svg>')

    assert (image.mime_type, image.is_corrupt) == ("image/svg+xml", False)


@pytest.mark.parametrize("wrap", [bytearray, memoryview])
def test_any_buffer_of_bytes_will_do(wrap: Any) -> None:
    data = encoded("PNG")

    assert image_from_bytes(wrap(data)) == image_from_bytes(data)


def test_base64_and_data_urls_are_measured_decoded() -> None:
    data = encoded("PNG")
    text = base64.b64encode(data).decode()

    assert image_from_base64(text) == image_from_bytes(data)
    assert image_from_base64(base64.urlsafe_b64encode(data).decode().rstrip("=")) == image_from_bytes(data)
    assert image_from_data_url(f"data:image/png;base64,{text}") == image_from_bytes(data)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_base64(text: str) -> None:
    assert image_from_base64(text).is_corrupt


SIGNATURES = st.sampled_from(
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF\0\0\0\0WEBPVP8X", b"GIF89a",
     b"II*\0", b"MM\0*", b"\0\0\0\x1cftypavif", b"BM", b"<svg", b""]
)  # fmt: skip


@given(SIGNATURES, st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_headers(signature: bytes, rest: bytes) -> None:
    header_of(signature + rest)
