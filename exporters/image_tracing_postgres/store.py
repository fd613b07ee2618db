"""Reading the traces in a database, and deleting them."""

import builtins
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, Unpack
from uuid import UUID

from image_tracing_postgres import filters as checks
from image_tracing_postgres.dataframe import dataframe
from image_tracing_postgres.deletion import delete_everything, delete_traces
from image_tracing_postgres.documents import trace_from
from image_tracing_postgres.json_text import decoded
from image_tracing_postgres.merge import save
from image_tracing_postgres.pool import Connections
from image_tracing_postgres.records import Attempt, Filters, Page, Status, Trace
from image_tracing_postgres.rows import Rows
from image_tracing_postgres.statements import statement
from image_tracing_postgres.statistics.figures import Bucket, Statistics
from image_tracing_postgres.statistics.reading import Reader
from image_tracing_postgres.streams import COLUMNS, Streams, Subject
from image_tracing_postgres.watch import Watch

if TYPE_CHECKING:
    import pandas

_NEWEST_FOR_CHOICES: Final = 1_000
_CHANGES: Final = 1_000
_SAVE_SECONDS: Final = 60.0
_GET_SECONDS: Final = 6.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The traces right after and right before one, by time; None at either end."""

    newer: UUID | None
    older: UUID | None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the newest 1,000 traces have, each sorted: suggestions for filters, not all there is."""

    models: tuple[str, ...]
    providers: tuple[str, ...]
    services: tuple[str, ...]
    error_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One trace that was written; `updated_at` is the writer's clock."""

    id: UUID
    status: Status
    updated_at: datetime


class Store:
    """The traces of one database. Connects at first use; safe to share between threads.

    `dsn` None means IMAGE_TRACING_DATABASE_URL, else the embedded Postgres, which is started if need be; the
    attribute of that name is what was given.
    `stalled_after_seconds` None means IMAGE_TRACING_STALLED_AFTER.

    All methods that read or write raise DatabaseUnavailableError when there is no connection or no answer in
    time, and SchemaMissingError when the tables are not there; those that take filters InvalidFilterError.
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        stalled_after_seconds: float | None = None,
        statement_timeout_seconds: float = 5,
        pool_size: int = 8,
    ) -> None:
        self.dsn: Final = dsn
        self._stalled_after_seconds = stalled_after_seconds
        self._connections = Connections(dsn, size=pool_size, seconds=statement_timeout_seconds)
        self._streams = Streams(self._connections, places=max(1, pool_size // 2))
        self._watch = Watch(self._connections)
        self._reader = Reader(self._connections)

    def list(
        self,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        **filters: Unpack[Filters],
    ) -> Page:
        """At most `limit` (1 to 500) traces, newest first, from `offset` on or after a page's cursor."""
        texts, next_cursor = self._page(limit=limit, offset=offset, cursor=cursor, filters=filters)
        return Page((trace_from(decoded(text)) for text in texts), next_cursor=next_cursor)

    def list_json(
        self,
        *,
        limit: int = 50,
        offset: int = 0,
        cursor: str | None = None,
        **filters: Unpack[Filters],
    ) -> str:
        """The page as the JSON text of the REST API: `{"traces": [...], "next_cursor": ...}`."""
        texts, next_cursor = self._page(limit=limit, offset=offset, cursor=cursor, filters=filters)
        return f'{{"traces": [{", ".join(texts)}], "next_cursor": {json.dumps(next_cursor)}}}'

    def get(self, id: UUID | str) -> Trace | None:  # noqa: A002 - the name of the field
        """One trace, None if there is none with this id. Raises InvalidFilterError for what is no UUID."""
        text = self.get_json(id)
        return None if text is None else trace_from(decoded(text))

    def get_json(self, id: UUID | str) -> str | None:  # noqa: A002
        """One trace as its JSON document."""
        parameters = {"id": checks.uuid(id), "stalled_before": self._stalled_before()}
        # One row by its key takes less time than the round trips of a transaction with a limit.
        with self._connections.connection(seconds=_GET_SECONDS) as connection:
            row = connection.execute(_GET, parameters).fetchone()
        return None if row is None else row[0]

    def iter(self, **filters: Unpack[Filters]) -> Iterator[Trace]:
        """All traces of the filters, newest first.

        Fetched page by page: what is written or deleted meanwhile may be in or out.
        """
        return (trace_from(decoded(text)) for text in self.iter_json(**filters))

    def iter_json(self, **filters: Unpack[Filters]) -> Iterator[str]:
        """As `iter`, each trace as its JSON document."""
        # Checked here and not at the first item, so that a caller can still answer with an error.
        checks.parameters_of(filters)
        return self._texts(filters)

    def lines(
        self, *, of: Subject = "traces", stop: Event | None = None, **filters: Unpack[Filters]
    ) -> Generator[bytes, None, None]:
        """The range as JSON Lines in UTF-8: blocks of whole lines, newest trace first, all of one moment.

        A line is a trace as `iter_json` has it, or an attempt with `trace_id` and `lesson_id`, of which
        `model`, `provider`, `error_class` and `outcome` hold itself. Until the end or `close()` a reader has
        one or two connections to itself. It may take its time, but what others delete is kept for it. Once
        `stop` is set, from any thread, a reader that waits for rows gets a DatabaseUnavailableError.
        """
        return self._streams.lines(of, self._whole(filters), stop=stop)

    def table(
        self, *, of: Subject = "traces", stop: Event | None = None, **filters: Unpack[Filters]
    ) -> Generator[tuple[Any, ...], None, None]:
        """As `lines`, but the cells of `streams.COLUMNS[of]`."""
        return self._streams.rows(of, self._whole(filters), stop=stop)

    def to_dataframe(self, *, of: Subject = "traces", **filters: Unpack[Filters]) -> "pandas.DataFrame":
        """As `table`, as a pandas data frame that is in memory as a whole: a row each, numbered from 0.

        Shape: the columns of `streams.COLUMNS[of]`, also without rows. Texts are `string`, JSON is its text;
        times are `datetime64[us, UTC]`; integers `Int64`, booleans `boolean`, either may be missing;
        `models_tried` holds lists. Raises ModuleNotFoundError where the extra `dataframe` is not installed.
        """
        rows = self.table(of=of, **filters)
        return dataframe(COLUMNS[of], rows)

    def count(self, *, of: Subject = "traces", **filters: Unpack[Filters]) -> int:
        """How many rows `lines` and `table` have now."""
        return self._streams.count(of, self._whole(filters))

    def attempts(self, **filters: Unpack[Filters]) -> builtins.list[Attempt]:
        """The attempts of the traces meant, traces newest first.

        `model`, `provider`, `error_class` and `outcome` hold for the attempt itself here.
        """
        return [
            attempt
            for trace in self.iter(**filters)
            for attempt in trace.attempts
            if all(
                wanted is None or found == wanted
                for wanted, found in (
                    (filters.get("model"), attempt.model),
                    (filters.get("provider"), attempt.provider),
                    (filters.get("error_class"), attempt.error_class),
                    (filters.get("outcome"), attempt.outcome),
                )
            )
        ]

    def stats(
        self,
        *,
        bucket: Bucket | None = None,
        tz: str = "UTC",
        seconds: float | None = None,
        **filters: Unpack[Filters],
    ) -> Statistics:
        """The figures of what the filters mean: in total, by model and provider, over time.

        Generations count by their `created_at`, attempts by their own start, both from `from_` up to but
        without `to`; by default the last 30 days until now. `model`, `provider`, `error_class` and `outcome`
        hold for the attempt itself. `bucket` is the length of the points over time, chosen by the range if
        None; at most 1,500. `tz` is the IANA name of the zone whose hours, days, weeks and months they are.
        `seconds`: about how long an answer may take; None gives it the time that summaries may need.
        docs/statistics.md defines each figure and tells what costs how much.
        """
        return self._reader.statistics(bucket=bucket, tz=tz, filters=filters, seconds=seconds)

    def refresh_stats(self, *, seconds: float = 2.0) -> bool:
        """Bring the summaries that `stats` reads up to date, as far as it goes in about so many seconds.

        False if something is left, another process is at it, or this role may not. `stats` does it by itself
        when it pays; who calls this now and then spares readers the wait.
        """
        return self._reader.refresh(seconds=seconds)

    def rebuild_stats(self, *, tell: Callable[[float], object] | None = None) -> None:
        """Compute the summaries that `stats` reads anew from the rows, while everything goes on.

        Needed only after rows were changed by other means than this package, or restored without the
        summaries. `tell` is called now and then with the share that is done, from 0.0 to 1.0.
        """
        for share in self._reader.rebuild():
            if tell is not None:
                tell(share)

    def neighbours(self, id: UUID | str) -> Neighbours:  # noqa: A002
        """The ids of the next newer and the next older trace; both None if this one is not there."""
        with self._connections.transaction() as sql:
            row = sql.execute(statement("neighbours"), {"id": checks.uuid(id)}).fetchone()
        return Neighbours(None, None) if row is None else Neighbours(row[0], row[1])

    def choices(self) -> Choices:
        """Suggestions for the filters."""
        with self._connections.transaction() as sql:
            traces = sql.execute(statement("choices_traces"), {"limit": _NEWEST_FOR_CHOICES}).fetchall()
            ids = [row[0] for row in traces]
            attempts = sql.execute(statement("choices_attempts"), {"ids": ids}).fetchall()
        return Choices(
            models=_sorted(row[0] for row in attempts),
            providers=_sorted(row[1] for row in attempts),
            services=_sorted(row[1] for row in traces),
            error_classes=_sorted([row[2] for row in attempts] + [row[2] for row in traces]),
        )

    def changes(self, since: datetime) -> builtins.list[Change]:
        """The first 1,000 traces written after `since`, oldest write first.

        A writer's transaction may become visible some seconds after the time it wrote. Who asks again and
        again has to overlap by ten seconds, and pass over what has not changed since.
        """
        with self._connections.transaction() as sql:
            rows = sql.execute(statement("changes"), {"since": since, "limit": _CHANGES}).fetchall()
        return [Change(id=row[0], status=row[1], updated_at=row[2]) for row in rows]

    def wait_for_change(self, timeout_seconds: float) -> bool:
        """True soon after something was written, False after `timeout_seconds`.

        Only a hint: behind pgbouncer and on a standby nothing is ever heard, so callers look as well.
        """
        return self._watch.wait(timeout_seconds)

    def save(self, rows: Rows) -> None:
        """Store rows, each trace with its attempts at once, merged with what is there. Twice is like once."""
        with self._connections.connection(seconds=_SAVE_SECONDS) as connection:
            save(connection, rows)

    def delete(self, id: UUID | str) -> bool:  # noqa: A002
        """Delete a trace with its attempts; False if there is none with this id."""
        with self._connections.transaction() as sql:
            return delete_traces(sql, [checks.uuid(id)]) > 0

    def delete_all(self) -> int:
        """Delete all traces with their attempts; how many traces there were."""
        return delete_everything(self._connections)

    def close(self) -> None:
        """Close the connections. The store can be used again afterwards."""
        self._watch.close()
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _texts(self, filters: Filters) -> Iterator[str]:
        cursor: str | None = None
        while True:
            texts, cursor = self._page(limit=checks.MAX_LIMIT, offset=0, cursor=cursor, filters=filters)
            yield from texts
            if cursor is None:
                return

    def _page(
        self, *, limit: int, offset: int, cursor: str | None, filters: Filters
    ) -> tuple[builtins.list[str], str | None]:
        """The documents of a page and the cursor of the next."""
        parameters: dict[str, Any] = {
            **checks.parameters_of(filters),
            **checks.place_of_cursor(cursor),
            "offset": checks.checked_offset(offset, cursor),
            "stalled_before": self._stalled_before(),
        }
        wanted = checks.checked_limit(limit)
        texts: builtins.list[str] = []
        next_cursor: str | None = None
        while len(texts) < wanted:
            parameters["limit"] = wanted - len(texts) + 1
            with self._connections.transaction() as sql:
                rows = sql.execute(_LIST, parameters).fetchall()
            is_last = len(rows) < parameters["limit"]
            if not is_last:
                rows.pop()
            texts += (text for text, _, _, is_meant in rows if is_meant)
            if is_last or not rows:
                return texts, None
            # Two words can have one hash: a page may need another look.
            next_cursor = checks.cursor_of(rows[-1][1], rows[-1][2])
            parameters |= {"before_at": rows[-1][1], "before_id": rows[-1][2], "offset": 0}
        return texts, next_cursor

    def _whole(self, filters: Filters) -> dict[str, Any]:
        return {**checks.parameters_of(filters), "stalled_before": self._stalled_before()}

    def _stalled_before(self) -> datetime:
        if self._stalled_after_seconds is None:
            from image_tracing_postgres.settings import settings_from_environment

            self._stalled_after_seconds = settings_from_environment().stalled_after_seconds
        return datetime.now(UTC) - timedelta(seconds=self._stalled_after_seconds)


def _sorted(values: Any) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value is not None}))


_GET: Final = b"%s\nFROM image_traces AS trace\nWHERE trace.id = %%(id)s" % statement("_document")

# Static pieces: what a page selects, what is meant, which traces, in which order.
_LIST: Final = b"%s,\n(\n%s) AS is_meant\nFROM image_traces AS trace\n%s%s" % (
    statement("_document"),
    statement("_meant"),
    statement("_filters"),
    statement("_page"),
)
