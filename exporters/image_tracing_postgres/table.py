"""Traces and attempts as tables: their columns, the same in CSV, in Parquet and in a data frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["text", "texts", "json", "integer", "boolean", "time"]

_POSTGRES_TYPES: Final[dict[Kind, str]] = {
    "text": "text",
    "texts": "text[]",
    "json": "text",
    "integer": "int8",
    "boolean": "bool",
    "time": "timestamptz",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `json` is the text of a JSON value; a cell of any kind may be null."""

    name: str
    kind: Kind

    @property
    def postgres_type(self) -> str:
        """The type in which it comes from the database."""
        return _POSTGRES_TYPES[self.kind]


# In the order of sql/streams/table_*.sql.
TRACE_COLUMNS: Final[Sequence[Column]] = (
    Column("id", "text"),
    Column("lesson_id", "text"),
    Column("status", "text"),
    Column("model_used", "text"),
    Column("models_tried", "texts"),
    Column("total_duration_ms", "integer"),
    Column("request_data", "json"),
    Column("response_data", "json"),
    Column("error_message", "text"),
    Column("error_class", "text"),
    Column("created_at", "time"),
    Column("completed_at", "time"),
    Column("name", "text"),
    Column("service_name", "text"),
    Column("otel_trace_id", "text"),
    Column("otel_span_id", "text"),
    Column("is_stalled", "boolean"),
    Column("image_generation_attempts", "json"),
)
ATTEMPT_COLUMNS: Final[Sequence[Column]] = (
    Column("trace_id", "text"),
    Column("lesson_id", "text"),
    Column("number", "integer"),
    Column("model", "text"),
    Column("provider", "text"),
    Column("prompt", "text"),
    Column("request", "json"),
    Column("response", "json"),
    Column("duration_ms", "integer"),
    Column("success", "boolean"),
    Column("error", "text"),
    Column("error_class", "text"),
    Column("outcome", "text"),
    Column("timestamp", "time"),
    Column("otel_span_id", "text"),
    Column("images", "json"),
)
