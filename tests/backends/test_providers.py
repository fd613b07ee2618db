"""`configure()` beside whatever tracer provider another tool has set, and what the environment names."""

import pytest
from tests.backends.collector import GENERATE, NAMES, Collector, environment, run

from image_tracing_postgres import Store

CONFIGURE = "import image_tracing_postgres\nprovider = image_tracing_postgres.configure()\n"
SET = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
"""
# As Logfire's: no subclass of the SDK's, which it may replace.
BEFORE_ONE = f"""{SET}
class Before(trace.TracerProvider):
    def __init__(self):
        self.inner = TracerProvider()
        self.add_span_processor = self.inner.add_span_processor
        self.force_flush = self.inner.force_flush
        self.shutdown = self.inner.shutdown
        self.get_tracer = self.inner.get_tracer
    def get_tracer(self, *args, **kwargs):
        raise NotImplementedError
trace.set_tracer_provider(Before())
"""
# As that of phoenix.otel.register(): the exporter it makes by itself goes when another comes.
WITH_A_DEFAULT = f"""{SET}
class Register(TracerProvider):
    def add_span_processor(self, processor, replace_default_processor=True):
        if replace_default_processor:
            self._active_span_processor._span_processors = ()
        super().add_span_processor(processor)
mine = Register()
mine.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(mine)
"""
WITHOUT_PROCESSORS = """
from opentelemetry import trace
class Alien(trace.TracerProvider):
    def get_tracer(self, *args, **kwargs):
        return trace.NoOpTracer()
trace.set_tracer_provider(Alien())
"""
LATER = f"""{SET}
mine = TracerProvider()
mine.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(mine)
"""
FLASK = 'with trace.get_tracer("flask").start_as_current_span("GET /"):\n    '


def test_a_provider_that_stands_before_the_sdks_is_added_to(database: str, store: Store) -> None:
    done = run(BEFORE_ONE + CONFIGURE + GENERATE, environment(database))

    assert [trace.status for trace in store.list()] == ["completed"]
    assert done.stderr == ""


def test_a_provider_keeps_the_exporter_it_made_itself(database: str, store: Store) -> None:
    done = run(WITH_A_DEFAULT + CONFIGURE + GENERATE, environment(database))

    assert [trace.status for trace in store.list()] == ["completed"]
    assert [done.stdout.count(f'"name": "{name}"') for name in NAMES] == [1, 1, 1, 1]


def test_a_provider_that_takes_no_processors_is_named(database: str, store: Store) -> None:
    done = run(WITHOUT_PROCESSORS + CONFIGURE + GENERATE, environment(database))

    assert "__main__.Alien is set, which takes none; call configure() before it is set" in done.stderr
    assert list(store.list()) == []


def test_a_tool_that_comes_later_takes_nothing_away(database: str, store: Store) -> None:
    done = run(CONFIGURE + LATER + GENERATE, environment(database))

    assert [trace.status for trace in store.list()] == ["completed"]
    assert "Overriding of current TracerProvider is not allowed" in done.stderr


def test_a_generation_within_a_request_is_stored_with_that_requests_trace(
    database: str, store: Store, collector: Collector
) -> None:
    within = GENERATE.replace('illustrate("lesson', f'{FLASK}illustrate("lesson')
    run("from opentelemetry import trace\n" + CONFIGURE + within, environment(database, collector))

    [row] = store.list()
    [request] = [span for span in collector.spans if span.name == "GET /"]
    assert row.otel_trace_id == request.trace_id.hex()
    assert collector.names == ["GET /", *NAMES]


def test_configure_takes_every_exporter_that_is_named(
    database: str, store: Store, collector: Collector
) -> None:
    told = environment(database, collector, OTEL_TRACES_EXPORTER="console,otlp,image_tracing")
    done = run(CONFIGURE + GENERATE, told)

    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES
    assert [done.stdout.count(f'"name": "{name}"') for name in NAMES] == [1, 1, 1, 1]


@pytest.mark.parametrize("named", ["none", "image_tracing", "console"])
def test_an_endpoint_that_is_not_named_gets_nothing(
    named: str, database: str, store: Store, collector: Collector
) -> None:
    run(CONFIGURE + GENERATE, environment(database, collector, OTEL_TRACES_EXPORTER=named))

    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.requests == 0


def test_an_exporter_that_is_not_there_is_told_and_harms_no_other(
    database: str, store: Store, collector: Collector
) -> None:
    done = run(CONFIGURE + GENERATE, environment(database, collector, OTEL_TRACES_EXPORTER="consle,otlp"))

    assert "'consle' is none; there are: console, image_tracing, otlp" in done.stderr
    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES


def test_an_exporter_that_cannot_be_made_is_told_and_costs_postgres_nothing(
    database: str, store: Store, collector: Collector
) -> None:
    # More than the SDK's queue holds.
    done = run(CONFIGURE + GENERATE, environment(database, collector, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="5000"))

    assert "the exporter 'otlp' of the environment: making it failed (ValueError)" in done.stderr
    assert [trace.status for trace in store.list()] == ["completed"]
