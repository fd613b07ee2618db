"""Statistics over HTTP at one hundred thousand and at ten million attempts, and what summaries cost writers.

Reading: databases with 30 days of attempts, made in SQL, their summaries computed by `Store.rebuild_stats`.
One viewer for each answers the same questions in turn; each question's median at the largest size is held
against that at the smallest. `live`: a generation is stored before each request. At last the figures are
compared with what the SQL of docs/statistics.md gives.

Writing: spans to committed rows by PostgresSpanExporter, in turn on fresh databases as they are and on such
without what summaries need: the index of attempts by their start, and anybody to tell what changed. `read`:
statistics are asked for every second meanwhile.

    python benchmarks/stats.py [--attempts 100000,10000000] [--requests 100] [--server CONNINFO]
    python benchmarks/stats.py --writing [--traces 20000] [--batch 2048] [--rounds 5] [--server CONNINFO]
"""

import argparse
import contextlib
import random
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import psycopg
from databases import database_on, kept_database, server_for
from exporter import batches_of, check, seconds_of_exporter
from psycopg import sql
from viewer import milliseconds, served

from image_tracing_postgres import Store, rows_from

_API: Final = "/api/traceImage/stats"
_DAYS: Final = 30
_BAR: Final = 1.5
_WRITING_BAR: Final = 0.9
_AT_ONCE: Final = 200_000

# Of a generation's number everything follows, so that each size has the same kind of data.
_TRACES: Final = """
INSERT INTO image_traces (
    id, created_at, completed_at, updated_at, total_duration_ms, status, lesson_id, name, service_name,
    model_used, models_tried, otel_trace_id, otel_span_id, root_state, search_terms
)
SELECT
    md5(n::text)::uuid,
    at,
    at + ms * interval '1 ms',
    at,
    ms,
    CASE WHEN hash %% 20 = 0 THEN 'failed' ELSE 'completed' END,
    'lesson-' || n %% 1000,
    'illustrate',
    'benchmark',
    CASE WHEN hash %% 20 > 0 THEN 'model-' || (hash + 1) %% 5 END,
    ARRAY['model-' || hash %% 5, 'model-' || (hash + 1) %% 5],
    md5('trace' || n),
    left(md5('span' || n), 16),
    CASE WHEN hash %% 20 = 0 THEN 'failed' ELSE 'completed' END,
    ARRAY[n %% 1000, hash %% 5]::integer[]
FROM (
    SELECT
        n,
        hashint8(n)::bigint & 2147483647 AS hash,
        %(end)s::timestamptz - n::double precision / %(traces)s * %(days)s * interval '1 day' AS at,
        (exp(8 + 1.2 * sin(hashint8(n))) * (1 + (hashint8(n + 1) & 255) / 256.0))::bigint AS ms
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
) AS made
"""
_ATTEMPTS: Final = """
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, size_bytes, number, success, model, provider,
    outcome, error_class, error, prompt, images
)
SELECT
    trace.id,
    left(md5(trace.otel_span_id || number), 16),
    trace.created_at + (number - 1) * trace.total_duration_ms / 2 * interval '1 ms',
    trace.created_at + number * trace.total_duration_ms / 2 * interval '1 ms',
    trace.total_duration_ms / 2,
    CASE WHEN is_good THEN 212272 ELSE 0 END,
    number,
    is_good,
    trace.models_tried[number],
    'provider-' || length(trace.models_tried[number] || trace.lesson_id) % 2,
    CASE WHEN is_good THEN 'ok' ELSE 'error' END,
    CASE
        WHEN NOT is_good
            THEN (ARRAY['timeout', 'rate_limited', 'model_loading'])[1 + trace.total_duration_ms % 3]
    END,
    CASE WHEN NOT is_good THEN 'the model is loading' END,
    'a red fox in the snow, in water colours, for a lesson about the winter',
    CASE WHEN is_good THEN '[{"index": 0, "mime_type": "image/png", "dataSize": 212272}]'::jsonb END
FROM image_traces AS trace
CROSS JOIN LATERAL generate_series(1, 2) AS number
CROSS JOIN LATERAL (SELECT number = 2 AND trace.status = 'completed' AS is_good) AS good
"""
_SIZES: Final = """
SELECT
    pg_size_pretty(pg_total_relation_size('image_traces') + pg_total_relation_size('image_attempts')),
    pg_size_pretty(
        pg_total_relation_size('image_generation_summaries')
        + pg_total_relation_size('image_attempt_summaries')
    )
"""


def database_of(server: str, attempts: int) -> str:
    """The conninfo of a database with so many attempts, made unless an earlier run left it whole."""

    def fill(conninfo: str) -> None:
        began = time.perf_counter()
        with psycopg.connect(conninfo, autocommit=True) as connection:
            _fill(connection, attempts // 2)
        made = time.perf_counter()
        with Store(conninfo) as store:
            store.rebuild_stats()
        rebuilt = time.perf_counter()
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            sizes = connection.execute(_SIZES).fetchall()[0]
        print(
            f"{attempts:,} attempts made in {made - began:.0f} s, {sizes[0]}; "
            f"summaries in {rebuilt - made:.0f} s, {sizes[1]}",
            flush=True,
        )

    return kept_database(server, f"benchmark_statistics_{attempts}", fill)


def _fill(connection: psycopg.Connection, traces: int) -> None:
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'p' AND conrelid IN ('image_traces'::regclass, 'image_attempts'::regclass)"
    ).fetchall()
    for table, name, _ in constraints:
        drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        connection.execute(drop.format(sql.Identifier(table), sql.Identifier(name)))
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('image_traces', 'image_attempts')"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    # Midnight: the range that is asked for has the same days at each size.
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    values = {"end": end, "days": _DAYS, "traces": traces}
    for first in range(1, traces + 1, _AT_ONCE):
        last = min(first + _AT_ONCE - 1, traces)
        connection.execute(_TRACES, {**values, "first": first, "last": last})
        print(f"\r{last:>10,} of {traces:,} traces", end="", file=sys.stderr, flush=True)
    connection.execute(_ATTEMPTS)
    print(file=sys.stderr)
    connection.execute("SET maintenance_work_mem = '512MB'")
    for table, name, definition in constraints:
        add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}")
        connection.execute(add.format(sql.Identifier(table), sql.Identifier(name), sql.SQL(definition)))
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("VACUUM (ANALYZE) image_traces")
    connection.execute("VACUUM (ANALYZE) image_attempts")


def questions() -> Mapping[str, str]:
    """Paths by what they ask for."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ragged = timedelta(minutes=2, seconds=11)

    def path(**query: object) -> str:
        return f"{_API}?{urlencode(query)}"

    start = end - timedelta(days=_DAYS)
    return {
        "30 days, as it comes": _API,
        "30 days by day": path(**{"from": start, "to": end, "bucket": "day"}),
        "30 days by day, Berlin": path(**{"from": start, "to": end, "bucket": "day", "tz": "Europe/Berlin"}),
        "30 days, odd seconds": path(**{"from": start + ragged, "to": end - ragged, "bucket": "day"}),
        "30 days by hour": path(**{"from": start, "to": end, "bucket": "hour"}),
        "7 days by hour": path(**{"from": end - timedelta(days=7), "to": end, "bucket": "hour"}),
        "a year by week": path(**{"from": end - timedelta(days=365), "to": end, "bucket": "week"}),
        "dashboard, 30 days": "/traceImage/stats",
    }


def read(server: str, sizes: list[int], requests: int) -> bool:
    """Prints the medians; True if every bar holds."""
    with ExitStack() as stack:
        conninfos = {size: database_of(server, size) for size in sizes}
        connections = {size: stack.enter_context(served("ours", conninfos[size])) for size in sizes}
        paths = questions()
        times: dict[tuple[str, int], list[float]] = {}
        for turn in range(requests + 5):
            for name, path in paths.items():
                for size in sizes:
                    took = _milliseconds(connections[size], path)
                    if turn >= 5:
                        times.setdefault((name, size), []).append(took)
        all_hold = _report(times, sizes, list(paths))
        all_hold &= _live(conninfos, connections, sizes, max(20, requests // 5))
        for size in sizes:
            print(
                f"{size:,} attempts:",
                *(_compared(conninfos[size]) or ["as the SQL on the rows"]),
                sep="\n    ",
            )
    return all_hold


def _milliseconds(connection: HTTPConnection, path: str) -> float:
    """One request and its whole answer; on another connection if this one was idle for too long."""
    try:
        return milliseconds(connection, path)
    except (RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        connection.close()
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return milliseconds(connection, path)


def _live(
    conninfos: Mapping[int, str], connections: Mapping[int, HTTPConnection], sizes: list[int], requests: int
) -> bool:
    """The default question after a write each time."""
    times: dict[tuple[str, int], list[float]] = {}
    chance = random.Random(time.time_ns())
    with ExitStack() as stack:
        stores = {size: stack.enter_context(Store(conninfos[size])) for size in sizes}
        for _ in range(requests):
            for size in sizes:
                stores[size].save(rows_from(next(batches_of(1, 3, chance.getrandbits(60)))))
                times.setdefault(("30 days, live", size), []).append(_milliseconds(connections[size], _API))
    return _report(times, sizes, ["30 days, live"])


def _report(times: Mapping[tuple[str, int], list[float]], sizes: list[int], names: list[str]) -> bool:
    print(
        f"{'p50 (p95), ms':<28}" + "".join(f"{f'{size:,}':>20}" for size in sizes) + f"{'ratio':>8}{'bar':>6}"
    )
    all_hold = True
    for name in names:
        medians = [statistics.median(times[name, size]) for size in sizes]
        tails = [statistics.quantiles(times[name, size], n=20)[-1] for size in sizes]
        ratio = medians[-1] / medians[0]
        all_hold &= ratio <= _BAR
        cells = "".join(f"{f'{p50:.1f} ({p95:.1f})':>20}" for p50, p95 in zip(medians, tails, strict=True))
        print(
            f"{name:<28}{cells}{ratio:>8.2f}{_BAR:>6.1f}{'' if ratio <= _BAR else '  above the bar'}",
            flush=True,
        )
    return all_hold


def _compared(conninfo: str) -> list[str]:
    """Where the figures differ from the documented SQL."""
    from tests.image_tracing_postgres.statistics.documented import differences

    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start, stop = end - timedelta(days=20, minutes=3), end - timedelta(days=1, seconds=1)
    with Store(conninfo) as store:
        found = store.stats(from_=start, to=stop, tz="Europe/Berlin").as_json()
    return differences(found, conninfo, points=2)


def write(server: str, *, traces: int, batch: int, rounds: int) -> bool:
    """Prints the rates; True if the bar holds."""
    ways: dict[str, Callable[[str], contextlib.AbstractContextManager[None]]] = {
        "without": _without,
        "with": lambda _: contextlib.nullcontext(),
        "read": _asked,
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways)
        for name in names[turn % 3 :] + names[: turn % 3]:
            with database_on(server) as conninfo, ways[name](conninfo):
                seconds = seconds_of_exporter(conninfo, batches_of(traces, batch, turn))
                check(conninfo, traces + 1)
                rates[name].append(traces / seconds)
        print(f"round {turn + 1}:", *(f"{name} {rates[name][-1]:,.0f}/s" for name in ways), flush=True)
    for name, found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(found, rates["without"], strict=True))
        print(f"{name}: median {statistics.median(found):,.0f} traces/s, {ratio:.2f} of without")
    paired = statistics.median(a / b for a, b in zip(rates["with"], rates["without"], strict=True))
    print(f"ratio with / without: {paired:.2f} (wanted: at least {_WRITING_BAR})")
    return paired >= _WRITING_BAR


@contextlib.contextmanager
def _without(conninfo: str) -> Iterator[None]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP INDEX image_attempts_started")
        connection.execute("DROP FUNCTION image_summary_tell")
    yield


@contextlib.contextmanager
def _asked(conninfo: str) -> Iterator[None]:
    over = threading.Event()

    def ask() -> None:
        with Store(conninfo) as store:
            while not over.wait(1.0):
                store.stats()

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--attempts", default="100000,10000000", help="sizes of the databases, smallest first"
    )
    parser.add_argument("--requests", type=int, default=100, help="of each kind")
    parser.add_argument("--writing", action="store_true", help="what the summaries cost writers")
    parser.add_argument("--traces", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=2_048, help="spans given to one export()")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder", type=Path, help="keeps an embedded Postgres with the data; else a throw-away one"
    )
    parser.add_argument("--server", help="conninfo of a running server to use instead")
    given = parser.parse_args()

    def run(server: str) -> bool:
        if given.writing:
            return write(server, traces=given.traces, batch=given.batch, rounds=given.rounds)
        return read(server, [int(size) for size in given.attempts.split(",")], given.requests)

    with server_for(given.server, given.folder) as server:
        return 0 if run(server) else 1


if __name__ == "__main__":
    # The oracle is that of the tests.
    sys.path.append(str(Path(__file__).parents[1]))
    sys.exit(main())
