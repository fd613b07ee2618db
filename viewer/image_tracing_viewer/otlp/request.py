"""The request as it comes in: what its headers say, and its body, in time and within bounds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

import anyio
from starlette.requests import ClientDisconnect, Request

from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.otlp.replies import MEDIA_TYPES, Encoding, encoding_in

Compression = Literal["gzip", "identity"]

BODY_SECONDS: Final = 30.0
# Bodies that are being received or wait to be taken apart, all requests together.
_HELD_MAX_BYTES: Final = 128 * 1024 * 1024


def encoding_of(request: Request) -> Encoding:
    """Raises RequestError: 415, the body is neither protobuf nor JSON."""
    encoding = encoding_in(request.headers.getlist("content-type"))
    if encoding is None:
        accepted = " and ".join(MEDIA_TYPES)
        raise RequestError(415, f"the Content-Type should be one of OTLP's; accepted are {accepted}")
    return encoding


def compression_of(request: Request) -> Compression:
    """Raises RequestError: 415, the body is compressed in another way than by gzip, or twice."""
    given = [each.strip().lower() for each in request.headers.getlist("content-encoding")]
    if given in ([], [""], ["identity"]):
        return "identity"
    if given == ["gzip"]:
        return "gzip"
    raise RequestError(
        415,
        "the body should be compressed once at most; accepted are gzip and identity",
        headers={"Accept-Encoding": "gzip, identity"},
    )


class Bodies:
    """Reads the bodies of requests. The guard in front bounds each; this bounds their time and their sum."""

    def __init__(self, *, seconds: float = BODY_SECONDS, held_max_bytes: int = _HELD_MAX_BYTES) -> None:
        self._seconds = seconds
        self._held_max_bytes = held_max_bytes
        self.held_bytes = 0
        """Of all bodies that are being received or taken apart."""

    @asynccontextmanager
    async def of(self, request: Request) -> AsyncIterator[bytearray]:
        """The body, which counts as held until the context ends, although it may be emptied before.

        Raises:
            RequestError: 400, it ended early; 408, it took too long; 503, too much is held already.
        """
        body = bytearray()
        held_bytes = 0
        try:
            try:
                with anyio.fail_after(self._seconds):
                    async for chunk in request.stream():
                        held_bytes += len(chunk)
                        self.held_bytes += len(chunk)
                        body += chunk
                        if self.held_bytes > self._held_max_bytes:
                            raise self._busy()
            except TimeoutError:
                raise RequestError(
                    408,
                    f"the body took longer than {self._seconds:g} s; send smaller batches",
                    headers={"Connection": "close"},
                ) from None
            except ClientDisconnect:
                raise RequestError(400, "the body ended early", code="malformed_body") from None
            yield body
        finally:
            self.held_bytes -= held_bytes

    def _busy(self) -> RequestError:
        return RequestError(
            503,
            "too many spans arrive at once; send them again in a second",
            code="busy",
            headers={"Retry-After": "1", "Connection": "close"},
        )
