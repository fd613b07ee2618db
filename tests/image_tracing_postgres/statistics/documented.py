"""What docs/statistics.md says the figures are: its SQL, run on the rows as it stands there."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

DOCUMENT = (Path(__file__).parents[3] / "docs/statistics.md").read_text(encoding="utf-8")
SQL = dict(re.findall(r"```sql (\w+)\n(.*?)```", DOCUMENT, re.DOTALL))

Row = dict[str, Any]


class Documented:
    """The figures of a range, as the SQL of the documentation gives them."""

    def __init__(self, connection: psycopg.Connection[Row], start: Any, stop: Any, tz: str) -> None:
        self._connection = connection
        self._values = {"from": start, "to": stop, "tz": tz}

    def rows(self, name: str, *, model: str | None = "model") -> list[Row]:
        """What a statement gives; with another column for the model, or none, as the page tells."""
        text = SQL[name]
        if model is None:
            text = re.sub(r"\n    model,|GROUP BY model\n|ORDER BY .*\"C\"\n", "\n", text)
        elif model != "model":
            text = re.sub(r"\bmodel\b(?! IS DISTINCT|\s*\n\s*\))", model, text)
        text = re.sub(r":'(\w+)'", r"%(\1)s::timestamptz", text).replace("%(tz)s::timestamptz", "%(tz)s")
        return self._connection.execute(text.encode(), self._values).fetchall()


def differences(found: Mapping[str, Any], conninfo: str, *, points: int = 30) -> list[str]:
    """Where the document of the statistics differs from what the SQL gives; percentiles by more than 1 %.

    Of the points over time so many are compared, first those in which something began.
    """
    with psycopg.connect(conninfo, row_factory=dict_row) as connection:
        documented = Documented(connection, found["from"], found["to"], found["tz"])
        told = _of_stretch("total", found["total"], found["by_model"], documented)
        told += _of_attempts("total", found["by_provider"], documented, "provider")
        for name in ("fallback_depth", "flow", "by_error_class"):
            told += _unequal(name, found[name], documented.rows(name))
        over_time = found["over_time"]
        for name in ("generations", "attempts", "wasted_ms"):
            told += _unequal(f"points, {name}", sum(point[name] for point in over_time), found["total"][name])
        for point in sorted(over_time, key=lambda point: -point["generations"] - point["attempts"])[:points]:
            own = Documented(connection, point["start"], point["end"], found["tz"])
            told += _of_stretch(f"point {point['start']}", point, point["by_model"], own)
    return told


def _of_stretch(where: str, figures: Row, by_model: Sequence[Row], documented: Documented) -> list[str]:
    models = sorted(by_model, key=lambda row: (-row["attempts"], row["model"] or ""))
    told = _differing(where, figures, documented.rows("generations")[0])
    told += _durations(where, figures["time_to_picture_ms"], documented.rows("time_to_picture_ms")[0])
    told += _of_attempts(where, models, documented, "model")
    told += _of_attempts(where, [figures], documented, None)
    by_outcome: dict[Any, dict[str, int]] = {}
    for row in documented.rows("outcomes"):
        by_outcome.setdefault(row["model"], {})[row["outcome"]] = row["attempts"]
    told += _unequal(f"{where}, outcomes", {row["model"]: row["outcomes"] for row in models}, by_outcome)
    classes = {row["error_class"]: row["attempts"] for row in documented.rows("by_error_class")}
    return told + _unequal(f"{where}, error classes", figures["error_classes"], classes)


def _of_attempts(where: str, rows: Sequence[Row], documented: Documented, column: str | None) -> list[str]:
    plain, durations, recovery = (
        documented.rows(name, model=column) for name in ("by_model", "duration_ms", "recovery")
    )
    if column is None:
        plain = [row if row["attempts"] else {**row, "images": 0, "bytes": 0} for row in plain]
    told = _unequal(
        f"{where}, {column}s", [row.get(column or "") for row in rows], [r.get(column or "") for r in plain]
    )
    of_durations = {row.get(column or ""): row for row in durations}
    of_recovery = {row.get(column or ""): row for row in recovery}
    for row, wanted in zip(rows, plain, strict=False):
        name = row.get(column or "")
        told += _differing(f"{where}, {column} {name}", row, wanted)
        told += _durations(f"{where}, {column} {name}", row["duration_ms"], of_durations.get(name))
        none = {"chances": 0, "rescues": 0, "recovery_rate": None}
        told += _differing(f"{where}, {column} {name}", row, of_recovery.get(name, none))
    return told


def _differing(where: str, found: Row, wanted: Row) -> list[str]:
    return [
        f"{where}: {name} is {found[name]}, documented {value}"
        for name, value in wanted.items()
        if (found[name] is None) is not (value is None)
        or (value is not None and found[name] != (float(value) if name.endswith("rate") else value))
    ]


def _durations(where: str, found: Row | None, wanted: Row | None) -> list[str]:
    if found is None or wanted is None or wanted["mean"] is None:
        is_nothing = found is None and (wanted is None or wanted["mean"] is None)
        return [] if is_nothing else [f"{where}: durations {found}, documented {wanted}"]
    told = [] if abs(found["mean"] - float(wanted["mean"])) < 0.11 else [f"{where}: mean {found} {wanted}"]
    return told + [
        f"{where}: {name} is {found[name]}, documented {wanted[name]}"
        for name in ("p50", "p90", "p95", "p99")
        if not 0.99 * wanted[name] <= found[name] <= wanted[name]
    ]


def _unequal(where: str, found: Any, wanted: Any) -> list[str]:
    return [] if found == wanted else [f"{where}: {found}, documented {wanted}"]
