import logging
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import client_of

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

API = "/api/traceImage"
ID = "123e4567-e89b-12d3-a456-426614174000"


class Broken(Store):
    """A store with a programming error whose message is hostile."""

    def get_json(self, id: UUID | str) -> str | None:  # noqa: A002, ARG002
        raise RuntimeError("SELECT secret\x1b[31m\nERROR forged line")

    def get(self, id: UUID | str) -> Any:  # noqa: A002, ARG002
        raise RuntimeError("SELECT secret\x1b[31m\nERROR forged line")


@pytest.fixture
def broken(database: str) -> TestClient:
    return client_of(create_app(Broken(database), token=""))


def test_an_unforeseen_error_is_told_by_an_id_that_the_log_knows(
    broken: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = broken.get(f"{API}/{ID}")

    assert response.status_code == 500
    error = response.json()["error"]
    assert error["code"] == "internal_error"
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    line = record.getMessage()
    assert error["message"].rpartition(" ")[2] in line
    assert r"RuntimeError: SELECT secret\x1b[31m\nERROR forged line" in line
    assert "\n" not in line
    assert "\x1b" not in line
    assert record.exc_info is None
    assert "SELECT" not in response.text
    assert "Traceback" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_person_sees_a_page_for_the_same_error(broken: TestClient) -> None:
    response = broken.get(f"/traceImage/{ID}", headers={"Accept": "text/html"})

    assert response.status_code == 500
    assert response.headers["content-type"].startswith("text/html")
    assert "SELECT" not in response.text


@pytest.mark.parametrize(
    "path", [API, f"{API}/{ID}", f"{API}/export?format=csv", "/traceImage", f"/traceImage/{ID}"]
)
def test_a_database_that_is_away_is_told_without_its_secrets(absent_store: Store, path: str) -> None:
    client = client_of(create_app(absent_store, token=""))

    response = client.get(path)

    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["error"]["code"] == "database_unavailable"
    assert "hunter2" not in response.text
    assert client.get("/healthz").status_code == 200


def test_a_deletion_without_a_database_is_no_success(absent_store: Store) -> None:
    client = client_of(create_app(absent_store, token=""))

    assert client.delete(f"{API}?deleteAll=true").status_code == 503


def test_missing_tables_are_told_with_what_makes_them(empty_database: str) -> None:
    with Store(empty_database) as store:
        response = client_of(create_app(store, token="")).get(API)

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "schema_missing"
    assert "image-tracing migrate" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "accept", "is_page"),
    [
        ("/nothing", "text/html", True),
        ("/nothing", "*/*", False),
        ("/nothing", "application/json", False),
        ("/api/nothing", "text/html", False),
        (f"/traceImage/{ID}", "text/html", True),
    ],
)
def test_people_see_a_page_and_programs_json(
    client: TestClient, path: str, accept: str, is_page: bool
) -> None:
    response = client.get(path, headers={"Accept": accept})

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html" if is_page else "application/json")


def test_what_was_asked_for_is_escaped_in_the_answer(client: TestClient) -> None:
    response = client.get("/<script>alert(1)</script>%0a%1b", headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert "<script>alert" not in response.text
    assert "\x1b" not in response.text
