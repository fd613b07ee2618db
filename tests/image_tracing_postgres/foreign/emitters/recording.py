"""What an emitter's program needs: a provider for its spans, a server that answers, and the spans as JSON.

Runs in the emitter's own environment, with the standard library and opentelemetry-sdk alone.
"""

import base64
import json
import struct
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.image_tracing.instrumentors.servers import Answer, Api, Request, json_answer

PROMPT = "a red fox in the snow"
REFUSED = "a prompt that is refused"


def picture(*, width: int = 64, height: int = 48) -> bytes:
    """A PNG of a few hundred bytes."""
    rows = b"".join(b"\0" + bytes([y, 90, 140]) * width for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


PICTURE = base64.b64encode(picture()).decode()


def openai_answer(request: Request) -> Answer:
    """What OpenAI's image API would say to the request; an address for models of DALL-E, else base64."""
    if REFUSED.encode() in request.body:
        error = {
            "message": "Your request was rejected by the safety system.",
            "type": "image_generation_user_error",
            "param": None,
            "code": "moderation_blocked",
        }
        return json_answer({"error": error}, status=400, x_request_id="req_1")
    images = [{"b64_json": PICTURE}]
    if b"dall-e" in request.body:
        images = [{"url": "https://images.example/fox.png", "revised_prompt": "A red fox, in fresh snow"}]
    usage = {"input_tokens": 7, "output_tokens": 272, "total_tokens": 279}
    usage |= {"input_tokens_details": {"text_tokens": 7, "image_tokens": 0}}
    body = {"created": 1_761_474_600, "data": images, "size": "64x48", "quality": "low", "usage": usage}
    return json_answer(body, x_request_id="req_1")


class Recording:
    """The spans of this process, and a server in the place of the provider's."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.api = Api()
        self.api.answer(openai_answer)

    def provide(self) -> TracerProvider:
        """A provider whose spans are recorded, as the global one."""
        provider = TracerProvider(resource=Resource({"service.name": "lessons"}))
        provider.add_span_processor(self.processor())
        trace.set_tracer_provider(provider)
        return provider

    def processor(self) -> SimpleSpanProcessor:
        return SimpleSpanProcessor(self.exporter)

    def expect(self, failure: Callable[[], Any]) -> None:
        """Call what has to fail."""
        try:
            failure()
        except Exception as error:  # noqa: BLE001 - each emitter lets another one through
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        else:
            raise AssertionError("this call should have failed")

    def wait(self, *, spans: int) -> None:
        """Wait for an emitter that works in a thread of its own."""
        deadline = time.monotonic() + 20
        while len(self.exporter.get_finished_spans()) < spans:
            assert time.monotonic() < deadline, "the spans do not come"
            time.sleep(0.05)

    def tell(self) -> None:
        """Write the spans, in the order of their ends, into the file that the command line names."""
        spans = [_plain(span) for span in self.exporter.get_finished_spans()]
        Path(sys.argv[1]).write_text(json.dumps(spans, indent=1) + "\n")
        self.api.close()


def _plain(span: ReadableSpan) -> dict[str, Any]:
    assert span.context is not None
    return {
        "name": span.name,
        "scope": span.instrumentation_scope.name if span.instrumentation_scope else "",
        "trace_id": f"{span.context.trace_id:032x}",
        "span_id": f"{span.context.span_id:016x}",
        "parent_span_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "status": [span.status.status_code.name, span.status.description],
        "attributes": _short(span.attributes),
        "events": [{"name": event.name, "attributes": _short(event.attributes)} for event in span.events],
        "service": span.resource.attributes.get("service.name"),
    }


def _short(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Without stack traces and paths, which are long, and tell of this machine."""
    return {
        name: value
        for name, value in (attributes or {}).items()
        if "stack" not in name and not name.startswith("code.")
    }
