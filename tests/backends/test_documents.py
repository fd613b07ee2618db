"""What docs/backends.md tells users to set arrives where it should, with the headers it should."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.backends.collector import GENERATE, NAMES, Collector, environment, run

TEXT = (Path(__file__).parents[2] / "docs/backends.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^## (\w+(?: \w+)?)\n.*?^```sh\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
KEYS = {
    "GRAFANA_INSTANCE": "1",
    "GRAFANA_TOKEN": "glc_" + "x" * 200,
    "HONEYCOMB_API_KEY": "hcaik_1",
    "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
    "LANGFUSE_SECRET_KEY": "sk-lf-1",
    "LOGFIRE_TOKEN": "pylf_v1_eu_1",
}
EXPECTED = {
    "Jaeger": ("/v1/traces", {}),
    "Grafana Tempo": ("/otlp/v1/traces", {"Authorization": "Basic MTpnbGNf"}),
    "Honeycomb": ("/v1/traces", {"x-honeycomb-team": "hcaik_1"}),
    "Langfuse": (
        "/api/public/otel/v1/traces",
        {"Authorization": "Basic cGstbGYtMTpzay1sZi0x", "x-langfuse-ingestion-version": "4"},
    ),
    "Phoenix": ("/v1/traces", {}),
    "MLflow": ("/v1/traces", {"x-mlflow-experiment-id": "0"}),
    "Logfire": ("/v1/traces", {"Authorization": "pylf_v1_eu_1"}),
}


def _set_by(block: str, collector: Collector) -> dict[str, str]:
    """What the lines of a block set, with our endpoint in the place of theirs."""
    exports = "\n".join(line for line in block.splitlines() if line.startswith("export "))
    done = subprocess.run(
        ["sh", "-euc", f"{exports}\nenv"],
        env={"PATH": "/usr/bin:/bin", **KEYS},
        capture_output=True,
        text=True,
        check=True,
    )
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("OTEL_"))
    return {
        name: collector.url + urlsplit(value).path if name.endswith("ENDPOINT") else value
        for name, value in told.items()
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_the_variables_work_as_they_stand(name: str, database: str, collector: Collector) -> None:
    told = _set_by(BLOCKS[name], collector)
    path, headers = EXPECTED[name]

    configure = "import image_tracing_postgres\nimage_tracing_postgres.configure()\n"
    run(configure + GENERATE, environment(database, **told))

    assert collector.names == NAMES
    assert collector.paths == {path}
    assert [
        header for header, value in headers.items() if not collector.headers[header.lower()].startswith(value)
    ] == []


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_has_five_lines(name: str) -> None:
    assert len(BLOCKS[name].splitlines()) <= 5


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))
def test_its_python_runs(block: str, database: str) -> None:
    assert run(block, environment(database)).stderr == ""
