"""Spans of other instrumentations: as their packages really made them, and made by hand."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

SECOND = 1_000_000_000
# 2025-10-26T10:30:00Z
MORNING = 1_761_474_600 * SECOND


def span_of(record: Mapping[str, Any]) -> ReadableSpan:
    """The span that `emitters/recording.py` wrote down."""
    trace_id, parent = int(record["trace_id"], 16), record["parent_span_id"]
    code, description = record["status"]
    return ReadableSpan(
        name=record["name"],
        context=SpanContext(trace_id, int(record["span_id"], 16), is_remote=False, trace_flags=TraceFlags(1)),
        parent=None if parent is None else SpanContext(trace_id, int(parent, 16), is_remote=False),
        resource=Resource({"service.name": record["service"]}),
        attributes={
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record["attributes"].items()
        },
        events=[Event(event["name"], event["attributes"]) for event in record["events"]],
        status=Status(StatusCode[code], description),
        start_time=record["start_time"],
        end_time=record["end_time"],
        instrumentation_scope=InstrumentationScope(record["scope"]),
    )


def spans_in(file: Path) -> list[ReadableSpan]:
    """The spans that a program of `emitters/` left, in the order of their ends."""
    return [span_of(record) for record in json.loads(file.read_text())]


class Foreign:
    """Makes spans of other instrumentations: an image span unless attributes say otherwise."""

    def __call__(
        self,
        attributes: Mapping[str, Any] | None = None,
        *,
        name: str = "generate_content flux",
        span_id: int = 0xF1,
        parent: int | None = None,
        trace_id: int = 0xABC,
        failed: str | None = None,
        scope: str = "somebody.else",
        start: int = 1,
        end: int | None = 2,
        events: Sequence[Event] = (),
    ) -> ReadableSpan:
        if attributes is None:
            attributes = {
                "gen_ai.operation.name": "generate_content",
                "gen_ai.output.type": "image",
                "gen_ai.request.model": "flux",
                "gen_ai.prompt": "a red fox",
            }
        return ReadableSpan(
            name=name,
            context=SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(1)),
            parent=None if parent is None else SpanContext(trace_id, parent, is_remote=False),
            resource=Resource({"service.name": "lessons"}),
            attributes=attributes,
            events=events,
            status=Status(StatusCode.ERROR, failed) if failed else Status(),
            start_time=MORNING + start * SECOND,
            end_time=None if end is None else MORNING + end * SECOND,
            instrumentation_scope=InstrumentationScope(scope),
        )

    def workflow(self, *, span_id: int = 0xA0, **more: Any) -> ReadableSpan:
        """A run of several steps, as the semantic conventions have it."""
        attributes = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "illustrate"}
        return self(
            attributes, **{"name": "invoke_workflow illustrate", "span_id": span_id, "end": 9, **more}
        )


@pytest.fixture
def foreign() -> Foreign:
    return Foreign()
