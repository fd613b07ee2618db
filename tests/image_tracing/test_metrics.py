"""Durations and tokens, through the SDK's own metrics; a process has one global meter provider."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from image_tracing import ImageTracer, attempt, generation
from image_tracing.metrics import NAMES_LIMIT, OPERATION_DURATION, TOKENS_USED, WORKFLOW_DURATION

URL = "https://example.org/1.png"
MODEL = {"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "flux"}
UNSAMPLED = SpanContext(1, 1, is_remote=True, trace_flags=TraceFlags(0))


def points(reader: InMemoryMetricReader, name: str) -> list[HistogramDataPoint]:
    """What a histogram holds."""
    data = reader.get_metrics_data()
    found = [
        metric.data
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
    ]
    return [point for each in found if isinstance(each, Histogram) for point in each.data_points]


class Measured:
    """What was measured since the test began."""

    def __init__(self, reader: InMemoryMetricReader) -> None:
        self._reader = reader

    def points(self, name: str) -> list[HistogramDataPoint]:
        return points(self._reader, name)

    def attributes(self, name: str) -> list[dict[str, Any]]:
        return [dict(point.attributes or {}) for point in self.points(name)]


@pytest.fixture
def measured(spans: object) -> Iterator[Measured]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    kept = metrics._internal._METER_PROVIDER
    metrics._internal._METER_PROVIDER = provider
    yield Measured(reader)
    metrics._internal._METER_PROVIDER = kept
    provider.shutdown()


@attempt(provider="openai")
def paint(model: str, prompt: str = "a fox") -> Any:
    if model == "slow":
        raise TimeoutError("late")
    if model == "prude":
        return {"images": [], "finish_reason": "SAFETY"}
    return {"data": [{"url": URL}], "model": "flux-1.1", "usage": {"input_tokens": 9, "output_tokens": 1056}}


@generation
def illustrate(*models: str) -> None:
    for model in models:
        try:
            paint(model)
        except TimeoutError:
            continue


def test_an_attempt_is_measured_in_seconds(measured: Measured) -> None:
    with attempt(model="flux") as painting:
        time.sleep(0.02)
        painting.record_images(URL)

    [point] = measured.points(OPERATION_DURATION)
    assert 0.02 <= point.sum < 5
    assert point.attributes == MODEL


def test_a_success_has_no_error_type_and_tells_its_models(measured: Measured) -> None:
    paint("flux")

    told = {**MODEL, "gen_ai.provider.name": "openai", "gen_ai.response.model": "flux-1.1"}
    assert measured.attributes(OPERATION_DURATION) == [told]


@pytest.mark.parametrize(("model", "error_type"), [("slow", "TimeoutError"), ("prude", "refused")])
def test_a_failure_has_the_error_type_of_its_span(measured: Measured, model: str, error_type: str) -> None:
    illustrate(model)

    [attempted] = measured.attributes(OPERATION_DURATION)
    [generated] = measured.attributes(WORKFLOW_DURATION)
    assert attempted["error.type"] == generated["error.type"] == error_type


def test_tokens_are_counted_by_direction(measured: Measured) -> None:
    paint("flux")

    counts = {point.attributes["gen_ai.token.type"]: point.sum for point in measured.points(TOKENS_USED)}  # type: ignore[index]
    assert counts == {"input": 9, "output": 1056}


def test_a_generation_is_measured_once_whatever_it_tried(measured: Measured) -> None:
    illustrate("slow", "prude", "flux")

    assert measured.attributes(WORKFLOW_DURATION) == [{"gen_ai.workflow.name": "illustrate"}]
    assert len(measured.points(OPERATION_DURATION)) == 3


def test_models_that_users_invent_share_a_name_in_the_end(measured: Measured) -> None:
    paint("flux")
    for number in range(NAMES_LIMIT + 9):
        paint(f"invented-{number}")
    paint("flux")

    points = measured.points(OPERATION_DURATION)
    counts = {point.attributes["gen_ai.request.model"]: point.count for point in points}  # type: ignore[index]
    # One of the names is that of the model that answers.
    assert len(counts) == NAMES_LIMIT
    assert (counts["flux"], counts["_OTHER"]) == (2, 11)


def test_names_of_generations_are_bounded_as_well(measured: Measured) -> None:
    for number in range(NAMES_LIMIT + 9):
        with generation(name=f"lesson {number}"):
            pass

    assert len(measured.points(WORKFLOW_DURATION)) == NAMES_LIMIT + 1


def test_buckets_reach_ten_minutes(measured: Measured) -> None:
    illustrate("flux")

    [attempted] = measured.points(OPERATION_DURATION)
    [generated] = measured.points(WORKFLOW_DURATION)
    assert attempted.explicit_bounds[:3] == (0.01, 0.02, 0.04)
    assert (attempted.explicit_bounds[-1], generated.explicit_bounds[-1]) == (655.36, 7200)


def test_a_picture_that_took_nine_minutes_is_in_a_bucket_of_its_own(measured: Measured) -> None:
    tracer = ImageTracer("lesson-1")
    tracer.start_trace({})
    tracer.add_image_generation_attempt(model="flux", response={"dataSize": 9}, duration_ms=540_000)

    [point] = measured.points(OPERATION_DURATION)
    assert round(point.sum) == 540
    assert point.bucket_counts[-2:] == (1, 0)
    tracer.complete_trace()


def test_what_is_not_sampled_is_measured_all_the_same(measured: Measured) -> None:
    token = attach(set_span_in_context(NonRecordingSpan(UNSAMPLED)))
    try:
        illustrate("prude", "flux")
    finally:
        detach(token)

    errors = [told.get("error.type") for told in measured.attributes(OPERATION_DURATION)]
    assert sorted(errors, key=str) == [None, "refused"]
    assert [point.sum for point in measured.points(TOKENS_USED)] == [9, 1056]


def test_suppressed_instrumentation_measures_nothing(measured: Measured) -> None:
    token = attach(set_value("suppress_instrumentation", True))
    try:
        illustrate("flux")
    finally:
        detach(token)

    assert measured.points(OPERATION_DURATION) == []


def test_a_stream_is_measured_to_its_end(measured: Measured) -> None:
    @attempt
    def stream(model: str) -> Iterator[str]:
        yield URL
        time.sleep(0.02)

    list(stream("flux"))

    assert measured.points(OPERATION_DURATION)[0].sum >= 0.02


def test_an_exemplar_leads_to_the_trace(measured: Measured) -> None:
    with trace.get_tracer("own").start_as_current_span("outer") as outer:
        paint("flux")

    [exemplar] = measured.points(OPERATION_DURATION)[0].exemplars
    assert exemplar.trace_id == outer.get_span_context().trace_id


def test_a_failing_meter_hurts_neither_the_call_nor_the_span(
    measured: Measured, spans: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the meter is broken")

    monkeypatch.setattr("opentelemetry.sdk.metrics.Histogram.record", fail)

    assert paint("flux")["model"] == "flux-1.1"
    assert [span.attributes["image_generation.outcome"] for span in spans.finished()] == ["ok"]


def test_a_failing_meter_provider_hurts_no_call(monkeypatch: pytest.MonkeyPatch, spans: Any) -> None:
    class Broken(metrics.MeterProvider):
        def get_meter(self, *_: Any, **__: Any) -> metrics.Meter:
            raise RuntimeError("no meters today")

    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", Broken())

    assert paint("flux")["model"] == "flux-1.1"
    assert len(spans.finished()) == 1


CODE = """
import json
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from image_tracing import attempt

trace.set_tracer_provider(TracerProvider())

@attempt
def paint(model):
    return "https://example.org/1.png"

paint("before")
"""


def test_a_meter_provider_that_is_set_later_is_found(interpreter: Callable[..., Any]) -> None:
    code = """
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
paint("after")
[metric] = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
print(json.dumps([point.attributes["gen_ai.request.model"] for point in metric.data.data_points]))
"""
    assert interpreter(CODE + code) == ["after"]


def test_a_disabled_sdk_measures_nothing(interpreter: Callable[..., Any]) -> None:
    code = """
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
paint("after")
print(json.dumps(reader.get_metrics_data()))
"""
    assert interpreter(CODE + code, OTEL_SDK_DISABLED="true") is None


def test_without_a_meter_provider_there_is_no_stopwatch(interpreter: Callable[..., Any]) -> None:
    code = """
with attempt(model="x") as painting:
    print(json.dumps(painting.stopwatch))
"""
    assert interpreter(CODE + code) is None


def test_an_always_off_sampler_still_measures(measured: Measured) -> None:
    kept = trace._TRACER_PROVIDER
    trace._TRACER_PROVIDER = TracerProvider(sampler=sampling.ALWAYS_OFF)
    try:
        illustrate("slow")
    finally:
        trace._TRACER_PROVIDER = kept

    assert measured.attributes(WORKFLOW_DURATION)[0]["error.type"] == "TimeoutError"
