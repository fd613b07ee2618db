"""One load under one stack: a database, a spool and a tally of its own, and what became of the spans."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from faults.order import Order
from faults.process import Child
from faults.row import Row, Stack
from faults.server import Server
from faults.tally import Lines, SpanKey, read_tally
from faults.waiting import wait_until

_COUNT: Final = """
SELECT (SELECT count(*) FROM image_attempts) + (
    SELECT count(*) FROM image_traces AS trace
    WHERE trace.root_state IN ('completed', 'failed') AND NOT EXISTS (
        SELECT FROM image_attempts AS attempt
        WHERE attempt.trace_id = trace.id AND attempt.span_id = trace.otel_span_id
    )
)
"""
_STORED: Final = """
SELECT 'a', trace.otel_trace_id, attempt.span_id
FROM image_attempts AS attempt LEFT JOIN image_traces AS trace ON trace.id = attempt.trace_id
UNION ALL
SELECT 'r', otel_trace_id, otel_span_id FROM image_traces WHERE root_state IN ('completed', 'failed')
"""


class Trial:
    """Made by `Bench.trial`; a context manager that ends its processes and drops its database."""

    def __init__(self, name: str, stack: Stack, *, server: Server, folder: Path, seed: int) -> None:
        self.name = name
        self.stack: Final = stack
        self.folder = folder
        self.server = server
        self.seed = seed
        self.dsn = server.new_database(name)
        self.spool = folder / "spool"
        self.tally = folder / "tally"
        self.log = folder / "log"
        self.lines = Lines(self.tally)
        self._children: list[Child] = []

    @property
    def is_ours(self) -> bool:
        return self.stack == "ours"

    def order(self, **more: Any) -> Order:
        """An order for this trial; fields of Order can be given."""
        return Order(
            **{
                "stack": self.stack,
                "dsn": self.dsn,
                "spool": str(self.spool),
                "tally": str(self.tally),
                "seed": self.seed,
                **more,
            }
        )

    def load(
        self, *, environment: Mapping[str, str] | None = None, module: str = "load", **more: Any
    ) -> Child:
        """Start a load; fields of Order can be given."""
        return self.keep(Child.python(module, self.order(**more).text(), log=self.log, more=environment))

    def keep(self, child: Child) -> Child:
        """Let a process end with this trial."""
        self._children.append(child)
        return child

    def connect(self) -> psycopg.Connection:
        """A connection of the bench's own to the trial's database."""
        return psycopg.connect(self.dsn, autocommit=True)

    def stored(self) -> int:
        """How many ended spans are in the database now; 0 while it cannot be asked."""
        try:
            with self.connect() as connection:
                return int(connection.execute(_COUNT).fetchall()[0][0])
        except psycopg.OperationalError:
            return 0

    def until_stored(self, spans: int, *, seconds: float) -> float:
        """How long it takes until so many spans are stored. Raises TooSlowError."""
        return wait_until(
            lambda: self.stored() >= spans,
            seconds=seconds,
            wanted=f"{spans} stored spans ({self.name})",
            poll_seconds=0.1,
        )

    def drain(self, *, seconds: float = 60) -> float:
        """Store what is left in the spool, as `image-tracing drain` does; how long it took. Stock has
        nothing.
        """
        if not self.is_ours or not self.spool.is_dir():
            return 0.0
        from image_tracing_postgres.spool import Drainer

        began = time.monotonic()
        drainer = Drainer(self.spool, self.dsn)
        drainer.drain(seconds)
        took = time.monotonic() - began
        drainer.stop(5)
        return took

    def segments(self) -> int:
        """Segment files left in the spool."""
        return len(list(self.spool.glob("*.segment"))) if self.spool.is_dir() else 0

    def quarantined(self) -> set[tuple[str, str]]:
        """Trace and span ids of what is in quarantine."""
        found = (path.stem.split("-") for path in self.spool.glob("quarantine/*.json"))
        return {(parts[0], parts[1]) for parts in found}

    def dropped(self) -> int:
        """Spans that are in a counter with a reason, of all the trial's processes."""
        if not self.is_ours:
            return 0
        from image_tracing_postgres.spool import spool_state

        counts = spool_state(self.spool).counts
        return sum(number for reason, number in counts.items() if reason.startswith("dropped_"))

    def row(
        self,
        fault: str,
        situation: str,
        goal: str,
        *,
        recovery_seconds: float | None = None,
        figures: Mapping[str, float | str] | None = None,
        checks: Mapping[str, bool] | None = None,
        refused: int = 0,
        may_drop: bool = False,
    ) -> Row:
        """What became of all spans in the tally.

        `checks` are further goals by name. `refused` is what the stock exporter says to have refused.
        `may_drop` says that counted drops are within the goal.
        """
        ended = read_tally(self.tally)
        with self.connect() as connection:
            rows = [SpanKey(*row) for row in connection.execute(_STORED).fetchall()]
        stored = set(rows)
        quarantine = self.quarantined() if self.is_ours else set()
        aside = {key for key in ended.keys() - stored if (key.trace_id, key.span_id) in quarantine}
        dropped = self.dropped() + refused
        lost = len(ended.keys() - stored - aside) - dropped
        poison = {key for key, is_poison in ended.items() if is_poison}
        duplicates = len(rows) - len(stored)
        goals = {
            f"lost {lost:,}": lost == 0,
            f"{duplicates:,} rows twice": duplicates == 0,
            f"{dropped:,} dropped": may_drop or dropped == 0,
            f"{len(aside):,} of {len(poison):,} refused spans in quarantine": aside == poison,
            **(checks or {}),
        }
        return Row(
            fault=fault,
            situation=situation,
            stack=self.stack,
            goal=goal,
            ended=len(ended),
            stored=len(stored & ended.keys()),
            lost=lost,
            dropped=dropped,
            duplicates=duplicates,
            quarantined=len(aside),
            recovery_seconds=recovery_seconds,
            figures=figures or {},
            missed=tuple(name for name, is_reached in goals.items() if not is_reached)
            if self.is_ours
            else (),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for child in self._children:
            child.close()
        if error is None:
            self.server.start()
            self.server.drop_database(self.name)
