"""What docs/statistics.md says the figures are: its SQL, run on the rows as it stands there."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

DOCUMENT = (Path(__file__).parents[3] / "docs/statistics.md").read_text(encoding="utf-8")
SQL = dict(re.findall(r"```sql (\w+)\n(.*?)```", DOCUMENT, re.DOTALL))

Row = dict[str, Any]


class Documented:
    """The figures of a range, as the SQL of the documentation gives them."""

    def __init__(self, conninfo: str, start: datetime, stop: datetime, *, tz: str = "UTC") -> None:
        self._conninfo = conninfo
        self._values = {"from": start, "to": stop, "tz": tz}

    def rows(self, name: str, *, model: str | None = "model") -> list[Row]:
        """What a statement gives; with another column for the model, or none, as the page tells."""
        text = SQL[name]
        if model is None:
            text = re.sub(r"\n    model,|GROUP BY model\n|ORDER BY .*\"C\"\n", "\n", text)
        elif model != "model":
            text = re.sub(r"\bmodel\b(?! IS DISTINCT|\s*\n\s*\))", model, text)
        text = re.sub(r":'(\w+)'", r"%(\1)s", text)
        with psycopg.connect(self._conninfo, row_factory=dict_row) as connection:
            return connection.execute(text.encode(), self._values).fetchall()


def differences(found: Mapping[str, Any], documented: Documented) -> list[str]:
    """Where the document of the statistics differs from what the SQL gives; percentiles by more than 1 %."""
    total = found["total"]
    told = _differing("total", total, documented.rows("generations")[0])
    told += _durations("total", total["time_to_picture_ms"], documented.rows("time_to_picture_ms")[0])
    for group, column in (("by_model", "model"), ("by_provider", "provider")):
        told += _of_attempts(found[group], documented, column)
    told += _of_attempts([total], documented, None)
    by_outcome: dict[Any, dict[str, int]] = {}
    for row in documented.rows("outcomes"):
        by_outcome.setdefault(row["model"], {})[row["outcome"]] = row["attempts"]
    told += _unequal("outcomes", {row["model"]: row["outcomes"] for row in found["by_model"]}, by_outcome)
    for name in ("fallback_depth", "flow", "by_error_class"):
        told += _unequal(name, found[name], documented.rows(name))
    return told


def _of_attempts(rows: Sequence[Row], documented: Documented, column: str | None) -> list[str]:
    plain, durations, recovery = (
        documented.rows(name, model=column) for name in ("by_model", "duration_ms", "recovery")
    )
    if column is None:
        plain = [row if row["attempts"] else {**row, "images": 0, "bytes": 0} for row in plain]
    told = _unequal(
        f"order by {column}", [row.get(column or "") for row in rows], [r.get(column or "") for r in plain]
    )
    of_durations = {row.get(column or ""): row for row in durations}
    of_recovery = {row.get(column or ""): row for row in recovery}
    for row, wanted in zip(rows, plain, strict=False):
        name = row.get(column or "")
        told += _differing(f"{column} {name}", row, wanted)
        told += _durations(f"{column} {name}", row["duration_ms"], of_durations.get(name))
        none = {"chances": 0, "rescues": 0, "recovery_rate": None}
        told += _differing(f"{column} {name}", row, of_recovery.get(name, none))
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
