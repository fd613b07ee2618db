"""What the standard variables and the command line choose, for a program that sets nothing up itself."""

import pytest
from tests.backends.collector import GENERATE, NAMES, Collector, environment, run, run_instrumented

from image_tracing_postgres import Store
from image_tracing_postgres.migrate import migrate

ALL = {"OTEL_TRACES_EXPORTER": "console,otlp,image_tracing"}
CONFIGURE = "import image_tracing_postgres\nimage_tracing_postgres.configure()\n"
WITHIN = """
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.context import attach
attach(set_span_in_context(NonRecordingSpan(SpanContext(7, 7, True, TraceFlags({flags})))))
"""


def test_console_otlp_and_postgres_all_get_the_generation(
    database: str, store: Store, collector: Collector
) -> None:
    done = run_instrumented(GENERATE, environment(database, collector, **ALL))

    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES
    assert [done.stdout.count(f'"name": "{name}"') for name in NAMES] == [1, 1, 1, 1]


def test_the_command_line_chooses_as_well(database: str, store: Store, collector: Collector) -> None:
    run_instrumented(GENERATE, environment(database, collector), "--traces_exporter", "otlp,image_tracing")

    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES


@pytest.mark.parametrize("start", [run, run_instrumented], ids=["configure", "opentelemetry-instrument"])
def test_a_disabled_sdk_sends_nothing_anywhere(
    start: object, database: str, store: Store, collector: Collector
) -> None:
    told = environment(database, collector, OTEL_SDK_DISABLED="true", **ALL)
    done = run(CONFIGURE + GENERATE, told) if start is run else run_instrumented(GENERATE, told)

    assert done.stdout == ""
    assert list(store.list()) == []
    assert collector.requests == 0


def test_a_database_that_is_away_harms_no_other_exporter(collector: Collector) -> None:
    done = run_instrumented(GENERATE, environment("host=127.0.0.1 port=9 dbname=x", collector, **ALL))

    assert collector.names == NAMES
    assert done.stdout.count('"name": "generate_content flux"') == 1
    assert "spans wait in" in done.stderr


def test_a_setting_that_cannot_be_used_harms_no_other_exporter(collector: Collector) -> None:
    done = run_instrumented(GENERATE, environment("not an address", collector, **ALL))

    assert collector.names == NAMES
    assert "IMAGE_TRACING_DATABASE_URL should be" in done.stderr


def test_an_endpoint_that_refuses_harms_no_other_exporter(database: str, store: Store) -> None:
    refusing = Collector(status=400)
    try:
        done = run_instrumented(GENERATE, environment(database, refusing, **ALL))
    finally:
        refusing.close()

    assert refusing.requests > 0
    assert [trace.status for trace in store.list()] == ["completed"]
    assert done.stdout.count('"name": "generate_content flux"') == 1


def test_a_flush_ends_when_the_rows_are_there(database: str, store: Store) -> None:
    die = """
import os
from opentelemetry import trace
trace.get_tracer_provider().force_flush()
os._exit(0)
"""
    run_instrumented(GENERATE + die, environment(database, OTEL_TRACES_EXPORTER="image_tracing"))

    assert [trace.status for trace in store.list()] == ["completed"]


def test_what_the_database_could_not_take_is_stored_later(empty_database: str) -> None:
    told = environment(empty_database, OTEL_TRACES_EXPORTER="image_tracing")
    run_instrumented(GENERATE, told)

    migrate(empty_database)
    run("import image_tracing_postgres\nimage_tracing_postgres.configure().force_flush()", told)

    with Store(empty_database) as store:
        assert [trace.status for trace in store.list()] == ["completed"]


@pytest.mark.parametrize(
    ("sampler", "argument", "is_kept"),
    [
        ("always_on", "", True),
        ("always_off", "", False),
        ("traceidratio", "0", False),
        ("traceidratio", "1", True),
        ("parentbased_always_on", "", True),
        ("parentbased_always_off", "", False),
    ],
)
@pytest.mark.parametrize("set_up", ["configure", "opentelemetry-instrument"])
def test_what_is_sampled_reaches_both_and_nothing_else_any(
    set_up: str, sampler: str, argument: str, is_kept: bool, database: str, store: Store, collector: Collector
) -> None:
    told = environment(database, collector, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=argument)
    if set_up == "configure":
        run(CONFIGURE + GENERATE, told)
    else:
        run_instrumented(GENERATE, {**told, "OTEL_TRACES_EXPORTER": "otlp,image_tracing"})

    assert [trace.status for trace in store.list()] == ["completed"] * is_kept
    assert collector.names == NAMES * is_kept


@pytest.mark.parametrize("flags", [0, 1])
def test_a_parent_elsewhere_decides(flags: int, database: str, store: Store, collector: Collector) -> None:
    run(CONFIGURE + WITHIN.format(flags=flags) + GENERATE, environment(database, collector))

    assert [trace.status for trace in store.list()] == ["completed"] * flags
    assert collector.names == NAMES * flags


def test_a_span_that_is_recorded_but_not_sampled_leaves_no_started_row(
    database: str, store: Store, collector: Collector
) -> None:
    program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

class RecordOnly(Sampler):
    def should_sample(self, parent_context, trace_id, name, *args, **kwargs):
        return SamplingResult(Decision.RECORD_ONLY)

    def get_description(self):
        return "record only"

trace.set_tracer_provider(TracerProvider(sampler=RecordOnly()))
"""
    run(program + CONFIGURE + GENERATE, environment(database, collector))

    assert list(store.list()) == []
    assert collector.requests == 0
