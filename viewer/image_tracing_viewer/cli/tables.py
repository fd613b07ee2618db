"""Traces for a reader at a terminal; rich is imported only when one is there."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import click

from image_tracing_postgres.records import Trace
from image_tracing_viewer.cli.text import cell, printable

COLUMNS: Final = (
    "id",
    "created_at",
    "status",
    "lesson_id",
    "model_used",
    "models_tried",
    "total_duration_ms",
    "error_class",
    "error_message",
)
_STATUS_STYLES: Final = {"completed": "green", "failed": "red", "started": "yellow"}


def is_terminal() -> bool:
    """Whether standard output is read by a person."""
    return sys.stdout.isatty()


def tab_separated(trace: Trace) -> str:
    """One line of `COLUMNS`; tabs and line ends within a value are escaped."""
    values = (
        trace.id,
        moment(trace.created_at),
        status_of(trace),
        trace.lesson_id,
        trace.model_used,
        ",".join(trace.models_tried),
        trace.total_duration_ms,
        trace.error_class,
        trace.error_message,
    )
    return "\t".join(cell(value) for value in values)


def line(trace: Trace) -> str:
    """One coloured line for a reader who watches."""
    status = click.style(f"{status_of(trace):<9}", fg=_STATUS_STYLES[trace.status])
    chain = " > ".join(printable(model) for model in trace.models_tried)
    began = moment(trace.created_at)
    told = f"{began}  {status}  {cell(trace.lesson_id)}  {chain}  {took(trace.total_duration_ms)}"
    return told if trace.error_class is None else f"{told}  {click.style(trace.error_class, fg='red')}"


def print_traces(traces: Sequence[Trace]) -> None:
    """A table, newest first as given."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("created (UTC)", "status", "lesson", "served by", "tried", "took", "id"):
        last = heading == "id"
        table.add_column(heading, no_wrap=True, min_width=36 if last else None, overflow="ellipsis")
    table.columns[4].justify = table.columns[5].justify = "right"
    for trace in traces:
        status = status_of(trace)
        table.add_row(
            f"{trace.created_at.astimezone(UTC):%m-%d %H:%M:%S}",
            Text(status, style=_STATUS_STYLES[trace.status]),
            Text(cell(trace.lesson_id)),
            Text(
                cell(trace.model_used) or f"({trace.error_class or 'none yet'})",
                style="" if trace.model_used else "dim",
            ),
            str(len(trace.models_tried)),
            took(trace.total_duration_ms),
            Text(str(trace.id), style="dim"),
        )
    print_table(table)


def print_trace(trace: Trace) -> None:
    """One trace in full: its own facts, then its attempts in order."""
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("id", trace.id),
        ("status", status_of(trace)),
        ("lesson", trace.lesson_id),
        ("name", trace.name),
        ("service", trace.service_name),
        ("served by", trace.model_used),
        ("created", moment(trace.created_at)),
        ("took", took(trace.total_duration_ms)),
        ("error", trace.error_message),
    ):
        if value is not None:
            style = _STATUS_STYLES[trace.status] if name == "status" else ""
            facts.add_row(Text(name, style="dim"), Text(printable(str(value)), style=style))
    attempts = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("#", "model", "provider", "outcome", "took", "pictures", "error", "prompt"):
        attempts.add_column(heading, overflow="fold")
    for attempt in trace.attempts:
        attempts.add_row(
            str(attempt.number),
            Text(cell(attempt.model)),
            Text(cell(attempt.provider)),
            Text(attempt.outcome, style="green" if attempt.success else "red"),
            took(attempt.duration_ms),
            str(len(attempt.images)),
            Text(cell(attempt.error)),
            Text(cell(attempt.prompt)),
        )
    print_table(facts)
    click.echo()
    print_table(attempts)


def moment(at: datetime) -> str:
    """ISO 8601 in UTC with a Z, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def took(duration_ms: int | None) -> str:
    """A duration as a person says it; nothing while it is not known."""
    if duration_ms is None:
        return ""
    return f"{duration_ms} ms" if duration_ms < 1000 else f"{duration_ms / 1000:.1f} s"


def status_of(trace: Trace) -> str:
    """The status, or that it is stalled."""
    return "stalled" if trace.is_stalled else trace.status


def print_table(renderable: object) -> None:
    """Write what rich can render to standard output."""
    from rich.console import Console

    Console().print(renderable)
