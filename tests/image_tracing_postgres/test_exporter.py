"""The exporter under the SDK, under faults, and at its end."""

import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from opentelemetry import context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult

from image_tracing import attributes as names
from image_tracing_postgres import PostgresSpanExporter, Store
from image_tracing_postgres.migrate import migrate

from .conftest import NewSpans

SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
NOWHERE = "host=127.0.0.1 port=9 user=me password=hunter2 dbname=traces"


@pytest.fixture
def exporter(database: str) -> Iterator[PostgresSpanExporter]:
    exporter = PostgresSpanExporter(database)
    yield exporter
    exporter.shutdown()


def _generation(new: NewSpans, trace_id: int) -> list[ReadableSpan]:
    return [new.attempt(trace_id=trace_id, failed="slow"), new.root(trace_id=trace_id)]


def test_spans_of_an_application_become_rows(database: str, store: Store) -> None:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(PostgresSpanExporter(database)))
    tracer = provider.get_tracer(names.SCOPE)
    with tracer.start_as_current_span("invoke_workflow x"), tracer.start_as_current_span("some http call"):
        pass
    provider.shutdown()

    assert [trace.status for trace in store.list()] == ["completed"]


def test_nothing_is_connected_for_spans_that_are_not_about_pictures(new: NewSpans) -> None:
    exporter = PostgresSpanExporter(NOWHERE)

    assert exporter.export([new.root(role=None, scope="requests", operation_name="chat")]) is SUCCESS
    assert exporter.export([]) is SUCCESS


def test_one_poisonous_span_is_left_out_and_the_others_stored(
    exporter: PostgresSpanExporter,
    store: Store,
    new: NewSpans,
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE image_attempts ADD CHECK (prompt <> 'poison')")
    spans = [span for n in range(1, 101) for span in _generation(new, n)]
    spans[77] = new.attempt(trace_id=39, span_id=5, prompt="poison")

    with caplog.at_level(logging.WARNING):
        assert exporter.export(spans) is SUCCESS

    assert len(list(store.iter())) == 100
    assert (exporter.counts.stored, exporter.counts.refused) == (199, 1)
    assert len([record for record in caplog.records if "cannot be stored" in record.message]) == 1


def test_json_that_a_length_limit_cut_is_kept_as_text(
    exporter: PostgresSpanExporter, store: Store, new: NewSpans
) -> None:
    cut = '{"prompt": "a red fox", "seeds": [1, {"a": 2}'
    assert exporter.export([new.root(request=cut), new.attempt(request="{cut}")]) is SUCCESS

    [trace] = store.list()
    assert trace.request_data == cut
    assert trace.attempts[0].request["options"] == "{cut}"


def test_a_database_that_is_away_costs_the_time_limit_and_no_exception(
    new: NewSpans, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = PostgresSpanExporter(NOWHERE, timeout_seconds=0.5)
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        assert [exporter.export(_generation(new, 1)) for _ in range(2)] == [FAILURE, FAILURE]

    assert time.monotonic() - began < 5
    assert exporter.counts.given_up == 4
    assert len([record for record in caplog.records if "connection refused" in record.message]) == 1
    assert "hunter2" not in caplog.text


def test_a_server_that_accepts_and_keeps_silent_costs_the_time_limit(new: NewSpans) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exporter = PostgresSpanExporter(
            f"host=127.0.0.1 port={silent.getsockname()[1]} dbname=x", timeout_seconds=0.5
        )
        began = time.monotonic()

        assert exporter.export(_generation(new, 1)) is FAILURE
        assert time.monotonic() - began < 5


def test_a_locked_table_costs_the_time_limit(database: str, store: Store, new: NewSpans) -> None:
    exporter = PostgresSpanExporter(database, timeout_seconds=1)
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE image_attempts IN ACCESS EXCLUSIVE MODE")

        assert exporter.export(_generation(new, 1)) is FAILURE
    assert exporter.export(_generation(new, 1)) is SUCCESS
    exporter.shutdown()
    assert len(store.list()) == 1


def test_spans_wait_for_the_migration_and_one_line_says_so(
    empty_database: str, new: NewSpans, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = PostgresSpanExporter(empty_database, timeout_seconds=30)
    results: list[SpanExportResult] = []
    with caplog.at_level(logging.WARNING):
        thread = threading.Thread(target=lambda: results.append(exporter.export(_generation(new, 1))))
        thread.start()
        while "image-tracing migrate" not in caplog.text:
            time.sleep(0.01)
        migrate(empty_database)
        thread.join()
    exporter.shutdown()

    assert results == [SUCCESS]
    assert caplog.text.count("image-tracing migrate") == 1


def test_it_makes_the_tables_only_when_told(empty_database: str, new: NewSpans) -> None:
    exporter = PostgresSpanExporter(empty_database, timeout_seconds=0.3)
    assert exporter.export(_generation(new, 1)) is FAILURE
    exporter.shutdown()

    exporter = PostgresSpanExporter(empty_database, migrate=True)

    assert exporter.export(_generation(new, 1)) is SUCCESS
    exporter.shutdown()


def test_an_ended_connection_is_made_again(
    exporter: PostgresSpanExporter, store: Store, new: NewSpans, database: str
) -> None:
    assert exporter.export(_generation(new, 1)) is SUCCESS
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                      " AND datname = current_database()")  # fmt: skip

    assert exporter.export(_generation(new, 2)) is SUCCESS
    assert len(list(Store(database).iter())) == 2


def test_many_threads_may_export_at_once(database: str, store: Store) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(PostgresSpanExporter(database)))
    tracer = provider.get_tracer(names.SCOPE)

    def work() -> None:
        for _ in range(10):
            with tracer.start_as_current_span("invoke_workflow x"):
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    provider.shutdown()

    assert len(list(store.iter())) == 80


def test_after_shutdown_every_export_fails(exporter: PostgresSpanExporter, new: NewSpans) -> None:
    exporter.shutdown()
    exporter.shutdown()

    assert exporter.export(_generation(new, 1)) is FAILURE


def test_shutdown_wakes_an_export_that_waits(new: NewSpans) -> None:
    exporter = PostgresSpanExporter(NOWHERE, timeout_seconds=60)
    results: list[SpanExportResult] = []
    thread = threading.Thread(target=lambda: results.append(exporter.export(_generation(new, 1))))
    thread.start()
    thread.join(0.3)
    exporter.shutdown()
    thread.join(10)

    assert results == [FAILURE]


class _Suppression(logging.Handler):
    """Notes whether instrumentation was suppressed where a line was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[object, object]] = []

    def emit(self, _record: logging.LogRecord) -> None:
        keys = (_SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation")
        self.seen.append((context.get_value(keys[0]), context.get_value(keys[1])))


def test_its_own_work_is_not_traced(new: NewSpans) -> None:
    handler = _Suppression()
    logger = logging.getLogger("image_tracing_postgres.exporter")
    logger.addHandler(handler)
    try:
        PostgresSpanExporter(NOWHERE, timeout_seconds=0.1).export(_generation(new, 1))
    finally:
        logger.removeHandler(handler)

    assert handler.seen[0] == (True, True)
    assert context.get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


def test_the_constructor_never_raises_nor_connects() -> None:
    exporter = PostgresSpanExporter("postgresql:/u:hunter2@nowhere/db")
    exporter.shutdown()

    assert exporter.force_flush()


def test_an_address_that_cannot_be_read_is_a_failure_without_the_password(
    new: NewSpans, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = PostgresSpanExporter("postgresql:/u:hunter2@nowhere/db", timeout_seconds=0.2)

    assert exporter.export(_generation(new, 1)) is FAILURE
    assert "hunter2" not in caplog.text


def _export_in_child(exporter: PostgresSpanExporter, spans: list[ReadableSpan]) -> None:
    os._exit(0 if exporter.export(spans) is SUCCESS else 1)


def test_a_forked_child_has_a_connection_and_a_lock_of_its_own(
    exporter: PostgresSpanExporter, store: Store, new: NewSpans
) -> None:
    exporter.export(_generation(new, 1))
    with exporter._lock:
        child = multiprocessing.get_context("fork").Process(
            target=_export_in_child, args=(exporter, _generation(new, 2))
        )
        child.start()
    child.join(30)

    assert child.exitcode == 0
    assert exporter.export(_generation(new, 3)) is SUCCESS
    assert len(list(store.iter())) == 3


def test_the_environment_alone_can_choose_it(database: str, store: Store) -> None:
    program = (
        "from opentelemetry import trace\n"
        "with trace.get_tracer('image_tracing').start_as_current_span('invoke_workflow x'): pass\n"
    )
    environment = os.environ | {
        "OTEL_TRACES_EXPORTER": "image_tracing",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "from-the-environment",
        "IMAGE_TRACING_DATABASE_URL": database,
    }
    script = Path(sys.executable).with_name("opentelemetry-instrument")
    subprocess.run(
        [script, sys.executable, "-c", program],
        env=environment,
        check=True,
        timeout=60,
    )

    assert [trace.service_name for trace in store.list()] == ["from-the-environment"]
