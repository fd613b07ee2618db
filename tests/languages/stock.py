"""The story of docs/other-languages.md, told with OpenTelemetry's SDK where nothing of ours is installed.

The exporter is that of OTEL_EXPORTER_OTLP_TRACES_PROTOCOL.
"""

import hashlib
import json
import os
import sys
from importlib import import_module
from pathlib import Path

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode

PACKAGES = {"http/protobuf": "otlp.proto.http", "http/json": "otlp.json.http"}
PROMPT = "A fjord at dawn"

exporter = import_module(
    f"opentelemetry.exporter.{PACKAGES[os.environ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL']]}.trace_exporter"
)
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(exporter.OTLPSpanExporter()))
tracer = provider.get_tracer("lessons")


def gives_picture(generation_id: str) -> bool:
    """Whether one of the models does."""
    for number, model in enumerate(("flux-schnell", "imagen-4", "sd-3.5"), start=1):
        with tracer.start_as_current_span(f"generate_content {model}", kind=SpanKind.CLIENT) as span:
            span.set_attribute("image_generation.role", "attempt")
            span.set_attribute("image_generation.generation_id", generation_id)
            span.set_attribute("image_generation.attempt.number", number)
            span.set_attribute("gen_ai.request.model", model)
            span.set_attribute("gen_ai.provider.name", "huggingface")
            span.set_attribute("image_generation.prompt", PROMPT)
            span.set_attribute(
                "image_generation.request", json.dumps({"width": 512, "height": 512, "seed": 7})
            )
            if model == "flux-schnell":
                fail(span, "error", "timeout", "TimeoutError: no image after 30 s — gave up")
            elif model == "imagen-4":
                fail(span, "refused", "refused", "the safety filter took it")
            elif os.environ["STORY"] == "failed":
                fail(span, "error", "rate_limited", "ApiError: slow down")
            else:
                picture = {"index": 0, "mime_type": "image/png", "width": 512, "height": 512}
                png = Path("picture.png").read_bytes()
                facts = {"dataSize": len(png), "sha256": hashlib.sha256(png).hexdigest(), "url": None}
                span.set_attribute("image_generation.outcome", "ok")
                span.set_attribute("image_generation.images", json.dumps([picture | facts]))
                return True
    return False


def fail(span: Span, outcome: str, error_class: str, message: str) -> None:
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", outcome)
    span.set_attribute("image_generation.outcome", outcome)
    span.set_attribute("image_generation.error.category", error_class)
    span.set_attribute("image_generation.error.message", message)


with tracer.start_as_current_span("invoke_workflow illustrate") as root:
    root.set_attribute("image_generation.role", "generation")
    root.set_attribute("gen_ai.workflow.name", "illustrate")
    root.set_attribute("image_generation.lesson_id", "lesson-1")
    root.set_attribute("image_generation.request", json.dumps({"prompts": [PROMPT]}))
    has_picture = gives_picture(f"{root.get_span_context().span_id:016x}")
    root.set_attribute("image_generation.response", json.dumps({"generatedImagesCount": int(has_picture)}))
    if not has_picture:
        fail(root, "error", "unknown", "Error: no model gave a picture")
provider.shutdown()
if not has_picture:
    sys.exit("no model gave a picture")
