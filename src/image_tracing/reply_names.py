"""The names under which the replies of the SDKs keep their pictures, and what else they say of them."""

from typing import Final

# Where a reply keeps its pictures, in the order in which they are looked for.
CONTAINERS: Final = (
    "images", "image", "data", "generated_images", "generatedImages", "candidates", "content", "parts",
    "output", "outputs", "artifacts", "predictions", "result", "results", "response",
)  # fmt: skip
# Where one picture keeps its bytes as base64 or bytes ...
CONTENTS: Final = (
    "b64_json", "image_bytes", "imageBytes", "bytesBase64Encoded", "base64", "b64", "image_base64",
    "data_uri",
)  # fmt: skip
# ... or its address.
ADDRESSES: Final = (
    "url", "image_url", "imageUrl", "gcs_uri", "gcsUri", "file_uri", "fileUri", "uri", "download_url",
    "output_url", "public_url", "signed_url",
)  # fmt: skip
MIME_TYPES: Final = ("mime_type", "mimeType", "content_type", "contentType")
BLOCKS: Final = ("inline_data", "inlineData", "file_data", "fileData")
REFUSALS: Final = (
    "SAFETY", "PROHIBITED", "BLOCKLIST", "RECITATION", "SPII", "FILTER", "MODERAT", "IMAGE_OTHER", "NSFW",
    "MODEL_ARMOR", "ESCALATION", "PUP_LIMITED",
)  # fmt: skip
PICTURE_BASE64: Final = ("iVBORw0KGgo", "/9j/", "UklGR", "R0lGOD", "AAAAHGZ0eXBhdmlm", "AAAAIGZ0eXBhdmlm")
PICTURE_SUFFIXES: Final = {
    ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif", ".heic": "image/heic",
    ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png", ".tif": "image/tiff",
    ".tiff": "image/tiff", ".webp": "image/webp",
}  # fmt: skip
# What a reply repeats of its request or tells of itself.
NO_PICTURES: Final = frozenset({
    "arguments", "detail", "error", "headers", "input", "inputs", "logs", "message", "metrics", "parameters",
    "prompt", "request", "urls", "webhook",
})  # fmt: skip
