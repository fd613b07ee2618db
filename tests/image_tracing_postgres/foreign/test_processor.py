"""Foreign spans of a program that uses our processor or our exporter."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from image_tracing import attributes as names
from image_tracing_postgres import PostgresSpanExporter, Store
from image_tracing_postgres.processor import ImageTracingSpanProcessor

from .conftest import Foreign, spans_in

IMAGE = {"gen_ai.operation.name": "generate_content", "gen_ai.output.type": "image"}
LOGFIRE = Path(__file__).parent / "spans" / "logfire_openai.json"


@pytest.fixture
def processor(database: str, tmp_path: Path) -> Iterator[ImageTracingSpanProcessor]:
    processor = ImageTracingSpanProcessor(database, folder=tmp_path)
    yield processor
    processor.shutdown()


@pytest.fixture
def provider(processor: ImageTracingSpanProcessor) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return provider


def test_a_span_of_another_instrumentation_is_a_row(provider: TracerProvider, store: Store) -> None:
    tracer = provider.get_tracer("openinference.instrumentation.openai")
    with tracer.start_as_current_span(
        "ImagesResponse", attributes={"openinference.span.kind": "LLM"}
    ) as span:
        span.set_attribute("llm.model_name", "gpt-image-2")
    provider.force_flush()

    [found] = store.list(model="gpt-image-2")
    assert (found.status, len(found.attempts)) == ("completed", 1)


def test_one_below_an_attempt_of_ours_is_not_counted_twice(provider: TracerProvider, store: Store) -> None:
    ours, theirs = provider.get_tracer(names.SCOPE), provider.get_tracer("theirs")
    with ours.start_as_current_span("generate_content flux", attributes={names.ROLE: names.ROLE_ATTEMPT}):
        theirs.start_span("generate_content flux", attributes=IMAGE).end()
        provider.force_flush()
    provider.force_flush()

    assert [(found.status, len(found.attempts)) for found in store.list()] == [("completed", 1)]


def test_other_spans_leave_nothing(
    provider: TracerProvider, processor: ImageTracingSpanProcessor, store: Store
) -> None:
    provider.get_tracer("requests").start_span("GET /", attributes={"http.request.method": "GET"}).end()
    provider.get_tracer("llm").start_span("chat", attributes={"gen_ai.operation.name": "chat"}).end()
    provider.force_flush()

    assert (store.list(), processor.counts["ended"]) == ([], 0)


def test_an_announced_call_is_seen_while_it_runs_and_once_when_it_ended(
    processor: ImageTracingSpanProcessor, store: Store
) -> None:
    pending, ended, *_rest = spans_in(LOGFIRE)
    statuses = []
    for span in (pending, ended):
        processor.on_end(span)
        processor.force_flush()
        statuses.append([found.status for found in store.list()])

    assert statuses == [["started"], ["completed"]]


def test_the_plain_exporter_stores_them_too(database: str, store: Store, foreign: Foreign) -> None:
    exporter = PostgresSpanExporter(database)
    exporter.export([foreign(parent=0x77), foreign.workflow()])
    counts = exporter.counts
    exporter.shutdown()

    assert (len(store.list()), counts.stored, counts.refused) == (1, 2, 0)


def test_a_span_that_is_not_sampled_is_no_row(processor: ImageTracingSpanProcessor, store: Store) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("theirs").start_span("x", attributes=IMAGE).end()
    provider.force_flush()

    assert store.list() == []
