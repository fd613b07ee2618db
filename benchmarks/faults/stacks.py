"""The two stacks under test, as a program sets them up."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from faults.order import Order
from faults.tally import Tally
from image_tracing_postgres import ImageTracingSpanProcessor, PostgresSpanExporter


class Tracing:
    """The stack that an order names, set as the global tracer provider, and the tally behind it."""

    def __init__(
        self, order: Order, *, wrapped: Callable[[SpanProcessor], SpanProcessor] | None = None
    ) -> None:
        self.exporter: PostgresSpanExporter | None = None
        self.processor: SpanProcessor
        if order.stack == "ours":
            self.processor = ImageTracingSpanProcessor(order.dsn, folder=Path(order.spool))
        else:
            self.exporter = PostgresSpanExporter(order.dsn)
            self.processor = BatchSpanProcessor(self.exporter)
        if wrapped is not None:
            self.processor = wrapped(self.processor)
        self.provider = TracerProvider(resource=Resource({"service.name": "faults"}))
        self.provider.add_span_processor(self.processor)
        self.tally = Tally(Path(order.tally))
        # Behind the stack: a span is in the tally only if the stack has had it.
        self.provider.add_span_processor(self.tally)
        trace.set_tracer_provider(self.provider)

    def refused(self) -> int:
        """What the stock stack's exporter has refused and counted."""
        return self.exporter.counts.refused if self.exporter else 0


def tracing_from_environment() -> Tracing:
    """For loads whose process a framework starts; FAULTS_ORDER holds the order."""
    return Tracing(Order.read(os.environ["FAULTS_ORDER"]))


def say(**event: Any) -> None:
    """Tell the bench, one JSON object a line."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
