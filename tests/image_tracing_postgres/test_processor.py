"""The span processor in a program: nothing raises, nothing waits, and what ended is stored or on disk."""

import logging
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, TraceFlags, Tracer

from image_tracing import attributes as names
from image_tracing_postgres import Store
from image_tracing_postgres.processor import ImageTracingSpanProcessor
from image_tracing_postgres.spool import payload_of
from image_tracing_postgres.spool.folder import segments_in
from image_tracing_postgres.spool.frames import frames_in

from .conftest import NewSpans

NOBODY = "host=127.0.0.1 port=9 dbname=nothing"
ROOT = {names.ROLE: names.ROLE_GENERATION, names.OPERATION_NAME: names.INVOKE_WORKFLOW}
ATTEMPT = {
    names.ROLE: names.ROLE_ATTEMPT,
    names.OPERATION_NAME: names.GENERATE_CONTENT,
    names.REQUEST_MODEL: "flux",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def processor(folder: Path, database: str) -> Iterator[ImageTracingSpanProcessor]:
    processor = ImageTracingSpanProcessor(database, folder=folder)
    yield processor
    processor.shutdown()


@pytest.fixture
def away(folder: Path) -> Iterator[ImageTracingSpanProcessor]:
    """A processor whose database is away."""
    processor = ImageTracingSpanProcessor(NOBODY, folder=folder)
    yield processor
    processor.shutdown()


def _tracer(processor: ImageTracingSpanProcessor, **more: Any) -> Tracer:
    provider = TracerProvider(shutdown_on_exit=False, **more)
    provider.add_span_processor(processor)
    return provider.get_tracer(names.SCOPE)


def _on_disk(folder: Path) -> list[bytes]:
    return [
        frame.payload
        for path in segments_in(folder)
        for frame in frames_in(path.read_bytes(), is_whole=True)
        if frame.payload is not None
    ]


def _until(is_so: Any) -> None:
    deadline = monotonic() + 20
    while not is_so():
        assert monotonic() < deadline
        sleep(0.01)


def test_a_span_is_on_disk_when_its_end_returns(away: ImageTracingSpanProcessor, folder: Path) -> None:
    with _tracer(away).start_as_current_span("paint", attributes=ROOT):
        assert [each[:10] for each in _on_disk(folder)] == [b'["started"']

    assert [each[:10] for each in _on_disk(folder)] == [b'["started"', b'["ended","']
    assert away.counts["ended"] == 1


def test_a_generation_is_seen_within_a_second_of_its_beginning(
    processor: ImageTracingSpanProcessor, store: Store
) -> None:
    tracer = _tracer(processor)
    tracer.start_span("warm up", attributes=ROOT).end()
    assert processor.force_flush()
    began = monotonic()
    span = tracer.start_span("paint", attributes=ROOT)
    _until(lambda: any(each.status == "started" for each in store.list()))
    # The second that is promised is F6 of benchmarks/faults/run.py; here it is a guard only.
    assert monotonic() - began < 5

    span.end()
    assert processor.force_flush()
    assert {each.status for each in store.list()} == {"completed"}


def test_a_lone_attempt_is_seen_while_it_runs(processor: ImageTracingSpanProcessor, store: Store) -> None:
    span = _tracer(processor).start_span("paint", attributes=ATTEMPT)
    assert processor.force_flush()
    [trace] = store.list()
    assert (trace.status, trace.models_tried) == ("started", ("flux",))

    span.end()
    assert processor.force_flush()
    [trace] = store.list()
    assert (trace.status, trace.model_used) == ("completed", "flux")


def test_ended_attempts_are_seen_before_their_generation_ends(
    processor: ImageTracingSpanProcessor, store: Store
) -> None:
    tracer = _tracer(processor)
    with tracer.start_as_current_span("paint", attributes=ROOT) as root:
        own = f"{root.get_span_context().span_id:016x}"
        tracer.start_span("try", attributes={**ATTEMPT, names.GENERATION_ID: own}).end()
        assert processor.force_flush()
        [trace] = store.list()
        assert (trace.status, trace.models_tried) == ("started", ("flux",))


def test_other_and_unsampled_spans_are_passed_over(away: ImageTracingSpanProcessor, folder: Path) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(away)
    provider.get_tracer("requests").start_span("GET").end()
    _tracer(away, sampler=ALWAYS_OFF).start_span("paint", attributes=ROOT).end()
    unsampled = NewSpans().root()
    unsampled._context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0))
    away.on_end(unsampled)

    assert not folder.exists()
    assert away.counts["ended"] == 0
    assert away.force_flush(100) is True


def test_other_exporters_get_ended_spans_only(away: ImageTracingSpanProcessor) -> None:
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(away)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer(names.SCOPE).start_as_current_span("paint", attributes=ROOT):
        assert exporter.get_finished_spans() == ()

    assert len(exporter.get_finished_spans()) == 1


class _Broken:
    """Raises whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    "broken",
    ["_context", "_attributes", "_status", "_resource", "_events", "_instrumentation_scope", "_name"],
)
@pytest.mark.parametrize("kind", ["None", "raises", "number", "text"])
def test_no_span_makes_it_raise(away: ImageTracingSpanProcessor, broken: str, kind: str) -> None:
    begun, ended = NewSpans().root(end_time=None), NewSpans().attempt()
    for span in (begun, ended):
        setattr(span, broken, {"None": None, "raises": _Broken(), "number": 5, "text": "text"}[kind])
    away.on_start(begun)  # type: ignore[arg-type]
    away.on_end(ended)

    assert away.counts["dropped_unreadable"] <= away.counts["ended"] <= 1


def test_nothing_at_all_makes_it_raise(away: ImageTracingSpanProcessor) -> None:
    for value in (None, 5, _Broken(), trace.NonRecordingSpan(SpanContext(1, 2, is_remote=False))):
        away.on_start(value)  # type: ignore[arg-type]
        away.on_end(value)  # type: ignore[arg-type]

    assert away.force_flush(50) is True


def test_a_span_that_cannot_be_read_is_counted(
    away: ImageTracingSpanProcessor, caplog: pytest.LogCaptureFixture
) -> None:
    span = NewSpans().attempt()
    span._status = _Broken()  # type: ignore[assignment]
    away.on_end(span)

    assert away.counts.values() | {"ended": 1, "dropped_unreadable": 1} == away.counts.values()
    assert "a span could not be kept (RuntimeError)" in caplog.text


@pytest.mark.parametrize("is_silent", [True, False])
def test_no_server_makes_an_end_wait(folder: Path, is_silent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dsn = f"host=127.0.0.1 port={server.getsockname()[1]}" if is_silent else NOBODY
        processor = ImageTracingSpanProcessor(dsn, folder=folder)
        span = _tracer(processor).start_span("paint", attributes=ROOT)
        span.end()
        sleep(0.3)
        began = monotonic()
        assert processor.force_flush(500) is False
        assert monotonic() - began < 3
        processor.shutdown()
        assert monotonic() - began < 8

    assert len(_on_disk(folder)) == 2


def test_spans_that_end_after_a_shutdown_are_on_disk(
    processor: ImageTracingSpanProcessor, folder: Path, database: str, store: Store
) -> None:
    tracer = _tracer(processor)
    open_span = tracer.start_span("paint", attributes=ROOT)
    processor.shutdown()
    open_span.end()
    tracer.start_span("paint", attributes=ROOT).end()
    assert processor.force_flush(100) is False
    processor.shutdown()
    processor._spool.close()

    later = ImageTracingSpanProcessor(database, folder=folder)
    assert later.force_flush() is True
    assert {each.status for each in store.list()} == {"completed"}
    assert len(store.list()) == 2
    later.shutdown()


def test_a_shutdown_of_a_provider_stores_what_ended(folder: Path, database: str, store: Store) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(ImageTracingSpanProcessor(database, folder=folder))
    for _ in range(100):
        provider.get_tracer(names.SCOPE).start_span("paint", attributes=ROOT).end()
    provider.shutdown()

    assert len(list(store.iter())) == 100
    assert segments_in(folder) == []


def test_it_is_told_once_that_a_database_is_away(
    away: ImageTracingSpanProcessor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(20):
        _tracer(away).start_span("paint", attributes=ROOT).end()
        away.force_flush(50)

    assert len([each for each in caplog.records if each.levelno >= logging.WARNING]) == 1


def test_what_it_keeps_is_what_payload_of_gives(away: ImageTracingSpanProcessor, folder: Path) -> None:
    span = NewSpans().attempt(prompt="ein roter Fuchs")
    away.on_end(span)

    assert _on_disk(folder) == [payload_of(span, is_trusted=True)]


def test_a_signals_handler_may_end_spans_and_flush(folder: Path, database: str) -> None:
    processor = ImageTracingSpanProcessor(database, folder=folder)
    tracer = _tracer(processor)
    ended, is_over = 0, False

    def handle(_number: int, _frame: object) -> None:
        nonlocal ended
        tracer.start_span("paint", attributes=ROOT).end()
        ended += 1
        # Anew each time, so that no alarm interrupts the handler of an alarm.
        signal.setitimer(signal.ITIMER_REAL, 0 if is_over else 0.001)

    previous = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    try:
        for _ in range(3_000):
            tracer.start_span("paint", attributes=ROOT).end()
    finally:
        is_over = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

    assert ended > 10
    assert processor.force_flush() is True
    assert processor.counts["stored"] == processor.counts["ended"] == 3_000 + ended
    processor.shutdown()
