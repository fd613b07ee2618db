"""`POST /v1/traces`: spans from any OpenTelemetry SDK over OTLP/HTTP, kept before the answer says so."""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import Final

import anyio
import anyio.to_thread
from opentelemetry.sdk.trace import ReadableSpan
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from image_tracing.errors import ImageTracingError
from image_tracing.switches import switches
from image_tracing_postgres.spool import payload_of
from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.ingest import Ingest
from image_tracing_viewer.otlp import INGEST_PATH
from image_tracing_viewer.otlp.content import without_content
from image_tracing_viewer.otlp.inflation import inflated
from image_tracing_viewer.otlp.replies import Encoding, reply
from image_tracing_viewer.otlp.request import Bodies, Compression, compression_of, encoding_of
from image_tracing_viewer.otlp.spans import BadSpan

_log = logging.getLogger("image_tracing_viewer")

# Bodies that are taken apart at the same time: each may need several times its size.
_THREADS: Final = 2


class Receiver:
    """Takes the spans of requests and answers when each about pictures is on disk or in the database."""

    def __init__(self, ingest: Ingest, *, bodies: Bodies | None = None) -> None:
        self.ingest = ingest
        self.bodies = Bodies() if bodies is None else bodies
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def answer(self, request: Request) -> Response:
        """The 200, with the number of spans that could not be stored if there are any.

        Raises:
            RequestError: 400, 408, 413, 415, the body is not as it should be; 503, nothing could be kept.
        """
        encoding, compression = encoding_of(request), compression_of(request)
        async with self.bodies.of(request) as body:
            rejected = await anyio.to_thread.run_sync(
                self._take, body, encoding, compression, limiter=self._threads
            )
        return reply(encoding, rejected=rejected.total(), message=_told(rejected))

    def _take(self, body: bytearray, encoding: Encoding, compression: Compression) -> Counter[str]:
        """Keep the spans of a body; how many were rejected, by reason."""
        plain = body
        if compression == "gzip":
            plain = inflated(body)
            body.clear()
        rejected: Counter[str] = Counter()
        try:
            is_kept = self.ingest.keep(_payloads(_spans_in(plain, encoding), rejected))
        except ImageTracingError as error:
            raise _unavailable(str(error)) from None
        if not is_kept:
            raise _unavailable("neither the spool's disk nor the database takes spans at the moment")
        return rejected


async def receive(request: Request) -> Response:
    """Takes an ExportTraceServiceRequest."""
    receiver: Receiver = request.app.state.receiver
    return await receiver.answer(request)


def _spans_in(body: bytearray, encoding: Encoding) -> Iterator[ReadableSpan | BadSpan]:
    # Late: protobuf takes longer to import than the rest of the receiver, and most viewers receive nothing.
    if encoding == "json":
        from image_tracing_viewer.otlp import json_body

        return json_body.spans_in(body)
    from image_tracing_viewer.otlp import protobuf_body

    return protobuf_body.spans_in(body)


def _payloads(spans: Iterator[ReadableSpan | BadSpan], rejected: Counter[str]) -> Iterator[bytes]:
    """The records of the spans that are about pictures; bad spans are counted in `rejected`."""
    has_content = switches().content
    for span in spans:
        if isinstance(span, BadSpan):
            rejected[span.reason] += 1
            continue
        try:
            payload = payload_of(span if has_content else without_content(span), is_trusted=False)
        except Exception as error:  # noqa: BLE001 - one strange span must not cost the others
            _log.warning("a span that was sent could not be read (%s)", type(error).__name__)
            rejected["a span could not be read"] += 1
            continue
        if payload is not None:
            yield payload


def _told(rejected: Counter[str]) -> str:
    return "; ".join(f"{number} not stored: {reason}" for reason, number in rejected.most_common())


def _unavailable(found: str) -> RequestError:
    return RequestError(
        503,
        f"the spans could not be kept: {found}; send them again",
        code="not_kept",
        headers={"Retry-After": "5"},
    )


routes = [Route(INGEST_PATH, receive, methods=["POST"], name="receive")]
