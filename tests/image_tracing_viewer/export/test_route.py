"""`GET /api/traceImage/export`: what it gives, and how it ends."""

import csv
import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event

import anyio
import httpx
import pyarrow.parquet
import pytest
from starlette.testclient import TestClient
from starlette.types import Message
from tests.image_tracing_viewer.conftest import Rows
from tests.image_tracing_viewer.long_exports import END_OF_THE_CONNECTION, SLEEP, fill, meet, readers

from image_tracing_postgres.errors import DatabaseUnavailableError
from image_tracing_postgres.table import ATTEMPT_COLUMNS, TRACE_COLUMNS, Column
from image_tracing_viewer.export import FORMATS
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


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_whose_database_goes_is_cut_and_not_ended(
    address: str, database: str, format_: str
) -> None:
    fill(database)
    meet(database, END_OF_THE_CONNECTION, hours_ago=24)

    taken = _taken_until_it_is_cut(f"{address}{EXPORT}?format={format_}")

    assert len(taken) > 10_000
    assert not taken.endswith((b"\n", b"PAR1"))


@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_whose_viewer_is_killed_is_cut_and_not_ended(database: str, format_: str) -> None:
    fill(database)
    meet(database, SLEEP, hours_ago=24)

    with _viewer(database) as (address, process):
        taken = _taken_until_it_is_cut(f"{address}{EXPORT}?format={format_}", process.kill)

    assert len(taken) > 10_000
    assert not taken.endswith((b"\n", b"PAR1"))
    _wait_until_nobody_reads(database)


def _taken_until_it_is_cut(address: str, after_first: Callable[[], object] = lambda: None) -> bytes:
    with httpx.stream("GET", address, timeout=60, trust_env=False) as response:
        assert response.status_code == 200
        chunks = response.iter_raw()
        taken = [next(chunks)]
        after_first()
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            taken.extend(chunks)
    return b"".join(taken)


@contextmanager
def _viewer(database: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a viewer, and its process."""
    program = [sys.executable, "-m", "image_tracing_viewer", "serve", "--port", "0"]
    with subprocess.Popen(
        [*program, "--database-url", database], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://[^/\s]+", process.stdout.readline())
        assert found is not None
        try:
            yield found[0], process
        finally:
            process.kill()


def test_a_client_that_leaves_lets_the_database_go(address: str, database: str) -> None:
    fill(database)
    meet(database, SLEEP, hours_ago=24)

    with httpx.stream("GET", f"{address}{EXPORT}", timeout=60) as response:
        chunks = response.iter_bytes()
        next(chunks)
        assert readers(database)

    _wait_until_nobody_reads(database)


def test_a_client_that_leaves_before_the_first_row_lets_the_database_go(address: str, database: str) -> None:
    meet(database, SLEEP, hours_ago=0)

    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{address}{EXPORT}", timeout=3, trust_env=False)

    _wait_until_nobody_reads(database)
    assert httpx.get(f"{address}/api/traceImage?limit=1&status=failed", trust_env=False).status_code == 200


def _wait_until_nobody_reads(database: str) -> None:
    deadline = time.monotonic() + 60
    while readers(database):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_exports_that_wait_keep_no_page_waiting(address: str, database: str) -> None:
    meet(database, SLEEP, hours_ago=0)
    with ThreadPoolExecutor(60) as pool:
        exports = [pool.submit(_status, f"{address}{EXPORT}") for _ in range(60)]
        while not readers(database):
            time.sleep(0.05)
        page = httpx.get(f"{address}/traceImage?status=failed", timeout=60, trust_env=False)
        waiting = [export for export in exports if not export.done()]

    assert page.status_code == 200
    assert waiting
    assert {export.result() for export in exports} <= {503, None}


def _status(address: str) -> int | None:
    """None if there is no answer in time."""
    try:
        return httpx.get(address, timeout=10, trust_env=False).status_code
    except httpx.ReadTimeout:
        return None


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

    anyio.run(ExportResponse(made(), stop=Event(), stall_seconds=0.05), {"type": "http"}, _stay, send)

    assert ended == [True]


def test_the_next_piece_is_made_while_one_is_sent() -> None:
    second, sent = Event(), []

    def made() -> Generator[Piece, None, None]:
        yield Piece(b"a line\n", rows=1)
        second.set()
        yield Piece(b"another\n", rows=1)

    async def send(message: Message) -> None:
        if message.get("body"):
            assert await anyio.to_thread.run_sync(second.wait, 30)
            sent.append(message["body"])

    anyio.run(ExportResponse(made(), stop=Event()), {"type": "http"}, _stay, send)

    assert sent == [b"a line\n", b"another\n"]


def test_a_database_that_goes_away_amid_an_export_cuts_it_and_says_so() -> None:
    sent = []

    def made() -> Generator[Piece, None, None]:
        yield Piece(b"a line\n", rows=1)
        raise DatabaseUnavailableError("gone")

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(DatabaseUnavailableError, match="gone"):
        anyio.run(ExportResponse(made(), stop=Event()), {"type": "http"}, _stay, send)
    assert [message.get("body") for message in sent] == [None, b"a line\n"]


async def _stay() -> Message:
    await anyio.sleep_forever()
    raise AssertionError


@pytest.mark.parametrize(("of", "columns"), [("traces", TRACE_COLUMNS), ("attempts", ATTEMPT_COLUMNS)])
def test_parquet_of_nothing_has_its_columns(client: TestClient, of: str, columns: Sequence[Column]) -> None:
    answer = client.get(EXPORT, params={"format": "parquet", "of": of})

    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert (table.num_rows, table.column_names) == (0, [column.name for column in columns])


def test_parquet_is_read_back(client: TestClient, rows: Rows) -> None:
    for hours in range(3):
        rows.add(created_at=DAY - timedelta(hours=hours), lesson_id=f"l-{hours}")

    answer = client.get(f"{EXPORT}?format=parquet")

    table = pyarrow.parquet.read_table(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert table["lesson_id"].to_pylist() == ["l-0", "l-1", "l-2"]
    assert table["created_at"].to_pylist()[0] == DAY
