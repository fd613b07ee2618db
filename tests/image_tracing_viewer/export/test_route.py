"""`GET /api/traceImage/export`: what it gives, and how it ends."""

import csv
import io
import json
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import anyio
import httpx
import psycopg
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient
from starlette.types import Message
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_postgres.table import ATTEMPT_COLUMNS, TRACE_COLUMNS
from image_tracing_viewer.export.piece import Piece
from image_tracing_viewer.export.route import ExportResponse

EXPORT = "/api/traceImage/export"
DAY = datetime(2025, 10, 26, tzinfo=UTC)


def _csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("of", ["traces", "attempts"])
@pytest.mark.parametrize(
    ("format_", "media_type", "nothing"),
    [
        ("jsonl", "application/jsonl", ""),
        ("json", "application/json", "[]\n"),
        ("csv", "text/csv; charset=utf-8; header=present", None),
    ],
)
def test_an_export_of_nothing_is_a_file(
    client: TestClient, format_: str, of: str, media_type: str, nothing: str | None
) -> None:
    response = client.get(EXPORT, params={"format": format_, "of": of})

    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    assert response.headers["content-disposition"] == f'attachment; filename="image-{of}.{format_}"'
    if nothing is None:
        columns = TRACE_COLUMNS if of == "traces" else ATTEMPT_COLUMNS
        assert response.text == ",".join(f'"{column.name}"' for column in columns) + "\r\n"
    else:
        assert response.text == nothing


def test_json_lines_are_the_traces_of_the_api(client: TestClient, rows: Rows) -> None:
    for hours in range(3):
        rows.add(created_at=DAY - timedelta(hours=hours))

    lines = client.get(EXPORT).text.splitlines()

    assert [json.loads(line) for line in lines] == client.get("/api/traceImage").json()["traces"]
    assert client.get(f"{EXPORT}?format=json").json() == client.get("/api/traceImage").json()["traces"]


def test_attempts_name_their_trace(client: TestClient, rows: Rows) -> None:
    id_ = rows.add(
        lesson_id="l-1",
        attempts=[
            {"success": False, "outcome": "error", "error_class": "timeout", "error": "slow"},
            {"model": "sd"},
        ],
    )

    first, second = (json.loads(line) for line in client.get(f"{EXPORT}?of=attempts").text.splitlines())

    assert (first["trace_id"], first["lesson_id"], first["error_class"]) == (str(id_), "l-1", "timeout")
    assert (second["number"], second["model"], second["success"]) == (2, "sd", True)
    assert client.get(f"{EXPORT}?of=attempts&format=json").json() == [first, second]
    table = _csv_rows(client.get(f"{EXPORT}?of=attempts&format=csv").text)
    assert [row["trace_id"] for row in table] == [str(id_)] * 2
    assert json.loads(table[1]["request"]) == second["request"]
    assert [row["success"] for row in table] == ["false", "true"]


def test_an_export_takes_the_whole_filtered_range(client: TestClient, rows: Rows) -> None:
    for number in range(120):
        rows.add(
            created_at=DAY + timedelta(seconds=number), lesson_id="l-1" if number % 2 else "l-2", attempts=[]
        )

    assert len(client.get(EXPORT).text.splitlines()) == 120
    assert len(client.get(f"{EXPORT}?lesson_id=l-1").text.splitlines()) == 60
    assert len(_csv_rows(client.get(f"{EXPORT}?lesson_id=l-1&format=csv").text)) == 60


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("format=xml", "format must be one of csv, jsonl, json, parquet; found 'xml'"),
        ("of=images", "of must be one of traces, attempts; found 'images'"),
        ("limit=5", "unknown parameter 'limit'"),
        ("format=csv&format=json", "parameter format is given more than once"),
        ("status=done", "status must be one of"),
    ],
)
def test_what_cannot_be_exported_is_told(client: TestClient, query: str, told: str) -> None:
    response = client.get(f"{EXPORT}?{query}")

    assert response.status_code == 400
    assert told in response.json()["error"]["message"]
    assert "content-disposition" not in response.headers


def test_hostile_prompts_stay_in_their_cells(client: TestClient, rows: Rows) -> None:
    prompt = '=HYPERLINK("http://evil.example","x"),\r\n"quoted"; \u2028 end'
    rows.add(lesson_id="@SUM(1)", name="-2+3", attempts=[{"prompt": prompt}])

    [trace] = _csv_rows(client.get(f"{EXPORT}?format=csv").text)
    [attempt] = _csv_rows(client.get(f"{EXPORT}?format=csv&of=attempts").text)

    assert (trace["lesson_id"], trace["name"]) == ("'@SUM(1)", "'-2+3")
    assert attempt["prompt"] == "'" + prompt
    assert json.loads(trace["image_generation_attempts"])[0]["prompt"] == prompt


def test_every_cell_is_quoted(client: TestClient, rows: Rows) -> None:
    rows.add(attempts=[])

    [_, line] = client.get(f"{EXPORT}?format=csv").text.splitlines()

    assert line.count('","') == len(TRACE_COLUMNS) - 1
    assert (line[0], line[-1]) == ('"', '"')


def test_a_head_request_reads_no_rows(client: TestClient, rows: Rows) -> None:
    rows.add()

    response = client.head(f"{EXPORT}?format=csv")

    assert response.status_code == 200
    assert response.headers["content-disposition"] == 'attachment; filename="image-traces.csv"'
    assert response.content == b""


def _fill(database: str, count: int) -> None:
    """Traces of 32 kB each: more than a connection holds on its way."""
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces (id, created_at, updated_at, status, root_state, otel_trace_id, "
            "otel_span_id, request_data) "
            "SELECT gen_random_uuid(), now() - number * interval '1 s', now(), 'started', 'started', 'x', "
            "'x', to_jsonb(repeat(md5(number::text), 1000)) "
            "FROM generate_series(1, %s) AS number",
            (count,),
        )


def _readers(database: str) -> list[int]:
    """The processes of the server that work for exports."""
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'image-tracing export'"
        )
        return [pid for (pid,) in rows]


@pytest.mark.parametrize("format_", ["jsonl", "json", "csv", "parquet"])
def test_an_export_that_cannot_go_on_is_cut_and_not_ended(address: str, database: str, format_: str) -> None:
    _fill(database, 3_000)

    with httpx.stream("GET", f"{address}{EXPORT}?format={format_}", timeout=60) as response:
        assert response.status_code == 200
        chunks = response.iter_bytes()
        taken = [next(chunks)]
        with psycopg.connect(database) as connection:
            for pid in _readers(database):
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            taken.extend(chunks)

    assert not b"".join(taken).endswith((b"\n", b"PAR1"))


def test_a_client_that_leaves_lets_the_database_go(address: str, database: str) -> None:
    _fill(database, 3_000)

    with httpx.stream("GET", f"{address}{EXPORT}", timeout=60) as response:
        chunks = response.iter_bytes()
        next(chunks)
        assert _readers(database)

    with anyio.from_thread.start_blocking_portal() as portal:
        portal.call(_until_nobody_reads, database)


async def _until_nobody_reads(database: str) -> None:
    with anyio.fail_after(60):
        while _readers(database):
            await anyio.sleep(0.05)


def test_an_answer_that_nobody_takes_is_cut() -> None:
    ended = []

    def made() -> Generator[Piece, None, None]:
        try:
            while True:
                yield Piece(b"a line\n", rows=1)
        finally:
            ended.append(True)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await anyio.sleep_forever()

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    anyio.run(ExportResponse(made(), stall_seconds=0.05), {"type": "http"}, receive, send)

    assert ended == [True]


def test_parquet_is_read_back(client: TestClient, rows: Rows) -> None:
    for hours in range(3):
        rows.add(created_at=DAY - timedelta(hours=hours), lesson_id=f"l-{hours}")

    answer = client.get(f"{EXPORT}?format=parquet")

    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert table["lesson_id"].to_pylist() == ["l-0", "l-1", "l-2"]
    assert table["created_at"].to_pylist()[0] == DAY
