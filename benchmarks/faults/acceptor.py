"""An OTLP receiver as the stock stack gives it: read the spans, queue them in memory, say 200.

It reads them with our own viewer's reader, and flushes when its server ends in good order.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from faults.order import Order
from image_tracing_postgres import PostgresSpanExporter
from image_tracing_viewer.otlp import protobuf_body

processor = BatchSpanProcessor(PostgresSpanExporter(Order.read(os.environ["FAULTS_ORDER"]).dsn))


async def _accept(request: Request) -> Response:
    for span in protobuf_body.spans_in(bytearray(await request.body())):
        if isinstance(span, ReadableSpan):
            processor.on_end(span)
    return Response(media_type="application/x-protobuf")


@asynccontextmanager
async def _flushed(_app: Starlette) -> AsyncIterator[None]:
    yield
    processor.shutdown()  # type: ignore[no-untyped-call]  # untyped in the SDK


app = Starlette(routes=[Route("/v1/traces", _accept, methods=["POST"])], lifespan=_flushed)
