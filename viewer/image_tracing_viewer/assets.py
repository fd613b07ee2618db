"""The static files of the pages: a fixed list, read once, never a path from a request."""

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOLDER: Final = files("image_tracing_viewer") / "static"
FILES: Final[Mapping[str, bytes]] = {
    file.name: file.read_bytes()
    for file in sorted(_FOLDER.iterdir(), key=lambda file: file.name)
    if file.name.endswith(tuple(_TYPES))
}
# In every address: a browser may keep the files for good and never mixes those of two versions.
VERSION: Final = hashlib.sha256(
    b"\0".join(name.encode() + content for name, content in FILES.items())
).hexdigest()[:12]


async def asset(request: Request) -> Response:
    """One static file; 404 for any name outside the list."""
    name = request.path_params["name"]
    content = FILES.get(name)
    if content is None:
        raise HTTPException(404)
    is_current = request.path_params["version"] == VERSION
    return Response(
        content,
        headers={
            "Content-Type": _TYPES[name[name.rindex(".") :]],
            "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
        },
    )
