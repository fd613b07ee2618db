"""Alerts on a fresh database, and generations whose attempts fail or not; time is handed in."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from image_tracing_postgres.alerting import Alerts, Rule
from image_tracing_postgres.alerting.rules import rule_from

NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

_TRACE = """
INSERT INTO image_traces (
    id, created_at, updated_at, completed_at, total_duration_ms, status, root_state, models_tried, lesson_id,
    otel_trace_id, otel_span_id
)
VALUES (
    %(id)s, %(at)s, %(at)s, %(ended_at)s, %(duration_ms)s, %(status)s, %(status)s, %(models)s, %(lesson_id)s,
    '', ''
)"""
_ATTEMPT = """
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, number, success, model, outcome, error_class
)
VALUES (
    %(id)s, %(span_id)s, %(at)s, %(ended_at)s, %(duration_ms)s, %(number)s, %(success)s, %(model)s,
    %(outcome)s, %(error_class)s
)"""


class Calls:
    """Puts generations into the database, each with the attempts that it made."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo

    def add(
        self,
        *error_classes: str | None,
        at: datetime,
        seconds: float = 2,
        models: tuple[str | None, ...] = ("flux", "sdxl", "turbo"),
        lesson_id: str | None = None,
    ) -> uuid.UUID:
        """One generation: an attempt of the next model for each class, None for one that gave a picture."""
        ended_at = at + timedelta(seconds=seconds)
        duration_ms = round(seconds * 1000)
        id_ = uuid.uuid4()
        with psycopg.connect(self._conninfo) as connection:
            connection.execute(
                _TRACE,
                {
                    "id": id_,
                    "at": at,
                    "ended_at": ended_at,
                    "duration_ms": duration_ms,
                    "status": "completed" if None in error_classes or not error_classes else "failed",
                    "models": [model for model in models[: len(error_classes)] if model],
                    "lesson_id": lesson_id,
                },
            )
            for number, (error_class, model) in enumerate(zip(error_classes, models, strict=False), start=1):
                connection.execute(
                    _ATTEMPT,
                    {
                        "id": id_,
                        "span_id": uuid.uuid4().hex[:16],
                        "at": at,
                        "ended_at": ended_at,
                        "duration_ms": duration_ms,
                        "number": number,
                        "success": error_class is None,
                        "model": model,
                        "outcome": "ok" if error_class is None else "error",
                        "error_class": error_class,
                    },
                )
        return id_

    def add_many(self, number: int, *error_classes: str | None, before: datetime, **more: Any) -> None:
        """So many of them, ten seconds apart, the last of which ended ten seconds before a moment."""
        for place in range(number):
            self.add(*error_classes, at=before - timedelta(seconds=12 + 10 * place), **more)


@pytest.fixture
def calls(database: str) -> Calls:
    return Calls(database)


@pytest.fixture
def alerts(database: str) -> Iterator[Alerts]:
    with Alerts(database) as alerts:
        yield alerts


NewRule = Callable[..., Rule]


@pytest.fixture
def new_rule() -> NewRule:
    """A rule of a kind with its defaults; every field can be overridden."""

    def make(kind: str = "failures_in_a_row", **fields: Any) -> Rule:
        return rule_from({"id": "rule", "name": "A rule", "kind": kind, **fields}, source="viewer")

    return make
