"""Our spans and metrics against the published registry of the semantic conventions they claim."""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.metrics import Histogram, Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Decision, Sampler, SamplingResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.genai import _instruments
from tests.conftest import Spans
from tests.image_tracing import conventions
from tests.image_tracing.conventions import AHEAD, NAMES, SCHEMA_URLS, TYPES, VALUES, violations
from tests.image_tracing.instrumentors.openai_clients import SyncClient
from tests.image_tracing.instrumentors.openai_shapes import completed, partial, pictures, refusal
from tests.image_tracing.instrumentors.servers import Api, events_answer
from tests.image_tracing.test_metrics import points

import image_tracing
from image_tracing import ImageTracer, attempt, attributes, generation
from image_tracing.metrics import (
    OPERATION_DURATION,
    OPERATION_SECONDS,
    TOKENS,
    TOKENS_USED,
    WORKFLOW_DURATION,
    WORKFLOW_SECONDS,
    Instruments,
)

URL = "https://example.org/1.png"
WRITTEN = sorted(
    value
    for name, value in vars(attributes).items()
    if name.isupper() and isinstance(value, str) and "." in value and not value.startswith(conventions.OWN)
    if value != attributes.SCHEMA_URL
)


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    image_tracing.instrument("openai")
    yield server
    image_tracing.uninstrument()
    server.close()


@attempt(provider="huggingface")
def paint(model: str, prompt: str = "a red fox", *, seed: int = 7, n: int = 1, width: int = 64) -> Any:
    if model == "slow":
        raise TimeoutError("no picture after 30 s")
    if model == "prude":
        return {"images": [], "finish_reason": "SAFETY"}
    return {"id": "r-1", "model": "flux-1.1", "data": [{"url": URL}] * n, "usage": {"output_tokens": 1056}}


@generation
def illustrate(lesson_id: str, *models: str) -> None:
    for model in models:
        try:
            paint(model)
        except TimeoutError:
            continue


def fall_back(_: Api) -> None:
    illustrate("l-1", "slow", "prude", "flux")


def fail_altogether(_: Api) -> None:
    illustrate("l-1", "slow", "prude")


def raise_through(_: Api) -> None:
    with (
        pytest.raises(ValueError, match="bad size"),
        generation(name="raising", lesson_id="l-1"),
        attempt(model="slow", provider="openai"),
    ):
        raise ValueError("bad size")


def work_in_the_process(_: Api) -> None:
    with attempt(model="tiny", provider="diffusers") as painting:
        painting.record_images(URL)


def ask_for_several(_: Api) -> None:
    paint("flux", n=3)


def know_no_model(_: Api) -> None:
    with attempt(provider="stability_ai") as painting:
        painting.record_images(URL)


def tell_afterwards(_: Api) -> None:
    tracer = ImageTracer("l-1")
    tracer.start_trace({"prompts": ["a fox"]})
    tracer.add_image_generation_attempt(
        model="flux", provider="fal_ai", prompt="a fox", error="quota exceeded"
    )
    tracer.complete_trace({"imageUrls": []})


def call_an_sdk(api: Api) -> None:
    api.answer(pictures(b"\x89PNG\r\n\x1a\n" + bytes(100)))
    SyncClient(api.url).call(n=2, size="64x64")


def stream_from_an_sdk(api: Api) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + bytes(100)
    api.answer(events_answer([partial(picture, 0), completed(picture)]))
    SyncClient(api.url).call(stream=True, partial_images=1)


def be_refused_by_an_sdk(api: Api) -> None:
    api.answer(refusal(400, "moderation_blocked", "Your request was rejected."))
    with generation(lesson_id="l-1"), pytest.raises(Exception, match="rejected"):
        SyncClient(api.url).call()


SITUATIONS = (
    fall_back,
    fail_altogether,
    raise_through,
    work_in_the_process,
    ask_for_several,
    know_no_model,
    tell_afterwards,
    call_an_sdk,
    stream_from_an_sdk,
    be_refused_by_an_sdk,
)


@pytest.mark.parametrize("switch", ["", "SPAN_ONLY", "NO_CONTENT"])
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.__name__)
def test_every_span_conforms(
    situation: Any, switch: str, api: Api, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", switch)
    monkeypatch.setenv("IMAGE_TRACING_CAPTURE_TRACEBACK", "true")

    situation(api)

    assert spans.finished()
    assert [(span.name, wrong) for span in spans.finished() if (wrong := violations(span))] == []


def test_an_attempt_that_was_told_no_provider_lacks_that_alone(spans: Spans) -> None:
    with attempt(model="flux") as painting:
        painting.record_images(URL)

    [span] = spans.finished()
    assert violations(span) == ["gen_ai.provider.name is required"]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.__name__)
def test_messages_have_the_published_fields(
    situation: Any, api: Api, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")

    situation(api)

    texts = [
        str(value)
        for span in spans.finished()
        for name, value in (span.attributes or {}).items()
        if name.endswith(".messages")
    ]
    assert [wrong for text in texts for wrong in conventions.wrong_messages(json.loads(text))] == []


class _Asking(Sampler, SpanProcessor):
    """Samples everything, and notes what it was asked with and what came of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ended: list[str] = []

    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        names = ("parent_context", "trace_id", "name", "kind", "attributes")
        told = dict(zip(names, args, strict=False)) | kwargs
        self.asked.append(_relevant(told["attributes"]))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, told["attributes"])

    def get_description(self) -> str:
        return "asking"

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(_relevant(dict(span.attributes or {})))


def _relevant(told: Any) -> str:
    return json.dumps({name: told.get(name) for name in conventions.SAMPLED_BY})


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.__name__)
def test_samplers_are_asked_with_all_that_the_convention_wants(
    situation: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = _Asking()
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(sampler)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)

    situation(api)

    assert sampler.asked
    assert sorted(sampler.asked) == sorted(sampler.ended)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_name_that_is_not_ours_is_published(name: str) -> None:
    assert name in NAMES or name in AHEAD


@pytest.mark.parametrize("name", WRITTEN)
def test_every_name_has_a_type(name: str) -> None:
    assert name in TYPES


@pytest.mark.parametrize("name", [name for name in WRITTEN if not name.startswith("gen_ai.")])
def test_what_is_not_of_genai_is_stable(name: str) -> None:
    module = import_module(f"opentelemetry.semconv.attributes.{NAMES[name]}")

    assert name in vars(module).values()


def test_no_name_of_ours_is_under_a_published_one() -> None:
    assert [name for name in NAMES if name.startswith(conventions.OWN)] == []


def test_the_schema_is_published() -> None:
    assert attributes.SCHEMA_URL in SCHEMA_URLS


@pytest.mark.parametrize("name", ["gen_ai.operation.name", "gen_ai.output.type", "gen_ai.token.type"])
def test_enumerations_are_read(name: str) -> None:
    assert len(VALUES[name]) >= 2


@pytest.mark.parametrize("provider", ["gcp.gemini", "gcp.vertex_ai", "openai", "azure.ai.openai"])
def test_providers_that_the_registry_knows_have_its_names(provider: str) -> None:
    assert provider in VALUES["gen_ai.provider.name"]


def _span(**changes: Any) -> ReadableSpan:
    told: dict[str, Any] = {
        "name": "generate_content flux",
        "kind": SpanKind.CLIENT,
        "attributes": {
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "flux",
            **changes.pop("more", {}),
        },
        "instrumentation_scope": InstrumentationScope("image_tracing", "0", attributes.SCHEMA_URL),
    }
    return ReadableSpan(**(told | changes))


def test_a_span_that_conforms_has_no_violations() -> None:
    assert violations(_span()) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"name": "flux"},
        {"kind": SpanKind.SERVER},
        {"status": Status(StatusCode.OK)},
        {"status": Status(StatusCode.ERROR, "late")},
        {"more": {"error.type": "TimeoutError"}},
        {"more": {"gen_ai.image.size": "64x64"}},
        {"more": {"gen_ai.request.seed": "7"}},
        {"more": {"gen_ai.request.seed": True}},
        {"more": {"gen_ai.response.finish_reasons": "STOP"}},
        {"more": {"gen_ai.output.type": "picture"}},
        {"more": {"gen_ai.operation.name": "image_generation"}},
        {"more": {"gen_ai.request.choice.count": 1}},
        {"more": {"server.address": "api.openai.com"}},
        {"instrumentation_scope": InstrumentationScope("image_tracing")},
    ],
    ids=lambda broken: "-".join(broken),
)
def test_what_breaks_the_convention_is_found(broken: dict[str, Any]) -> None:
    assert violations(_span(**broken)) != []


@pytest.fixture
def meter() -> Iterator[Meter]:
    provider = MeterProvider()
    yield provider.get_meter("test")
    provider.shutdown()


def _facts(instrument: Histogram) -> tuple[type, Any, Any]:
    return type(instrument), vars(instrument)["name"], vars(instrument)["unit"]


def test_instruments_are_of_the_published_name_kind_and_unit(meter: Meter) -> None:
    ours, newer = Instruments(meter), _instruments._Instruments(meter)

    assert [_facts(each) for each in (ours.operation_duration, ours.token_usage, ours.workflow_duration)] == [
        _facts(gen_ai_metrics.create_gen_ai_client_operation_duration(meter)),
        _facts(gen_ai_metrics.create_gen_ai_client_token_usage(meter)),
        _facts(newer.invoke_workflow_duration),
    ]


def test_buckets_are_the_published_ones_and_longer(meter: Meter) -> None:
    assert OPERATION_SECONDS[:14] == tuple(_instruments._GEN_AI_CLIENT_OPERATION_DURATION_BUCKETS)
    assert list(TOKENS) == _instruments._GEN_AI_CLIENT_TOKEN_USAGE_BUCKETS
    assert list(WORKFLOW_SECONDS) == _instruments._GEN_AI_INVOKE_WORKFLOW_DURATION_BUCKETS


# gen_ai.provider.name: "if the operation involves a call to a GenAI provider", as the newest registry has it.
@pytest.mark.parametrize(
    ("name", "required", "allowed"),
    [
        (
            OPERATION_DURATION,
            {"gen_ai.operation.name", "gen_ai.provider.name"},
            {"gen_ai.request.model", "gen_ai.response.model", "server.address", "server.port", "error.type"},
        ),
        (
            TOKENS_USED,
            {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.token.type"},
            {"gen_ai.request.model", "gen_ai.response.model", "server.address", "server.port"},
        ),
        (WORKFLOW_DURATION, set(), {"gen_ai.workflow.name", "error.type"}),
    ],
)
def test_measurements_have_the_attributes_of_the_convention(
    name: str,
    required: set[str],
    allowed: set[str],
    api: Api,
    spans: Spans,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = InMemoryMetricReader()
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", MeterProvider([reader]))
    for situation in SITUATIONS:
        situation(api)

    told = [dict(point.attributes or {}) for point in points(reader, name)]
    assert told
    assert [each for each in told if not required <= set(each) <= required | allowed] == []
    assert [conventions.wrong_attributes(each) for each in told] == [[]] * len(told)


def test_an_sdks_call_that_is_not_sampled_is_measured_like_any(
    api: Api, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = InMemoryMetricReader()
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", MeterProvider([reader]))
    stream_from_an_sdk(api)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider(sampler=ALWAYS_OFF))
    stream_from_an_sdk(api)

    found = {name: points(reader, name) for name in (OPERATION_DURATION, TOKENS_USED)}
    counts = {name: [point.count for point in each] for name, each in found.items()}
    assert counts == {OPERATION_DURATION: [2], TOKENS_USED: [2, 2]}
