"""The exporter that the environment chooses, on a spool of its own."""

from pathlib import Path
from time import monotonic

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from tests.image_tracing_postgres.conftest import NewSpans

from image_tracing_postgres import Store
from image_tracing_postgres.spool_exporter import SpoolSpanExporter

AWAY = "host=127.0.0.1 port=9 dbname=x"


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))


def test_rows_are_there_when_export_returns(database: str, store: Store, new: NewSpans) -> None:
    exporter = SpoolSpanExporter(database)

    assert exporter.export([new.attempt(), new.root()]) is SpanExportResult.SUCCESS
    assert [trace.status for trace in store.list()] == ["completed"]
    exporter.shutdown()


def test_a_database_that_is_away_is_waited_for_once(new: NewSpans) -> None:
    exporter = SpoolSpanExporter(AWAY, timeout_seconds=2.0)
    exporter.export([new.root()])

    began = monotonic()
    exporter.export([new.root(span_id=2)])
    assert monotonic() - began < 1.5
    exporter.shutdown()


def test_a_full_batch_is_not_waited_for_since_more_is_to_come(
    new: NewSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    exporter = SpoolSpanExporter(AWAY, timeout_seconds=60)

    began = monotonic()
    assert exporter.export([new.attempt(), new.root()]) is SpanExportResult.SUCCESS
    assert monotonic() - began < 30
    exporter.shutdown()


def test_a_setting_that_cannot_be_used_is_told_and_raises_nothing(
    new: NewSpans, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATABASE_URL", "not an address")
    exporter = SpoolSpanExporter()

    assert exporter.export([new.root()]) is SpanExportResult.FAILURE
    assert exporter.force_flush()
    exporter.shutdown()
    assert "IMAGE_TRACING_DATABASE_URL should be" in caplog.text
