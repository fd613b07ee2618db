"""The viewer over HTTP, beside a bare Starlette route that returns the same rows as one JSON text.

Both are served by uvicorn in processes of their own, and one keep-alive client asks them in turn, so that
noise hits both alike. The floor is told the ids of the rows and fetches them by primary key: it neither
searches nor sorts. Databases are made in the exporter's own way (2,000 generations) and multiplied by SQL;
`--folder` keeps them between runs. Run with:

    python benchmarks/viewer.py [--traces 10000,1000000] [--requests 300] [--folder DIR] [--server CONNINFO]
"""

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import psycopg
import uvicorn
from databases import kept_database, server_for
from exporter import batches_of
from psycopg import sql
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from image_tracing_postgres import rows_from
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

_BASE: Final = 2_000
_API: Final = "/api/traceImage"
_MODEL: Final = "google/imagen-4"

_FLOOR: Final = """
SELECT json_build_object('traces', json_agg(page.document ORDER BY page.created_at DESC, page.id DESC))::text
FROM (
    SELECT trace.id, trace.created_at, json_build_object(
        'id', trace.id, 'lesson_id', trace.lesson_id, 'status', trace.status, 'model_used', trace.model_used,
        'models_tried', trace.models_tried, 'total_duration_ms', trace.total_duration_ms,
        'request_data', trace.request_data, 'response_data', trace.response_data,
        'error_message', trace.error_message, 'error_class', trace.error_class, 'created_at',
        trace.created_at,
        'completed_at', trace.completed_at, 'name', trace.name, 'service_name', trace.service_name,
        'otel_trace_id', trace.otel_trace_id, 'otel_span_id', trace.otel_span_id,
        'image_generation_attempts', (
            SELECT json_agg(json_build_object(
                'model', attempt.model, 'provider', attempt.provider, 'prompt', attempt.prompt,
                'request', json_build_object(
                    'prompt', attempt.prompt, 'model', attempt.model, 'options', attempt.options),
                'response', json_build_object(
                    'success', attempt.success, 'dataSize', attempt.size_bytes, 'error', attempt.error),
                'duration_ms', attempt.duration_ms, 'success', attempt.success, 'error', attempt.error,
                'error_class', attempt.error_class, 'outcome', attempt.outcome, 'timestamp',
                attempt.started_at,
                'number', attempt.number, 'otel_span_id', attempt.span_id, 'images', attempt.images
            ) ORDER BY attempt.number)
            FROM image_attempts AS attempt
            WHERE attempt.trace_id = trace.id
        )
    ) AS document
    FROM image_traces AS trace
    WHERE trace.id = ANY (%s::uuid[])
) AS page
"""

_MULTIPLIED_TRACES: Final = """
INSERT INTO image_traces (
    id, created_at, completed_at, updated_at, total_duration_ms, status, lesson_id, name, service_name,
    model_used,
    models_tried, error_class, error_message, request_data, response_data, otel_trace_id, otel_span_id,
    root_state, root_model_used, search_terms
)
SELECT
    md5(id::text || copy)::uuid, created_at - copy * interval '1 hour',
    completed_at - copy * interval '1 hour',
    updated_at - copy * interval '1 hour',
    total_duration_ms, status, lesson_id || '-' || copy / 5, name,
    service_name, model_used, models_tried, error_class, error_message, request_data, response_data,
    md5(otel_trace_id || copy), left(md5(otel_span_id || copy), 16), root_state, root_model_used, search_terms
FROM generate_series(%s::integer, %s::integer) AS copy CROSS JOIN base_traces
"""
_MULTIPLIED_ATTEMPTS: Final = """
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, size_bytes, number, success, model, provider,
    outcome,
    error_class, error, prompt, negative_prompt, options, extras, images
)
SELECT
    md5(trace_id::text || copy)::uuid, left(md5(span_id || copy), 16), started_at - copy * interval '1 hour',
    ended_at - copy * interval '1 hour', duration_ms, size_bytes, number, success, model, provider, outcome,
    error_class, error, prompt, negative_prompt, options, extras, images
FROM generate_series(%s::integer, %s::integer) AS copy CROSS JOIN base_attempts
"""


@dataclass(frozen=True)
class Case:
    """One thing to ask: our path, and the floor's for the same rows. `bar` is the ratio to stay below."""

    name: str
    ours: str
    floor: str
    bar: float


def database_of(server: str, traces: int) -> str:
    """The conninfo of a database with so many traces, made unless an earlier run left it whole."""
    name = f"benchmark_viewer_{traces}_b"

    def fill(conninfo: str) -> None:
        began = time.perf_counter()
        with Store(conninfo) as store:
            for batch in batches_of(min(_BASE, traces), 2_000, seed=7):
                store.save(rows_from(batch))
        with psycopg.connect(conninfo, autocommit=True) as connection:
            _multiply(connection, traces)
        print(f"made {name} in {time.perf_counter() - began:.0f} s", flush=True)

    return kept_database(server, name, fill)


def _multiply(connection: psycopg.Connection, traces: int) -> None:
    # A hundred lessons, each with about a hundred traces at any size.
    connection.execute("UPDATE image_traces SET lesson_id = 'lesson-' || abs(hashtext(lesson_id)) % 100")
    connection.execute(
        "UPDATE image_traces SET status = 'failed', root_state = 'failed', error_class = 'timeout' "
        "WHERE hashtext(id::text) % 20 = 0"
    )
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes "
        "WHERE tablename = 'image_traces' AND indexname NOT LIKE '%pkey'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    connection.execute("CREATE TABLE base_traces AS SELECT * FROM image_traces")
    connection.execute("CREATE TABLE base_attempts AS SELECT * FROM image_attempts")
    copies = traces // _BASE - 1
    for first in range(1, copies + 1, 50):
        last = min(first + 49, copies)
        connection.execute(_MULTIPLIED_TRACES, (first, last))
        connection.execute(_MULTIPLIED_ATTEMPTS, (first, last))
        print(f"\r{(last + 1) * _BASE:>10,} of {traces:,} traces", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    connection.execute("DROP TABLE base_traces, base_attempts")
    connection.execute("SET maintenance_work_mem = '512MB'")
    for _, definition in indexes:
        connection.execute(definition)
    connection.execute("VACUUM (ANALYZE) image_traces")
    connection.execute("VACUUM (ANALYZE) image_attempts")


def cases_of(conninfo: str) -> list[Case]:
    """Each page with the ids of its rows, which the store is asked for once."""
    with Store(conninfo) as store, psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT lesson_id FROM image_traces GROUP BY lesson_id HAVING count(*) > 50 LIMIT 1"
        ).fetchone()
        lesson = row[0] if row else None
        some = store.list(limit=1, offset=_BASE // 2)[0]
        words = (some.attempts[0].prompt or "").split()
        # Words of one prompt, none of those that occur in it again and again and so in every other prompt.
        two_words = " ".join([word for word in words if words.count(word) == 1][:2])
        filters: list[tuple[str, dict[str, str]]] = [
            ("newest 50", {}),
            ("50 by model", {"model": _MODEL}),
            ("50 by lesson", {"lesson_id": str(lesson)}),
            ("50 by status", {"status": "failed"}),
            ("50 by words", {"q": two_words}),
        ]
        cases = [Case("one trace", f"{_API}/{some.id}", f"/rows?ids={some.id}", 2.0)]
        for name, wanted in filters:
            found = json.loads(store.list_json(limit=50, **wanted))["traces"]  # type: ignore[arg-type]
            floor = "/rows?" + urlencode({"ids": ",".join(trace["id"] for trace in found)})
            cases.append(Case(f"{name} ({len(found)})", f"{_API}?{urlencode(wanted)}", floor, 2.0))
            if not wanted:
                cases.append(Case("newest 50 as a page", "/traceImage", floor, 3.0))
    return cases


def floor_app(conninfo: str) -> Starlette:
    """The floor: one route, an asynchronous pool, prepared statements, no checks."""
    pool = AsyncConnectionPool(conninfo, open=False, kwargs={"autocommit": True, "prepare_threshold": 1})

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    async def rows(request: Request) -> Response:
        async with pool.connection() as connection:
            cursor = await connection.execute(_FLOOR, (request.query_params["ids"].split(","),))
            row = await cursor.fetchone()
        return Response(row[0] if row else "", media_type="application/json")

    return Starlette(routes=[Route("/rows", rows)], lifespan=lifespan)


@contextmanager
def served(kind: str, conninfo: str) -> Iterator[HTTPConnection]:
    """A connection to a server of its own process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = subprocess.Popen([sys.executable, __file__, "--serve", kind, str(port), conninfo])
    try:
        connection = HTTPConnection("127.0.0.1", port)
        deadline = time.monotonic() + 20
        while True:
            try:
                connection.connect()
                break
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        # As browsers and the well-known clients do; delayed acknowledgements would be measured otherwise.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection
    finally:
        process.terminate()
        process.wait()


def milliseconds(connection: HTTPConnection, path: str) -> float:
    """One request and its whole answer."""
    began = time.perf_counter()
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    took = (time.perf_counter() - began) * 1000
    if response.status != 200:
        raise RuntimeError(f"{path} answered {response.status}: {body[:300]!r}")
    return took


def measure(server: str, sizes: Sequence[int], requests: int) -> bool:
    """Prints the table; True if every bar holds."""
    with ExitStack() as stack:
        sides = {}
        for size in sizes:
            conninfo = database_of(server, size)
            ours, floor = (stack.enter_context(served(kind, conninfo)) for kind in ("ours", "floor"))
            sides[size] = (cases_of(conninfo), ours, floor)
        names = range(len(sides[sizes[0]][0]))
        times: dict[tuple[int, int, str], list[float]] = {}
        for turn in range(requests + 20):
            for index in names:
                for size, (cases, ours, floor) in sides.items():
                    for kind, connection, path in (
                        ("ours", ours, cases[index].ours),
                        ("floor", floor, cases[index].floor),
                    ):
                        took = milliseconds(connection, path)
                        if turn >= 20:
                            times.setdefault((size, index, kind), []).append(took)
    return _report(sides[sizes[0]][0], {key: statistics.median(taken) for key, taken in times.items()}, sizes)


def _report(cases: Sequence[Case], medians: dict[tuple[int, int, str], float], sizes: Sequence[int]) -> bool:
    all_hold = True
    print(f"{'p50, ms':<24}{'traces':>11}{'floor':>9}{'ours':>9}{'ratio':>8}{'bar':>6}")
    for index, case in enumerate(cases):
        for size in sizes:
            floor, ours = medians[size, index, "floor"], medians[size, index, "ours"]
            holds = ours <= case.bar * floor
            all_hold &= holds
            print(
                f"{case.name:<24}{size:>11,}{floor:>9.2f}{ours:>9.2f}{ours / floor:>8.2f}{case.bar:>6.1f}"
                f"{'' if holds else '  above the bar'}"
            )
        if len(sizes) > 1:
            ratio = medians[sizes[-1], index, "ours"] / medians[sizes[0], index, "ours"]
            holds = ratio <= 1.2
            all_hold &= holds
            print(
                f"{'':<24}{'growth':>11}{'':>18}{ratio:>8.2f}{1.2:>6.1f}{'' if holds else '  above the bar'}"
            )
    return all_hold


def main() -> int:
    if sys.argv[1:2] == ["--serve"]:
        kind, port, conninfo = sys.argv[2:]
        app = create_app(dsn=conninfo, token="") if kind == "ours" else floor_app(conninfo)
        uvicorn.run(app, port=int(port), log_level="warning", access_log=False)
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", default="10000,1000000", help="sizes of the databases, smallest first")
    parser.add_argument("--requests", type=int, default=300, help="of each kind")
    parser.add_argument(
        "--folder", type=Path, help="keeps an embedded Postgres with the data; else a throw-away one"
    )
    parser.add_argument("--server", help="conninfo of a running server to use instead")
    given = parser.parse_args()
    sizes = [int(size) for size in given.traces.split(",")]
    with server_for(given.server, given.folder) as server:
        return 0 if measure(server, sizes, given.requests) else 1


if __name__ == "__main__":
    sys.exit(main())
