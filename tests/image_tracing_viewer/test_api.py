from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_postgres.store import Store

API = "/api/traceImage"
DAY = datetime(2025, 10, 26, tzinfo=UTC)


def test_a_list_without_rows_is_empty(client: TestClient) -> None:
    response = client.get(API)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {"traces": [], "next_cursor": None}


def test_one_trace_has_every_field(client: TestClient, rows: Rows) -> None:
    id_ = rows.add(
        lesson_id="lesson-123",
        model_used="flux",
        models_tried=["flux"],
        created_at=DAY,
        completed_at=DAY + timedelta(seconds=3),
        service_name="lessons",
        request_data={"numberOfImages": 1},
        otel_trace_id="a" * 32,
        otel_span_id="b" * 16,
        attempts=[{"span_id": "c" * 16, "provider": "fal", "size_bytes": 7, "options": {"steps": 4}}],
    )

    assert client.get(f"{API}/{id_}").json() == {
        "id": str(id_),
        "lesson_id": "lesson-123",
        "status": "completed",
        "model_used": "flux",
        "models_tried": ["flux"],
        "total_duration_ms": 3000,
        "request_data": {"numberOfImages": 1},
        "response_data": None,
        "error_message": None,
        "error_class": None,
        "created_at": "2025-10-26T00:00:00Z",
        "completed_at": "2025-10-26T00:00:03Z",
        "name": "illustrate",
        "service_name": "lessons",
        "otel_trace_id": "a" * 32,
        "otel_span_id": "b" * 16,
        "is_stalled": False,
        "image_generation_attempts": [
            {
                "model": "flux",
                "provider": "fal",
                "prompt": "a red fox",
                "request": {"prompt": "a red fox", "model": "flux", "options": {"steps": 4}},
                "response": {"success": True, "dataSize": 7, "error": None},
                "duration_ms": 3000,
                "success": True,
                "error": None,
                "error_class": None,
                "outcome": "ok",
                "timestamp": "2025-10-26T00:00:00Z",
                "number": 1,
                "otel_span_id": "c" * 16,
                "images": [],
            }
        ],
    }


def test_the_list_and_the_single_trace_agree(client: TestClient, rows: Rows) -> None:
    id_ = rows.add()

    [listed] = client.get(API).json()["traces"]

    assert listed == client.get(f"{API}/{id_}").json()


def test_pages_lead_from_the_newest_to_the_oldest(client: TestClient, rows: Rows) -> None:
    ids = [str(rows.add(created_at=DAY - timedelta(hours=hours))) for hours in range(5)]

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(API, params={"limit": 2, "cursor": cursor}).json()
        seen += [trace["id"] for trace in page["traces"]]
        cursor = page["next_cursor"]

    assert seen == ids
    assert [trace["id"] for trace in client.get(f"{API}?limit=2&offset=3").json()["traces"]] == ids[3:]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=failed", ["new"]),
        ("lesson_id=l-1", ["old"]),
        ("from=2025-10-26", ["new"]),
        ("to=2025-10-26", ["old"]),
        ("from=2025-10-25&to=2025-10-25T01:00:00%2B00:00", ["old"]),
        ("service=lessons", []),
        ("", ["new", "old"]),
    ],
)
def test_filters_narrow_the_list(client: TestClient, rows: Rows, query: str, found: list[str]) -> None:
    rows.add(name="new", created_at=DAY, status="failed", root_state="failed")
    rows.add(name="old", created_at=DAY - timedelta(days=1), lesson_id="l-1")

    assert [trace["name"] for trace in client.get(f"{API}?{query}").json()["traces"]] == found


def test_the_id_filter_finds_one(client: TestClient, rows: Rows) -> None:
    rows.add()
    id_ = rows.add()

    assert [trace["id"] for trace in client.get(f"{API}?id={id_}").json()["traces"]] == [str(id_)]


@pytest.mark.parametrize(
    "id_",
    ["123e4567-e89b-12d3-a456-426614174000", "nothing", "5", "%00", "a b", "x" * 5_000],
)
def test_an_id_that_is_none_is_not_found(client: TestClient, id_: str) -> None:
    response = client.get(f"{API}/{id_}", headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_single_trace_takes_no_parameters(client: TestClient, rows: Rows) -> None:
    response = client.get(f"{API}/{rows.add()}?fields=id")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_parameter"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "status=done",
        "from=0000-01-01",
        "cursor=%00",
        "cursor=zzz",
        "modle=x",
        "cursor=a&offset=1",
    ],
)
def test_a_bad_parameter_is_told(client: TestClient, query: str) -> None:
    response = client.get(f"{API}?{query}")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_parameter"
    assert query.partition("=")[0] in response.json()["error"]["message"]


def test_deleting_one_leaves_the_others(client: TestClient, rows: Rows, store: Store) -> None:
    gone, kept = rows.add(), rows.add()

    assert client.delete(API, params={"id": str(gone)}).json() == {"success": True, "deleted": 1}

    assert [trace.id for trace in store.list()] == [kept]
    again = client.delete(API, params={"id": str(gone)})
    assert again.status_code == 404
    assert str(gone) in again.json()["error"]["message"]


def test_deleting_all_leaves_none(client: TestClient, rows: Rows, store: Store) -> None:
    rows.add()
    rows.add()

    assert client.delete(f"{API}?deleteAll=true").json() == {"success": True, "deleted": 2}
    assert store.list() == []
    assert client.delete(f"{API}?deleteAll=true").json() == {"success": True, "deleted": 0}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "deleteAll",
        "deleteAll=",
        "deleteAll=1",
        "deleteAll=True",
        "deleteAll=TRUE",
        "deleteAll=yes",
        "deleteAll=false",
        "deleteAll=true%20",
        "deleteAll=%74rue%00",
        "deleteall=true",
        "delete_all=true",
        "deleteAll=true&deleteAll=true",
        "deleteAll=true&deleteAll=false",
        "deleteAll=true&id={id}",
        "deleteAll=true&id=",
        "deleteAll=false&id={id}",
        "deleteAll[]=true",
        "id",
        "id=",
        "id=*",
        "id=%25",
        "id={id}&id={id}",
        "id={id},{id}",
        "id={{{id}}}",
        "id=urn:uuid:{id}",
        "id=%20{id}",
        "status=failed",
        "id={id}&status=failed",
        "deleteAll=true&status=failed",
        "deleteAll=true&limit=1",
    ],
)
def test_a_doubtful_deletion_is_refused(client: TestClient, rows: Rows, store: Store, query: str) -> None:
    id_ = rows.add()

    response = client.delete(f"{API}?{query.format(id=id_)}")

    assert response.status_code == 400
    assert "give either id=<uuid> or deleteAll=true" in response.json()["error"]["message"]
    assert len(store.list()) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "TRACE", "NONSENSE"])
def test_a_method_that_is_not_accepted_is_told_with_those_that_are(client: TestClient, method: str) -> None:
    response = client.request(method, API)

    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) >= {"GET", "DELETE"}
    assert response.json()["error"]["message"].startswith(
        f"method {method} is not accepted here; accepted: GET, "
    )


def test_the_root_leads_to_the_list(client: TestClient) -> None:
    response = client.get("/")

    assert response.headers["location"] == "/traceImage"
    assert client.get("/traceImage").status_code == 200


def test_liveness_does_not_ask_the_database(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
