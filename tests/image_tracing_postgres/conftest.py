"""A store on a fresh database, and spans made by hand: time and ids are given, not patched."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags
from psycopg import sql
from psycopg.conninfo import make_conninfo

from image_tracing import attributes as names

SECOND = 1_000_000_000
# 2025-10-26T10:30:00Z
MORNING = 1_761_474_600 * SECOND


class InterruptedSpan(ReadableSpan):
    """As the spool tells of a span whose process ended before it did."""

    is_interrupted = True


class NewSpans:
    """Makes valid ended spans; every field can be overridden, and None takes an attribute away."""

    def __init__(self) -> None:
        self._resource = Resource({"service.name": "lessons"})

    def root(self, *, span_id: int = 1, failed: str | None = None, **more: Any) -> ReadableSpan:
        """The root of a generation: completed, or failed with this message."""
        return self._span(
            {
                names.OPERATION_NAME: names.INVOKE_WORKFLOW,
                names.ROLE: names.ROLE_GENERATION,
                names.WORKFLOW_NAME: "illustrate",
                names.LESSON_ID: "lesson-1",
                names.REQUEST: json.dumps({"numberOfImages": 1}),
                names.RESPONSE: json.dumps({"generatedImagesCount": 1}),
            },
            span_id=span_id,
            failed=failed,
            **{"name": "invoke_workflow illustrate", "end_time": MORNING + 10 * SECOND, **more},
        )

    def attempt(
        self,
        *,
        span_id: int = 2,
        number: int = 1,
        root: int | None = 1,
        failed: str | None = None,
        **more: Any,
    ) -> ReadableSpan:
        """A good attempt at flux, or one that failed with this message."""
        return self._span(
            {
                names.OPERATION_NAME: names.GENERATE_CONTENT,
                names.ROLE: names.ROLE_ATTEMPT,
                names.GENERATION_ID: None if root is None else f"{root:016x}",
                names.ATTEMPT_NUMBER: number,
                names.REQUEST_MODEL: "flux",
                names.PROVIDER_NAME: "huggingface",
                names.PROMPT: "a red fox",
                names.REQUEST: json.dumps({"steps": 4}),
                names.OUTCOME: "error" if failed else "ok",
                names.LESSON_ID: "lesson-1",
            },
            span_id=span_id,
            failed=failed,
            **{
                "name": "generate_content flux",
                "start_time": MORNING + number * SECOND,
                "end_time": MORNING + (number + 1) * SECOND,
                **more,
            },
        )

    def _span(
        self,
        attributes: dict[str, Any],
        *,
        span_id: int,
        failed: str | None,
        name: str,
        end_time: int | None,
        trace_id: int = 0xABC,
        start_time: int | None = MORNING,
        resource: Resource | None = None,
        scope: str = names.SCOPE,
        is_interrupted: bool = False,
        **more: Any,
    ) -> ReadableSpan:
        if failed:
            attributes |= {
                names.ERROR_TYPE: "TimeoutError",
                names.ERROR_CATEGORY: "timeout",
                names.ERROR_MESSAGE: failed,
            }
        attributes |= {getattr(names, key.upper()): value for key, value in more.items()}
        kind = InterruptedSpan if is_interrupted else ReadableSpan
        return kind(
            name=name,
            context=SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(1)),
            resource=resource or self._resource,
            attributes={key: value for key, value in attributes.items() if value is not None},
            status=Status(StatusCode.ERROR, failed) if failed else Status(),
            start_time=start_time,
            end_time=end_time,
            instrumentation_scope=InstrumentationScope(scope),
        )


@pytest.fixture
def new() -> NewSpans:
    return NewSpans()


@pytest.fixture
def modest_role(database: str) -> Iterator[str]:
    """The conninfo of a role that may read, insert and update, and for which Row Level Security holds."""
    name = f"writer_{uuid4().hex}"
    role = sql.Identifier(name)
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {}").format(role))
        for table in (sql.Identifier("image_traces"), sql.Identifier("image_attempts")):
            owner.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE ON {} TO {}").format(table, role))
            owner.execute(sql.SQL("CREATE POLICY writer ON {} TO {} USING (true)").format(table, role))
        yield make_conninfo(database, options=f"-c role={name}")
        owner.execute(sql.SQL("DROP OWNED BY {}").format(role))
        owner.execute(sql.SQL("DROP ROLE {}").format(role))
