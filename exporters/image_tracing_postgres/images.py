"""The pictures of an attempt, from its span's attributes to the `images` array of its row."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, Final

from image_tracing import attributes as names
from image_tracing.storable import storable_json
from image_tracing_postgres import values

_KEYS: Final = ("index", "mime_type", "width", "height", "dataSize", "sha256", "url")


def images_of(attributes: Mapping[str, Any], *, is_trusted: bool) -> tuple[str | None, int | None, int]:
    """The array as JSON text, how many pictures, and the sum of their bytes; None when the span is silent."""
    given = attributes.get(names.IMAGES)
    sizes = attributes.get(names.IMAGE_BYTES)
    if given is not None and is_trusted and type(sizes) is tuple and all(type(size) is int for size in sizes):
        # Ours tells each size that it knows in both places.
        return values.trusted(given), None, sum(sizes)
    written, parsed = (None, None) if given is None else values.document(given)
    images: list[dict[str, Any]] | None
    if parsed is not None and _is_plain(parsed):
        images = parsed
    elif isinstance(parsed, list):
        images = [_image(index, item) for index, item in enumerate(parsed) if isinstance(item, dict)]
        if images != parsed:
            written = storable_json(images)
    elif (images := _plain_images(attributes)) is not None:
        written = storable_json(images)
    else:
        return None, None, 0
    size_bytes = sum(image["dataSize"] or 0 for image in images)
    return written if images else None, len(images), min(size_bytes, 2**63 - 1)


def _is_plain(parsed: Any) -> bool:
    """Whether the array is as our own instrumentation writes it, which costs a fifth of making it so."""
    if type(parsed) is not list:
        return False
    for item in parsed:
        if type(item) is not dict or tuple(item) != _KEYS:
            return False
        index, mime_type, width, height, size, sha256, url = item.values()
        for number in (width, height, size):
            if number is not None and (type(number) is not int or number < 0):
                return False
        for text in (mime_type, sha256):
            if text is not None and (type(text) is not str or len(text) > values.KEY_LENGTH):
                return False
        if type(index) is not int or index < 0 or (url is not None and type(url) is not str):
            return False
    return True


def _image(index: int, item: Mapping[str, Any]) -> dict[str, Any]:
    get = item.get
    position = values.integer(get("index"))
    return {
        "index": index if position is None else position,
        "mime_type": values.key(get("mime_type")),
        "width": values.integer(get("width")),
        "height": values.integer(get("height")),
        "dataSize": values.integer(get("dataSize")),
        "sha256": values.key(get("sha256")),
        "url": values.text(get("url")),
    }


def _plain_images(attributes: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Pictures out of the plain lists, for a program that does not write the JSON array."""
    lists = [
        attributes.get(names.IMAGE_BYTES),
        attributes.get(names.IMAGE_MIME_TYPES),
        attributes.get(names.IMAGE_URLS),
    ]
    if lists == [None, None, None]:
        return None
    sizes, types, urls = (each if isinstance(each, list | tuple) else () for each in lists)
    if not (sizes or types or urls):
        return None
    return [
        _image(index, {"dataSize": size, "mime_type": mime_type, "url": url})
        for index, (size, mime_type, url) in enumerate(zip_longest(sizes, types, urls))
    ]
