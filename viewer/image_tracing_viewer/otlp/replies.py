"""What the sender of spans is answered, in the encoding of its request."""

import json
from typing import Final, Literal

from starlette.responses import Response

Encoding = Literal["protobuf", "json"]

MEDIA_TYPES: Final[dict[str, Encoding]] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_TYPES: Final = {encoding: media_type for media_type, encoding in MEDIA_TYPES.items()}


def reply(encoding: Encoding, *, rejected: int = 0, message: str = "") -> Response:
    """The 200 for what was stored, with the number of spans that were not and why, if there are any."""
    return Response(_body(encoding, rejected, message), media_type=_TYPES[encoding])


def _body(encoding: Encoding, rejected: int, message: str) -> bytes:
    if encoding == "json":
        # 64-bit integers are texts in OTLP's JSON.
        partial = {"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}}
        return json.dumps(partial if rejected else {}).encode()
    if not rejected:
        return b""
    # Late, as where requests are read.
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    partial_success = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return ExportTraceServiceResponse(partial_success=partial_success).SerializeToString()
