"""Sends spans over OTLP/HTTP, and tells the tally of those that were acknowledged; run by the bench only."""

import http.client
import random
import sys
import time
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from faults.generations import Generations
from faults.order import Order
from faults.stacks import say
from faults.tally import Tally

_REQUEST_SPANS = 20


class Unheard(Tally):
    """Lets the loads go on without telling: here a span counts when the receiver says so."""

    def tell(self) -> None:
        return

    def acknowledge(self) -> None:
        """Tell of what was sent."""
        super().tell()


def main() -> None:
    order, port = Order.read(sys.argv[1]), int(sys.argv[2])
    made_spans = InMemorySpanExporter()
    tally = Unheard(Path(order.tally))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(made_spans))
    provider.add_span_processor(tally)
    trace.set_tracer_provider(provider)
    made = Generations(tally, random.Random(order.seed))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while tally.total < (order.count or 0):
        made_spans.clear()
        while len(made_spans.get_finished_spans()) < _REQUEST_SPANS:
            made.by_sdk()
        body = encode_spans(made_spans.get_finished_spans()).SerializeToString()
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        told = answer.read()
        rejected = ExportTraceServiceResponse.FromString(told).partial_success.rejected_spans
        if answer.status != 200 or rejected:
            raise SystemExit(f"the receiver answered {answer.status} and rejected {rejected}: {told!r}")
        tally.acknowledge()
    say(event="made", at=time.monotonic(), spans=tally.total)


if __name__ == "__main__":
    main()
