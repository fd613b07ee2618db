"""OTEL_CONFIG_FILE: opentelemetry-configuration finds our exporter by the name of its entry point."""

import re
from pathlib import Path

import pytest
from tests.backends.collector import GENERATE, NAMES, Collector, environment, run_instrumented

from image_tracing_postgres import Store

FILE = """
file_format: "1.0"
resource:
  attributes:
    - name: service.name
      value: from-the-file
tracer_provider:
  sampler:
    {sampler}:
  processors:
    - batch:
        exporter:
          image_tracing:
            {dsn}
    - batch:
        exporter:
          otlp_http:
            endpoint: {url}/v1/traces
    - simple:
        exporter:
          console:
"""


def _told(
    folder: Path, collector: Collector, database: str | None, *, sampler: str = "always_on", dsn: str = ""
) -> dict[str, str]:
    path = folder / "otel.yaml"
    path.write_text(FILE.format(sampler=sampler, dsn=dsn, url=collector.url))
    return environment(database, OTEL_CONFIG_FILE=str(path))


def test_a_file_sends_to_all_three(tmp_path: Path, database: str, store: Store, collector: Collector) -> None:
    done = run_instrumented(GENERATE, _told(tmp_path, collector, database))

    [trace] = store.list()
    assert (trace.status, trace.service_name) == ("completed", "from-the-file")
    assert collector.names == NAMES
    assert done.stdout.count('"name": "generate_content flux"') == 1


def test_the_file_may_name_the_database(
    tmp_path: Path, database: str, store: Store, collector: Collector
) -> None:
    run_instrumented(GENERATE, _told(tmp_path, collector, None, dsn=f"dsn: {database}"))

    assert [trace.status for trace in store.list()] == ["completed"]


@pytest.mark.parametrize("sampler", ["always_off"])
def test_the_file_may_sample(
    sampler: str, tmp_path: Path, database: str, store: Store, collector: Collector
) -> None:
    run_instrumented(GENERATE, _told(tmp_path, collector, database, sampler=sampler))

    assert list(store.list()) == []
    assert collector.requests == 0


def test_an_exporter_that_fails_harms_no_other(tmp_path: Path, collector: Collector) -> None:
    run_instrumented(GENERATE, _told(tmp_path, collector, "host=127.0.0.1 port=9 dbname=x"))

    assert collector.names == NAMES


def test_a_setting_that_is_misspelt_harms_nothing(
    tmp_path: Path, database: str, store: Store, collector: Collector
) -> None:
    done = run_instrumented(GENERATE, _told(tmp_path, collector, database, dsn="dns: postgresql://typo"))

    assert "and was given dns as well, which does nothing" in done.stderr
    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES


def test_the_file_in_the_documents_works(
    tmp_path: Path, database: str, store: Store, collector: Collector
) -> None:
    text = (Path(__file__).parents[2] / "docs/backends.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    path = tmp_path / "otel.yaml"
    mine = block.replace("postgresql://localhost/images", f"{database} #")
    path.write_text(mine.replace("http://localhost:4318", collector.url))

    run_instrumented(GENERATE, environment(None, OTEL_CONFIG_FILE=str(path)))

    assert [trace.status for trace in store.list()] == ["completed"]
    assert collector.names == NAMES
