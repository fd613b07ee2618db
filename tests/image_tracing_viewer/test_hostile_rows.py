"""Whatever can be stored can be listed, opened and exported."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import RawJson, Rows

from image_tracing_postgres.json_text import elements, members
from image_tracing_viewer.query import ERROR_CLASSES, OUTCOMES, STATUSES

API = "/api/traceImage"
csv.field_size_limit(10_000_000)
BROWSER = {"Accept": "text/html"}

NASTY = st.sampled_from(
    [
        "",
        " ",
        "\x01\x1b[31m\x7f\x85",
        "\u202egnp.exe\u200b\u2028\u2029\ufeff",
        "</script><script>alert(1)</script>",
        "<!--",
        "]]>",
        "{{ 7*7 }}{% raw %}",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "//evil.example",
        "http://user:pw@evil.example/\u2025",
        "=1+1",
        "%00%ff%",
        "../../etc/passwd",
        "__proto__",
        "constructor",
        "'; DROP TABLE image_traces; --",
        "x" * 20_000,
        "\U0001d54f" * 500,
        "\r\nSet-Cookie: a=b",
    ]
)
SHORT_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
TEXT = NASTY | SHORT_TEXT
MAYBE_TEXT = st.none() | TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
COUNTS = st.none() | st.integers(-(2**63), 2**63 - 1)
# The tables take no time that is out of these bounds.
EARLIEST, LATEST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis adds the zone
MOMENTS = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC))
SPAN_IDS = st.text("0123456789abcdef", min_size=16, max_size=16)

ATTEMPTS = st.fixed_dictionaries(
    {
        "span_id": SPAN_IDS,
        "started_at": MOMENTS,
        "ended_at": st.none() | MOMENTS,
        "duration_ms": COUNTS,
        "size_bytes": st.integers(-(2**63), 2**63 - 1),
        "number": st.integers(-(2**31), 2**31 - 1),
        "success": st.booleans(),
        "model": MAYBE_TEXT,
        "provider": MAYBE_TEXT,
        "outcome": st.sampled_from(OUTCOMES),
        "error_class": st.none() | st.sampled_from(ERROR_CLASSES) | TEXT,
        "error": MAYBE_TEXT,
        "prompt": MAYBE_TEXT,
        "negative_prompt": MAYBE_TEXT,
        "options": st.none() | st.dictionaries(TEXT, JSON, max_size=3),
        "extras": st.none() | st.dictionaries(TEXT, JSON, max_size=3),
    }
)
TRACES = st.fixed_dictionaries(
    {
        "created_at": MOMENTS,
        "completed_at": st.none() | MOMENTS,
        "updated_at": MOMENTS,
        "total_duration_ms": COUNTS,
        "status": st.sampled_from(STATUSES),
        "lesson_id": st.none() | SHORT_TEXT,
        "name": MAYBE_TEXT,
        "service_name": MAYBE_TEXT,
        "model_used": MAYBE_TEXT,
        "models_tried": st.lists(TEXT, max_size=4),
        "error_class": st.none() | st.sampled_from(ERROR_CLASSES) | TEXT,
        "error_message": MAYBE_TEXT,
        "request_data": JSON,
        "response_data": JSON,
        "root_state": st.sampled_from(["absent", "started", "completed", "failed"]),
        "attempts": st.lists(ATTEMPTS, max_size=3, unique_by=lambda attempt: attempt["span_id"]),
    }
)


def _reads_everywhere(client: TestClient, rows: Rows, trace: dict[str, Any]) -> None:
    """JSON is looked at as text: Python decodes neither thousands of digits nor arrays thousands deep."""
    client.delete(f"{API}?deleteAll=true")
    attempts = trace.pop("attempts")
    id_ = str(rows.add(attempts=attempts, **trace))

    one = client.get(f"{API}/{id_}")
    assert one.status_code == 200
    assert json.loads(members(one.text)["id"]) == id_
    assert len(elements(members(one.text)["image_generation_attempts"])) == len(attempts)
    assert elements(members(client.get(API).text)["traces"]) == [one.text]
    for of, count in (("traces", 1), ("attempts", len(attempts))):
        lines = client.get(f"{API}/export?of={of}").text.split("\n")
        assert [bool(members(line)) for line in lines] == [True] * count + [False]
        assert len(elements(client.get(f"{API}/export?of={of}&format=json").text)) == count
        table = client.get(f"{API}/export?of={of}&format=csv").text
        assert len(list(csv.reader(io.StringIO(table, newline="")))) == count + 1
    one_page = f"/traceImage/{id_}"
    for path in ("/traceImage", one_page, "/traceImage?partial=rows", f"{one_page}?partial=trace"):
        page = client.get(path, headers=BROWSER)
        assert page.status_code == 200
        assert id_ in page.text
        assert "<script>alert" not in page.text
    assert client.delete(API, params={"id": id_}).status_code == 200


@given(trace=TRACES)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_whatever_can_be_stored_can_be_read(client: TestClient, rows: Rows, trace: dict[str, Any]) -> None:
    _reads_everywhere(client, rows, trace)


@pytest.mark.long
# A strategy that failed shows itself, and this one holds long texts.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(trace=TRACES)
@settings(
    max_examples=2_000,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@pytest.mark.timeout(1_800)
def test_whatever_can_be_stored_can_be_read_at_length(
    client: TestClient, rows: Rows, trace: dict[str, Any]
) -> None:
    _reads_everywhere(client, rows, trace)


def _deep(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5_000,
        "-1e400",
        "1e-400",
        "0." + "3" * 500,
        _deep(900),
        _deep(3_000),
        '{"__proto__": {"a": 1}}',
        '"\\u0085"',
    ],
    ids=["digits", "exponent", "tiny", "precise", "deep", "deeper", "proto", "control"],
)
@pytest.mark.parametrize("column", ["request_data", "response_data", "options", "extras", "images"])
def test_json_that_python_cannot_hold_can_be_read(
    client: TestClient, rows: Rows, column: str, text: str
) -> None:
    value = RawJson(text if column not in ("options", "extras") else f'{{"a": {text}}}')
    if column in ("request_data", "response_data"):
        _reads_everywhere(client, rows, {column: value, "attempts": []})
    else:
        _reads_everywhere(client, rows, {"attempts": [{column: value}]})


@pytest.mark.parametrize(
    "images",
    [
        "5",
        '"x"',
        "{}",
        "[]",
        "[5]",
        "[null]",
        "[[]]",
        "[{}]",
        '[{"index": "x", "width": "y", "url": 5}]',
        '[{"url": {}}]',
        "null",
    ],
)
def test_images_of_any_shape_can_be_read(client: TestClient, rows: Rows, images: str) -> None:
    _reads_everywhere(client, rows, {"attempts": [{"images": RawJson(images)}]})


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "10000-01-01", "0044-03-15 BC", "0001-01-01"])
@pytest.mark.parametrize("column", ["created_at", "completed_at", "updated_at"])
def test_a_time_that_nobody_could_read_is_not_stored(rows: Rows, column: str, moment: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        rows.add(attempts=[], **{column: moment})


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
@pytest.mark.parametrize("moment", [EARLIEST, LATEST])
def test_the_ends_of_time_can_be_read_in_any_zone(
    client: TestClient, rows: Rows, database: str, zone: str, moment: datetime
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET timezone = {}").format(
                sql.Identifier(connection.info.dbname), zone
            )
        )
    at = moment.replace(tzinfo=UTC)

    _reads_everywhere(client, rows, {"created_at": at, "completed_at": at, "attempts": []})


def test_a_trace_of_many_attempts_can_be_read(client: TestClient, rows: Rows) -> None:
    _reads_everywhere(client, rows, {"attempts": [{"number": number} for number in range(500)]})


def test_numbers_come_out_as_they_were_stored(client: TestClient, rows: Rows) -> None:
    number = "12345678901234567890.12345678901234567890"
    id_ = rows.add(request_data=RawJson(f'{{"seed": {number}}}'))

    for path in (f"{API}/{id_}", f"{API}/export?format=jsonl", f"{API}/export?format=csv"):
        assert number in client.get(path).text
