"""The rows as a table for people and as JSON for documents."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from faults.row import Row

_HEADINGS = (
    "fault",
    "situation",
    "stack",
    "ended",
    "stored",
    "lost",
    "counted",
    "twice",
    "quarantined",
    "recovery",
    "measured",
    "goal",
    "met",
)
_RIGHT = frozenset(range(3, 10))


def table(rows: Sequence[Row]) -> str:
    """Aligned text, ours beside stock; what was missed is spelled out below."""
    cells = [_HEADINGS, *map(_cells, rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(_HEADINGS))]
    lines = [
        "  ".join(
            cell.rjust(width) if place in _RIGHT else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    missed = [f"missed: {row.fault} {row.situation}: {'; '.join(row.missed)}" for row in rows if row.missed]
    return "\n".join([*lines, *missed])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.fault,
        row.situation,
        row.stack,
        *map(_count, (row.ended, row.stored, row.lost, row.dropped, row.duplicates, row.quarantined)),
        "" if row.recovery_seconds is None else f"{row.recovery_seconds:.1f} s",
        ", ".join(f"{name} {_figure(value)}" for name, value in row.figures.items()),
        row.goal,
        {True: "yes", False: "NO", None: ""}[row.is_met],
    )


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _figure(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1_000 else f"{value:.3g}"


def write_json(path: Path, about: Mapping[str, object], rows: Sequence[Row]) -> None:
    """The same as a file: `{"about": {machine, versions, seed, date}, "rows": [...]}`, rows with `is_met`."""
    found = {"about": dict(about), "rows": [{**asdict(row), "is_met": row.is_met} for row in rows]}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
