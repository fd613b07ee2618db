"""Compressed bodies, inflated no further than a ceiling."""

import zlib
from typing import Final

from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.otlp.limits import INFLATED_MAX_BYTES

_GZIP: Final = 31
_STEP_BYTES: Final = 65_536


def inflated(body: bytes | bytearray) -> bytearray:
    """What a body in gzip holds. It takes no more memory than the ceiling, whatever the body promises.

    Raises:
        RequestError: 400, it is no gzip, or cut; 413, it holds more than INFLATED_MAX_BYTES.
    """
    inflator = zlib.decompressobj(_GZIP)
    result = bytearray()
    try:
        for start in range(0, len(body), _STEP_BYTES):
            rest = bytes(body[start : start + _STEP_BYTES])
            while rest and not inflator.eof:
                # One byte beyond the ceiling shows that there is more.
                result += inflator.decompress(rest, min(1024 * 1024, INFLATED_MAX_BYTES + 1 - len(result)))
                if len(result) > INFLATED_MAX_BYTES:
                    _refuse_size()
                rest = inflator.unconsumed_tail
            if inflator.eof:
                # A second member is legal gzip that no sender of OTLP makes, and many are slow to take apart.
                if inflator.unused_data or start + _STEP_BYTES < len(body):
                    raise _malformed("something follows its end")
                return result
    except zlib.error:
        raise _malformed("it is not") from None
    raise _malformed("it ends too early")


def _refuse_size() -> None:
    raise RequestError(
        413, f"the body inflates to more than {INFLATED_MAX_BYTES} bytes; send smaller batches"
    )


def _malformed(found: str) -> RequestError:
    return RequestError(
        400, f"the body should be gzip as Content-Encoding says, and {found}", code="malformed_body"
    )
