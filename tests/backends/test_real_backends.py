"""A generation goes to Postgres, to a real Phoenix and to a real MLflow at once: `make test-backends`.

IMAGE_TRACING_SCREENSHOTS names a folder for pictures of their screens.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.backends.collector import GENERATE, NAMES, environment, run
from tests.backends.real_servers import RealServer, mlflow, phoenix
from tests.image_tracing_viewer.browser.conftest import browser  # noqa: F401 - a fixture

from image_tracing_postgres import Store

pytestmark = [pytest.mark.backends, pytest.mark.timeout(900)]

PROGRAM = """
import image_tracing_postgres
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

# To Phoenix by the variables of the environment.
provider = image_tracing_postgres.configure()
mlflow = OTLPSpanExporter("{mlflow}/v1/traces", headers={{"x-mlflow-experiment-id": "0"}})
provider.add_span_processor(BatchSpanProcessor(mlflow))
"""
ATTEMPTS = NAMES[:3]
MODELS = ["flux", "prude", "slow"]
PROMPT = "a red fox"


class Sent:
    """A generation that all three have."""

    def __init__(self, phoenix: RealServer, mlflow: RealServer, database: str) -> None:
        self.phoenix = phoenix
        self.mlflow = mlflow
        with Store(database) as store:
            [self.row] = store.list()
        self.trace_id = self.row.otel_trace_id

    def phoenix_spans(self) -> list[dict[str, Any]]:
        """By name."""
        path = f"/v1/projects/default/spans?trace_id={self.trace_id}"
        spans: list[dict[str, Any]] = self.phoenix.waited_for(path, "data")["data"]
        return sorted(spans, key=lambda span: str(span["name"]))

    def mlflow_spans(self) -> list[dict[str, Any]]:
        """By name, their attributes as Python has them."""
        path = f"/ajax-api/3.0/mlflow/traces/get?trace_id=tr-{self.trace_id}"
        spans: list[dict[str, Any]] = self.mlflow.waited_for(path, "trace")["trace"]["spans"]
        for span in spans:
            span["attributes"] = {each["key"]: _plain(each.get("value", {})) for each in span["attributes"]}
        return sorted(spans, key=lambda span: str(span["name"]))


def _plain(value: dict[str, Any]) -> Any:
    """A value of OTLP's JSON, some of MLflow's being JSON texts in it."""
    if not value:
        return None
    [(kind, found)] = value.items()
    if kind == "array_value":
        return [_plain(each) for each in found.get("values", [])]
    if kind == "kvlist_value":
        return {each["key"]: _plain(each.get("value", {})) for each in found.get("values", [])}
    return int(found) if kind == "int_value" else found


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealServer, RealServer]]:
    with (
        phoenix(tmp_path_factory.mktemp("phoenix")) as first,
        mlflow(tmp_path_factory.mktemp("mlflow")) as second,
    ):
        yield first, second


@pytest.fixture
def sent(servers: tuple[RealServer, RealServer], database: str) -> Sent:
    program = PROGRAM.format(mlflow=servers[1].url) + GENERATE
    told = {
        **environment(database),
        "OTEL_EXPORTER_OTLP_ENDPOINT": servers[0].url,
        "OTEL_SERVICE_NAME": "illustrator",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
    }
    run(program, told)
    return Sent(*servers, database)


def test_all_three_have_the_generation_with_its_attempts(sent: Sent) -> None:
    assert [attempt.model for attempt in sent.row.attempts] == ["slow", "prude", "flux"]
    assert [span["name"] for span in sent.phoenix_spans()] == NAMES
    assert [span["name"] for span in sent.mlflow_spans()] == NAMES


def test_phoenix_reads_models_prompts_and_tokens(sent: Sent) -> None:
    attempts = [span["attributes"] for span in sent.phoenix_spans()[:3]]

    assert [each["llm.model_name"] for each in attempts] == MODELS
    assert {each["llm.input_messages.0.message.content"] for each in attempts} == {PROMPT}
    assert [each.get("llm.token_count.completion") for each in attempts] == [1056, None, None]


def test_phoenix_knows_attempts_as_calls_of_models_below_their_generation(sent: Sent) -> None:
    *attempts, root = sent.phoenix_spans()

    assert [span["span_kind"] for span in attempts] == ["LLM"] * 3
    assert {span["parent_id"] for span in attempts} == {root["context"]["span_id"]}
    assert [span["status_code"] for span in attempts] == ["UNSET", "ERROR", "ERROR"]


def test_mlflow_reads_models_prompts_and_tokens(sent: Sent) -> None:
    attempts = [span["attributes"] for span in sent.mlflow_spans()[:3]]

    assert [each["mlflow.llm.model"] for each in attempts] == MODELS
    assert {each["mlflow.spanInputs"][0]["parts"][0]["content"] for each in attempts} == {PROMPT}
    assert attempts[0]["mlflow.chat.tokenUsage"]["output_tokens"] == 1056


def test_mlflow_knows_attempts_as_calls_of_models_below_their_generation(sent: Sent) -> None:
    *attempts, root = sent.mlflow_spans()

    assert [span["attributes"]["mlflow.spanType"] for span in attempts] == ["LLM"] * 3
    assert {span["parent_span_id"] for span in attempts} == {root["span_id"]}
    assert root["attributes"]["mlflow.spanInputs"][0]["parts"][0]["content"] == PROMPT


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:  # noqa: F811 - the fixture
    context = browser.new_context(viewport={"width": 1500, "height": 950})
    page = context.new_page()
    page.set_default_timeout(120_000)
    expect.set_options(timeout=120_000)
    yield page
    context.close()


def _look(page: Page, name: str) -> None:
    for text in (*ATTEMPTS, "invoke_workflow illustrate"):
        expect(page.get_by_text(text).first).to_be_visible()
    # MLflow has an invisible handle over the label's middle.
    page.get_by_text(ATTEMPTS[0]).first.click(position={"x": 4, "y": 4}, force=True)
    # In the tree, and as the title of what is shown beside it.
    expect(page.get_by_text(ATTEMPTS[0]).nth(1)).to_be_visible()
    expect(page.get_by_text(PROMPT, exact=True).first).to_be_visible()
    folder = os.environ.get("IMAGE_TRACING_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_phoenix_shows_them(sent: Sent, page: Page) -> None:
    page.goto(f"{sent.phoenix.url}/redirects/traces/{sent.trace_id}")

    _look(page, "phoenix")


def test_mlflow_shows_them(sent: Sent, page: Page) -> None:
    page.goto(f"{sent.mlflow.url}/#/experiments/0/traces?selectedEvaluationId=tr-{sent.trace_id}")

    _look(page, "mlflow")
