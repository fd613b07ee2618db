"""Postgres and an OTLP endpoint get the same spans, each independent of the other."""

import json
import time

from tests.backends.collector import GENERATE, NAMES, Collector, attributes_of, environment, run

from image_tracing_postgres import Store

CONFIGURE = "import image_tracing_postgres\nprovider = image_tracing_postgres.configure()\n"
ALSO_HERE = """
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
here = InMemorySpanExporter()
provider.add_span_processor(SimpleSpanProcessor(here))
"""
PRINT = """
import json
print(json.dumps([
    [span.name, span.kind.name, span.status.status_code.name, span.start_time, span.end_time,
     f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}",
     f"{span.parent.span_id:016x}" if span.parent else "", [event.name for event in span.events],
     {name: list(value) if isinstance(value, tuple) else value for name, value in span.attributes.items()}]
    for span in here.get_finished_spans()
]))
"""
WITHOUT_US = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
provider = TracerProvider()
trace.set_tracer_provider(provider)
"""
RAISE = """
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
class Raising(SpanExporter):
    def export(self, spans):
        raise RuntimeError("mine")
    def shutdown(self):
        raise RuntimeError("mine as well")
provider.add_span_processor(SimpleSpanProcessor(Raising()))
provider.add_span_processor(BatchSpanProcessor(Raising()))
"""
KINDS = {1: "INTERNAL", 3: "CLIENT"}
CODES = {0: "UNSET", 2: "ERROR"}


def test_both_get_the_generation_with_its_attempts(database: str, store: Store, collector: Collector) -> None:
    run(CONFIGURE + GENERATE, environment(database, collector, OTEL_SERVICE_NAME="illustrator"))

    [trace] = store.list()
    assert [attempt.outcome for attempt in trace.attempts] == ["error", "refused", "ok"]
    assert trace.service_name == "illustrator"
    assert collector.names == NAMES
    assert set(collector.services) == {"illustrator"}


def test_the_endpoint_gets_the_spans_unchanged(database: str, collector: Collector) -> None:
    done = run(CONFIGURE + ALSO_HERE + GENERATE + PRINT, environment(database, collector))

    received = [
        [
            span.name,
            KINDS[span.kind],
            CODES[span.status.code],
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            [event.name for event in span.events],
            attributes_of(span),
        ]
        for span in collector.spans
    ]
    assert sorted(received, key=str) == sorted(json.loads(done.stdout), key=str)


def test_the_row_has_the_ids_of_the_spans(database: str, store: Store, collector: Collector) -> None:
    run(CONFIGURE + GENERATE, environment(database, collector))

    [row] = store.list()
    assert {span.trace_id.hex() for span in collector.spans} == {row.otel_trace_id}
    assert {span.span_id.hex() for span in collector.spans} == {
        row.otel_span_id,
        *(attempt.otel_span_id for attempt in row.attempts),
    }


def _lasting(printed: str) -> list[object]:
    """What two runs of the same program have in common."""
    spans = json.loads(printed)
    for span in spans:
        span[-1].pop("image_generation.generation_id")
    return [[*span[:3], *span[8:]] for span in spans]


def test_spans_are_those_of_a_program_without_us(database: str) -> None:
    with_us, without = (
        run(each + ALSO_HERE + GENERATE + PRINT, environment(database)) for each in (CONFIGURE, WITHOUT_US)
    )

    assert len(_lasting(with_us.stdout)) == len(NAMES)
    assert _lasting(with_us.stdout) == _lasting(without.stdout)


def test_exporters_that_raise_harm_no_other(database: str, store: Store, collector: Collector) -> None:
    run(CONFIGURE + ALSO_HERE + RAISE + GENERATE, environment(database, collector))

    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES


def test_the_endpoint_gets_no_started_records(database: str, store: Store, collector: Collector) -> None:
    wait = """
import time
from image_tracing_postgres import Store
provider.add_span_processor  # the rest of the program sees the row of a generation that goes on
with generation(lesson_id="lesson-2"), Store() as store:
    deadline = time.monotonic() + 30
    while "started" not in [trace.status for trace in store.list()]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    provider.force_flush()
"""
    run(CONFIGURE + GENERATE + wait, environment(database, collector))

    ids = [span.span_id for span in collector.spans]
    assert len(ids) == len(set(ids)) == len(NAMES) + 1
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano > 0 for span in collector.spans)


def test_an_endpoint_that_refuses_costs_postgres_nothing(database: str, store: Store) -> None:
    refusing = Collector(status=400)
    try:
        run(CONFIGURE + GENERATE, environment(database, refusing))
    finally:
        refusing.close()

    assert refusing.requests > 0
    assert [trace.status for trace in store.list()] == ["completed"]


def test_a_database_that_is_away_costs_the_endpoint_nothing(collector: Collector) -> None:
    run(CONFIGURE + GENERATE, environment("host=127.0.0.1 port=9 dbname=x", collector))

    assert collector.names == NAMES


def test_a_silent_endpoint_delays_no_row(database: str, store: Store) -> None:
    silent = Collector(is_silent=True)
    told = environment(database, silent, OTEL_BSP_SCHEDULE_DELAY="100", OTEL_EXPORTER_OTLP_TIMEOUT="60")
    wait = """
import os, time, urllib.request
from image_tracing_postgres import Store
began = time.monotonic()
while urllib.request.urlopen(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]).read() != b"1":
    assert time.monotonic() < began + 20
    time.sleep(0.02)
with Store() as store:
    while [trace.status for trace in store.list()] != ["completed"]:
        assert time.monotonic() < began + 40
        time.sleep(0.02)
os._exit(0)
"""
    try:
        run(CONFIGURE + GENERATE + wait, told)
    finally:
        silent.close()

    assert silent.requests == 1


def test_a_silent_endpoint_delays_the_exit_no_longer_than_the_sdk_does(database: str) -> None:
    alone = (
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor\n"
        "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))\n"
        "trace.set_tracer_provider(provider)\n"
    )
    seconds = []
    for set_up in (alone, CONFIGURE):
        silent = Collector(is_silent=True)
        told = environment(database, silent, OTEL_EXPORTER_OTLP_TIMEOUT="2")
        try:
            done = run(set_up + GENERATE + "import time; print(time.time())", told)
        finally:
            silent.close()
        seconds.append(time.time() - float(done.stdout))

    # Two seconds are those that what waits in the spool may take.
    assert seconds[1] <= seconds[0] + 2.5
