"""What the sender of spans is answered, in the encoding of its request."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from starlette.responses import Response

Encoding = Literal["protobuf", "json"]

MEDIA_TYPES: Final[dict[str, Encoding]] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_TYPES: Final = {encoding: media_type for media_type, encoding in MEDIA_TYPES.items()}


def encoding_in(content_types: Sequence[str]) -> Encoding | None:
    """The encoding that a request's Content-Type headers tell; None if it is none of OTLP's."""
    if len(content_types) != 1:
        return None
    return MEDIA_TYPES.get(content_types[0].partition(";")[0].strip().lower())


def reply(encoding: Encoding, *, rejected: int = 0, message: str = "") -> Response:
    """The 200 for what was stored, with the number of spans that were not and why, if there are any."""
    return Response(_body(encoding, rejected, message), media_type=_TYPES[encoding])


def refusal(
    content_types: Sequence[str],
    status_code: int,
    error: Mapping[str, str],
    headers: Mapping[str, str] | None,
) -> Response:
    """An error as OTLP has it, a google.rpc.Status; JSON, which has room, holds `error` beside it."""
    if encoding_in(content_types) != "protobuf":
        body = json.dumps({"message": error["message"], "error": error}, ensure_ascii=False).encode()
        return Response(body, status_code, headers, _TYPES["json"])
    # Late, as where requests are read. With a message alone the status of a span has the same bytes as a
    # google.rpc.Status, for which one more package would be needed.
    from opentelemetry.proto.trace.v1.trace_pb2 import Status

    body = Status(message=error["message"]).SerializeToString()
    return Response(body, status_code, headers, _TYPES["protobuf"])


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
