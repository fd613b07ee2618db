"""Where spans of other instrumentations belong, from what is known of the spans above them.

An attempt of theirs is its own generation, until the span right above it turns out to be a generation, or an
attempt, of which it then is a part: litellm's call of OpenAI is one attempt, whoever else tells of it too.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from image_tracing_postgres.rows import TraceRow


class ForeignSpan(NamedTuple):
    """A span of another instrumentation: an attempt with a span above it, else a workflow."""

    otel_trace_id: str
    span_id: str
    parent_span_id: str | None
    workflow: "TraceRow | None" = None

    @property
    def key(self) -> tuple[str, str]:
        return self.otel_trace_id, self.span_id

    def merged(self, other: "ForeignSpan") -> "ForeignSpan":
        """Both tellings of one span; the later end of a workflow wins."""
        parents = [each for each in (self.parent_span_id, other.parent_span_id) if each is not None]
        told = [each for each in (self.workflow, other.workflow) if each is not None]
        return ForeignSpan(
            self.otel_trace_id,
            self.span_id,
            min(parents, default=None),
            max(told, key=lambda row: row.completed_at or "", default=None),
        )


class Known(NamedTuple):
    """A foreign span as the database has it: what is above it, None for a workflow."""

    otel_trace_id: str
    span_id: str
    parent_span_id: str | None


class Place(NamedTuple):
    """`home` is the span whose generation it belongs to; a part of an attempt has no row of its own.

    `attempt` is the attempt of ours that it is a part of, whose generation is not known here.
    """

    home: str | None
    attempt: str | None
    is_part: bool


def spans_above(spans: Iterable[Known]) -> set[str]:
    """The ids of all spans of which it matters what they are."""
    return {span.parent_span_id for span in spans if span.parent_span_id is not None}


def place_of(
    span: Known,
    *,
    spans: Mapping[str, Known],
    attempts: frozenset[str],
    generations: frozenset[str],
) -> Place:
    """Where a foreign attempt belongs. All that is given is of its OpenTelemetry trace, by span id.

    `spans` are the foreign ones, `attempts` those of ours, `generations` the spans that have a row of
    `image_traces` as their root.
    """
    outermost, above = span, span.parent_span_id
    seen = {span.span_id}
    while above is not None and (known := spans.get(above)) is not None and known.parent_span_id is not None:
        if above in seen:
            # Above each other: what their sender means nobody knows.
            return Place(span.span_id, None, is_part=False)
        seen.add(above)
        outermost, above = known, known.parent_span_id
    is_part = outermost is not span
    if above is not None and above not in spans and above in attempts:
        return Place(None, above, is_part=True)
    if above is not None and (above in spans or above in generations):
        return Place(above, None, is_part=is_part)
    return Place(outermost.span_id, None, is_part=is_part)
