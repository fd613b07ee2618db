"""`configure()` beside other tools' own set-up, with the real packages: `make test-backends`."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.backends.collector import GENERATE, NAMES, Collector, environment
from tests.backends.real_servers import BIN

from image_tracing_postgres import Store

pytestmark = pytest.mark.backends

TOP = Path(__file__).parents[2]
CONFIGURE = "import image_tracing_postgres\nimage_tracing_postgres.configure()\n"
LOGFIRE = """
import logfire, os
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor
exporter = BatchSpanProcessor(OTLPSpanExporter(os.environ["COLLECTOR"] + "/v1/traces"))
logfire.configure(send_to_logfire=False, console=False, additional_span_processors=[exporter])
"""
PHOENIX = """
import os
from phoenix.otel import register
register(endpoint=os.environ["COLLECTOR"] + "/v1/traces", protocol="http/protobuf", batch=True, verbose=False)
"""
LANGFUSE = """
import os
from langfuse import Langfuse
Langfuse(public_key="pk-lf-1", secret_key="sk-lf-1", base_url=os.environ["COLLECTOR"])
"""


def _run(program: str, database: str, collector: Collector) -> None:
    packages = os.pathsep.join(str(TOP / folder) for folder in ("src", "migrations", "exporters"))
    subprocess.run(
        [str(BIN.absolute() / "python"), "-c", program],
        env=environment(database, COLLECTOR=collector.url, PYTHONPATH=packages, LOGFIRE_TOKEN=""),
        check=True,
        timeout=120,
    )


@pytest.mark.parametrize("tool", [LOGFIRE, PHOENIX, LANGFUSE], ids=["logfire", "phoenix", "langfuse"])
def test_a_tool_that_was_set_up_first_gets_what_postgres_gets(
    tool: str, database: str, store: Store, collector: Collector
) -> None:
    _run(tool + CONFIGURE + GENERATE, database, collector)

    [row] = store.list()
    assert [attempt.outcome for attempt in row.attempts] == ["error", "refused", "ok"]
    assert collector.names == NAMES


def test_langfuse_that_comes_later_adds_itself(database: str, store: Store, collector: Collector) -> None:
    _run(CONFIGURE + LANGFUSE + GENERATE, database, collector)

    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES
