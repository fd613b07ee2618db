"""Providers of every kind: none, late, off, sampling, limiting. Each in an interpreter of its own."""

from collections.abc import Callable
from typing import Any

import pytest

GENERATOR = """
import json, sys
from image_tracing import NoImageError, attempt, current_generation, generation

@attempt(provider="huggingface")
def paint(model, prompt="a cat", seed=7):
    if model == "bad":
        raise TimeoutError("late")
    return "https://example.org/1.png"

@generation
def illustrate(lesson_id):
    for model in ("bad", "flux"):
        try:
            return paint(model)
        except TimeoutError:
            current_generation().set_response({"first": model})

def spans_of(exporter):
    return [
        {"name": span.name, "status": span.status.status_code.name, "attributes": dict(span.attributes)}
        for span in exporter.get_finished_spans()
    ]
"""
SDK = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider, SpanLimits, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()

def provide(**options):
    provider = TracerProvider(**options)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
"""
Interpreter = Callable[..., Any]


def test_without_an_sdk_everything_is_as_if_undecorated(interpreter: Interpreter) -> None:
    code = """
import asyncio, inspect, sys
sys.modules["opentelemetry.sdk"] = None

@attempt(require_image=True)
def demanding(model):
    return None

@attempt
async def paint_async(model):
    return model

@attempt
def stream(model):
    yield model
    return "end"

@attempt
async def stream_async(model):
    yield model

class Painter:
    @attempt
    def method(self, model): return model
    @classmethod
    @attempt
    def class_method(cls, model): return model
    @attempt
    @staticmethod
    def static_method(model): return model

async def collect():
    return [item async for item in stream_async("m")]

try:
    demanding("m")
    outcome = "returned"
except NoImageError as error:
    outcome = error.outcome
with generation(lesson_id="l") as g, attempt(model="m") as a:
    g.set_response({}); g.record_upload(url="x"); g.fail("x"); a.fail("x"); a.record_images(b"")
print(json.dumps([
    illustrate("l-1"), outcome, asyncio.run(paint_async("m")), list(stream("m")), asyncio.run(collect()),
    Painter().method("m"), Painter.class_method("m"), Painter.static_method("m"),
    inspect.iscoroutinefunction(paint_async), inspect.isgeneratorfunction(stream),
    inspect.isasyncgenfunction(stream_async), "image_tracing.plans" in sys.modules,
]))
"""

    assert interpreter(GENERATOR + code) == [
        "https://example.org/1.png", "no_image", "m", ["m"], ["m"], "m", "m", "m", True, True, True, True,
    ]  # fmt: skip


def test_importing_loads_nothing_that_records(interpreter: Interpreter) -> None:
    code = """
import json, sys
import image_tracing
heavy = {"image_tracing.plans", "image_tracing.replies", "hashlib", "opentelemetry.sdk"}
print(json.dumps(sorted(heavy.intersection(sys.modules))))
"""

    assert interpreter(code) == []


def test_a_provider_set_after_the_first_calls_is_found(interpreter: Interpreter) -> None:
    code = """
illustrate("l-1")
provide()
illustrate("l-2")
print(json.dumps([span["name"] for span in spans_of(exporter)]))
"""

    assert interpreter(SDK + GENERATOR + code) == [
        "generate_content bad",
        "generate_content flux",
        "invoke_workflow illustrate",
    ]


@pytest.mark.parametrize("sampler", ["sampling.ALWAYS_OFF", "sampling.TraceIdRatioBased(0)"])
def test_what_is_not_sampled_costs_no_attributes_and_changes_no_result(
    interpreter: Interpreter, sampler: str
) -> None:
    code = f"""
provide(sampler={sampler})
print(json.dumps([illustrate("l-1"), len(spans_of(exporter))]))
"""

    assert interpreter(SDK + GENERATOR + code) == ["https://example.org/1.png", 0]


def test_an_sdk_switched_off_changes_no_result(interpreter: Interpreter) -> None:
    code = """
provide()
print(json.dumps([illustrate("l-1"), len(spans_of(exporter))]))
"""

    assert interpreter(SDK + GENERATOR + code, OTEL_SDK_DISABLED="true") == ["https://example.org/1.png", 0]


def test_recording_without_sampling_is_not_exported(interpreter: Interpreter) -> None:
    code = """
class RecordOnly(sampling.Sampler):
    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
        return sampling.SamplingResult(sampling.Decision.RECORD_ONLY, attributes)
    def get_description(self):
        return "record only"

provide(sampler=RecordOnly())
print(json.dumps([illustrate("l-1"), len(spans_of(exporter))]))
"""

    assert interpreter(SDK + GENERATOR + code) == ["https://example.org/1.png", 0]


def test_attributes_that_a_sampler_drops_are_set_again(interpreter: Interpreter) -> None:
    code = """
class Forgetful(sampling.Sampler):
    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
        return sampling.SamplingResult(sampling.Decision.RECORD_AND_SAMPLE, {})
    def get_description(self):
        return "forgetful"

provide(sampler=Forgetful())
illustrate("l-1")
print(json.dumps(spans_of(exporter)))
"""

    _, child, root = (span["attributes"] for span in interpreter(SDK + GENERATOR + code))
    assert child["gen_ai.operation.name"] == "generate_content"
    assert child["gen_ai.provider.name"] == "huggingface"
    assert child["gen_ai.request.model"] == "flux"
    assert root["gen_ai.workflow.name"] == "illustrate"
    assert root["image_generation.lesson_id"] == "l-1"


def test_samplers_see_what_they_may_decide_by(interpreter: Interpreter) -> None:
    code = """
seen = []
class Curious(sampling.Sampler):
    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None):
        seen.append(dict(attributes))
        return sampling.SamplingResult(sampling.Decision.DROP)
    def get_description(self):
        return "curious"

provide(sampler=Curious())
illustrate("l-1")
print(json.dumps(seen))
"""

    root, child, _ = interpreter(SDK + GENERATOR + code)
    assert root["gen_ai.operation.name"] == "invoke_workflow"
    assert child["gen_ai.operation.name"] == "generate_content"
    assert child["gen_ai.provider.name"] == "huggingface"
    assert child["gen_ai.request.model"] == "bad"


def test_a_limit_on_their_number_keeps_the_vital_attributes(interpreter: Interpreter) -> None:
    code = """
provide(span_limits=SpanLimits(max_span_attributes=5))
illustrate("l-1")
print(json.dumps(spans_of(exporter)))
"""

    failed, child, root = interpreter(SDK + GENERATOR + code)
    assert failed["status"] == "ERROR"
    assert set(child["attributes"]) == {
        "image_generation.outcome",
        "image_generation.lesson_id",
        "image_generation.generation_id",
        "image_generation.role",
        "gen_ai.request.model",
    }
    assert set(root["attributes"]) == {
        "image_generation.model_used",
        "image_generation.models.tried",
        "image_generation.lesson_id",
        "image_generation.generation_id",
        "image_generation.role",
    }


@pytest.mark.parametrize("limit", [10, 200])
def test_a_limit_on_their_length_keeps_ids_and_models(interpreter: Interpreter, limit: int) -> None:
    code = f"""
provide(span_limits=SpanLimits(max_span_attribute_length={limit}))
illustrate("l-1")
print(json.dumps(spans_of(exporter)))
"""

    _, child, root = interpreter(SDK + GENERATOR + code)
    assert child["attributes"]["gen_ai.request.model"] == "flux"
    assert root["attributes"]["image_generation.lesson_id"] == "l-1"


@pytest.mark.parametrize("key", ["suppress_instrumentation", "suppress_language_model_instrumentation"])
def test_suppressed_instrumentation_records_nothing(interpreter: Interpreter, key: str) -> None:
    code = f"""
from opentelemetry import context
provide()
token = context.attach(context.set_value("{key}", True))
result = illustrate("l-1")
context.detach(token)
print(json.dumps([result, len(spans_of(exporter))]))
"""

    assert interpreter(SDK + GENERATOR + code) == ["https://example.org/1.png", 0]


@pytest.mark.parametrize("moment", ["on_start", "on_end"])
def test_a_processor_that_raises_hurts_no_call(interpreter: Interpreter, moment: str) -> None:
    code = f"""
from opentelemetry.sdk.trace import SpanProcessor
class Broken(SpanProcessor):
    def {moment}(self, span, parent_context=None):
        raise RuntimeError("{moment}")

provide()
trace.get_tracer_provider().add_span_processor(Broken())
print(json.dumps([illustrate("l-1")]))
"""

    assert interpreter(SDK + GENERATOR + code) == ["https://example.org/1.png"]


def test_a_provider_that_raises_hurts_no_call(interpreter: Interpreter) -> None:
    code = """
class Broken(TracerProvider):
    def get_tracer(self, *_, **__):
        raise RuntimeError("get_tracer")

trace.set_tracer_provider(Broken())
print(json.dumps([illustrate("l-1")]))
"""

    assert interpreter(SDK + GENERATOR + code) == ["https://example.org/1.png"]
