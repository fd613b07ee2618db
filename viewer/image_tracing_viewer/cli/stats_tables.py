"""Statistics for a reader at a terminal, and as lines for programs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from image_tracing_postgres.statistics.figures import AttemptFigures, Durations, Point, Statistics
from image_tracing_viewer import formats
from image_tracing_viewer.cli.tables import print_table
from image_tracing_viewer.cli.text import cell, printable

Subject = Literal["model", "provider", "error-class", "time", "depth", "flow"]

# Columns of a terminal from which on all is shown.
_WIDE: Final = 110
_WIDE_ONLY: Final = frozenset({"of", "p99", "pictures", "attempts begun"})
# These may be long, and go on in a further line.
_NAMES: Final = frozenset({"model", "provider", "first model", "served by", "error class", "top error"})
_NOTHING = "–"  # noqa: RUF001 - an en dash is what a reader expects in an empty cell.


def tab_separated(found: Statistics, by: Subject) -> Iterator[str]:
    """A heading and one line a row; names are those of the JSON, and what is nothing is empty."""
    rows = [_flat(row) for row in _documents(found, by)]
    columns = list(rows[0]) if rows else []
    if columns:
        yield "\t".join(columns)
    for row in rows:
        yield "\t".join(cell(row[column]) for column in columns)


def rest_of(found: Statistics, by: Subject) -> str:
    """What to say of rows that are too rare to be listed; empty if there are none."""
    left_out = {
        "model": found.left_out.models,
        "provider": found.left_out.providers,
        "error-class": found.left_out.error_classes,
        "flow": found.left_out.flow,
    }
    number = left_out.get(by, 0)
    return f"and {number:,} more, which count in the total" if number else ""


def print_statistics(found: Statistics, by: Subject) -> None:
    """The figures in total, then a table."""
    from rich.table import Table
    from rich.text import Text

    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(found):
        facts.add_row(Text(name, style="dim"), Text(value))
    print_table(facts)
    print_table("")
    headings, rows = _table(found, by)
    is_narrow = get_terminal_size().columns < _WIDE
    shown = [place for place, heading in enumerate(headings) if not (is_narrow and heading in _WIDE_ONLY)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place in shown:
        is_name = headings[place] in _NAMES
        table.add_column(
            headings[place],
            justify="left" if place == 0 or is_name else "right",
            overflow="fold",
            no_wrap=not is_name,
        )
    for row in rows:
        table.add_row(*(Text(printable(row[place])) for place in shown))
    print_table(table)
    if rest := rest_of(found, by):
        print_table(Text(rest, style="dim"))


def _documents(found: Statistics, by: Subject) -> Sequence[Mapping[str, Any]]:
    document = found.as_json()
    names = {
        "model": "by_model",
        "provider": "by_provider",
        "error-class": "by_error_class",
        "time": "over_time",
        "depth": "fallback_depth",
        "flow": "flow",
    }
    rows: Sequence[Mapping[str, Any]] = document[names[by]]
    return rows


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without what has a length of its own, and with a column for each percentile."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if name.endswith("_ms") and not isinstance(value, int):
            flat |= {f"{name}_{part}": value and value[part] for part in Durations.__slots__}
        elif not isinstance(value, dict | list):
            flat[name] = value
    return flat


def _facts(found: Statistics) -> Iterator[tuple[str, str]]:
    total = found.total
    zone = ZoneInfo(found.tz)
    yield "range", f"{_moment(found.from_, zone)} to {_moment(found.to, zone)} ({found.tz})"
    ended = f"{total.completed:,} completed, {total.failed:,} failed"
    yield "generations", f"{total.generations:,}: {ended}, {total.started:,} started"
    yield "success", _share(total.success_rate)
    yield "fallback", f"{_share(total.fallback_rate)}, of {total.fallbacks:,} recovered {total.recovered:,}"
    yield "wasted", formats.duration(total.wasted_ms)
    yield "time to picture", _times(total.time_to_picture_ms)
    yield "attempts", f"{total.attempts:,}, {_share(total.attempt_success_rate)} succeeded"
    yield "pictures", f"{total.images:,}, {formats.size(total.bytes)}"


def _table(found: Statistics, by: Subject) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    of_attempts = ("attempts", "success", "rescued", "of", "p50", "p95", "p99", "pictures", "top error")
    if by == "model":
        return ("model", *of_attempts), [(one.model or _NOTHING, *_attempts(one)) for one in found.by_model]
    if by == "provider":
        rows = [(one.provider or _NOTHING, *_attempts(one)) for one in found.by_provider]
        return ("provider", *of_attempts), rows
    if by == "time":
        zone = ZoneInfo(found.tz)
        headings = ("from", "generations", "success", "fallback", "wasted", "p50", "p95", "attempts begun")
        of_days = found.bucket in ("day", "week", "month")
        return headings, [(_begun(point.start, zone, of_days), *_point(point)) for point in found.over_time]
    if by == "depth":
        depths = found.fallback_depth
        return ("models tried", "generations"), [
            (f"{depth.models_tried}", f"{depth.generations:,}") for depth in depths
        ]
    if by == "flow":
        return ("first model", "served by", "generations"), [
            (flow.first_model or _NOTHING, flow.served_by or _NOTHING, f"{flow.generations:,}")
            for flow in found.flow
        ]
    classes = found.by_error_class
    return ("error class", "attempts"), [(one.error_class, f"{one.attempts:,}") for one in classes]


def _attempts(figures: AttemptFigures) -> Sequence[str]:
    times = figures.duration_ms
    return (
        f"{figures.attempts:,}",
        _share(figures.attempt_success_rate),
        _share(figures.recovery_rate),
        f"{figures.chances:,}",
        formats.duration(times.p50 if times else None),
        formats.duration(times.p95 if times else None),
        formats.duration(times.p99 if times else None),
        f"{figures.images:,}",
        next(iter(figures.error_classes), _NOTHING),
    )


def _point(point: Point) -> Sequence[str]:
    times = point.time_to_picture_ms
    return (
        f"{point.generations:,}",
        _share(point.success_rate),
        _share(point.fallback_rate),
        formats.duration(point.wasted_ms),
        formats.duration(times.p50 if times else None),
        formats.duration(times.p95 if times else None),
        f"{point.attempts:,}",
    )


def _times(durations: Durations | None) -> str:
    if durations is None:
        return _NOTHING
    parts = {name: getattr(durations, name) for name in ("p50", "p90", "p95", "p99", "mean")}
    return ", ".join(f"{name} {formats.duration(value)}" for name, value in parts.items())


def _share(rate: float | None) -> str:
    return _NOTHING if rate is None else f"{100 * rate:.1f} %"


def _begun(time: datetime, zone: ZoneInfo, of_days: bool) -> str:
    """The beginning of a point; of a day that is not cut, the day."""
    return _moment(time, zone).removesuffix(" 00:00") if of_days else _moment(time, zone)


def _moment(time: datetime, zone: ZoneInfo) -> str:
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M}"
