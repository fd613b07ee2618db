import csv
import io
import json
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_viewer.export import ATTEMPT_COLUMNS, TRACE_COLUMNS, cell

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
        assert response.text == ",".join(f'"{column}"' for column in columns) + "\r\n"
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
        ("format=parquet", "format must be one of csv, jsonl, json; found 'parquet'"),
        ("format=xml", "format must be one of csv, jsonl, json; found 'xml'"),
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


@pytest.mark.parametrize("start", [*"=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20", " =", "\t\n@"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(start: str) -> None:
    assert cell(json.dumps(f"{start}1+1")) == f"'{start}1+1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("null", ""),
        ('""', ""),
        ('" "', " "),
        ('"a=b"', "a=b"),
        ("-5", "-5"),
        ("true", "true"),
        ("[]", "[]"),
        ('{"a": "="}', '{"a": "="}'),
    ],
)
def test_any_other_cell_stays_as_it_is(value: str, expected: str) -> None:
    assert cell(value) == expected


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


def test_an_export_that_cannot_go_on_is_cut_and_not_ended(address: str, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO image_traces (id, created_at, updated_at, status, root_state, otel_trace_id, "
            "otel_span_id, request_data) "
            "SELECT gen_random_uuid(), now() - number * interval '1 s', now(), 'started', 'started', 'x', "
            "'x', to_jsonb(repeat(md5(number::text), 1000)) "
            "FROM generate_series(1, 2000) AS number"
        )

    with httpx.stream("GET", f"{address}{EXPORT}", timeout=30) as response:
        assert response.status_code == 200
        chunks = response.iter_bytes()
        next(chunks)
        with psycopg.connect(database) as connection:
            connection.execute("DROP TABLE image_traces CASCADE")
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            list(chunks)
