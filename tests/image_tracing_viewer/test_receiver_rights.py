"""Who may send spans, and what senders may do beside."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import client_of
from tests.image_tracing_viewer.receiving import JSON, PATH

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

API = "/api/traceImage"
TOKEN = "reads-and-deletes-0123456789"
INGEST_TOKEN = "sends-0123456789-ä"
OTHER_ROUTES = [
    ("GET", API),
    ("GET", f"{API}/export"),
    ("GET", f"{API}/events"),
    ("GET", f"{API}/123e4567-e89b-12d3-a456-426614174000"),
    ("DELETE", f"{API}?deleteAll=true"),
    ("GET", "/traceImage"),
    ("GET", "/openapi.json"),
    ("GET", "/"),
    ("POST", "/v1/traces/"),
    ("POST", "/v1/metrics"),
]


@pytest.fixture(autouse=True)
def _data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_DATA_DIR", str(tmp_path))


def viewer(store: Store, token: str, ingest_token: str) -> TestClient:
    return client_of(create_app(store, token=token, ingest_token=ingest_token))


def status_of_sending(client: TestClient, held: str | None = None, **headers: str) -> int:
    """The status of an empty request that holds a token."""
    given = [(name.encode(), value.encode()) for name, value in {**JSON, **headers}.items()]
    if held is not None:
        given.append((b"Authorization", f"Bearer {held}".encode()))
    return client.post(PATH, content=b"{}", headers=given).status_code


@pytest.mark.parametrize(
    ("token", "ingest_token", "held", "status"),
    [
        ("", "", None, 200),
        ("", "", "anything", 200),
        (TOKEN, "", None, 401),
        (TOKEN, "", TOKEN, 200),
        (TOKEN, "", INGEST_TOKEN, 401),
        (TOKEN, INGEST_TOKEN, None, 401),
        (TOKEN, INGEST_TOKEN, TOKEN, 401),
        (TOKEN, INGEST_TOKEN, INGEST_TOKEN, 200),
        ("", INGEST_TOKEN, None, 401),
        ("", INGEST_TOKEN, "", 401),
        ("", INGEST_TOKEN, INGEST_TOKEN + "x", 401),
        ("", INGEST_TOKEN, INGEST_TOKEN, 200),
    ],
)
def test_sending_takes_the_ingest_token_else_the_viewers(
    store: Store, token: str, ingest_token: str, held: str | None, status: int
) -> None:
    assert status_of_sending(viewer(store, token, ingest_token), held) == status


@pytest.mark.parametrize(("method", "path"), OTHER_ROUTES)
def test_the_ingest_token_allows_nothing_else(store: Store, method: str, path: str) -> None:
    client = viewer(store, TOKEN, INGEST_TOKEN)

    response = client.request(
        method, path, headers=[(b"Authorization", f"Bearer {INGEST_TOKEN}".encode()), (b"Accept", b"*/*")]
    )

    assert response.status_code == 401


def test_the_ingest_token_is_no_login_and_no_cookie(store: Store) -> None:
    client = viewer(store, TOKEN, INGEST_TOKEN)
    browser = {"Sec-Fetch-Site": "same-origin"}

    assert client.post("/login", data={"token": INGEST_TOKEN}, headers=browser).status_code == 401
    assert client.post("/login", data={"token": TOKEN}, headers=browser).status_code == 303
    assert status_of_sending(client) == 401


def test_reading_needs_no_token_because_sending_does(store: Store) -> None:
    client = viewer(store, "", INGEST_TOKEN)

    assert client.get(API).status_code == 200
    assert client.delete(f"{API}?deleteAll=true").status_code == 200


def test_the_tokens_of_the_settings_hold_unless_others_are_given(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_INGEST_TOKEN", INGEST_TOKEN)

    assert status_of_sending(client_of(create_app(store)), INGEST_TOKEN) == 200
    assert status_of_sending(client_of(create_app(store))) == 401
    assert status_of_sending(client_of(create_app(store, ingest_token=""))) == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 200),
        ({"Host": "evil.example"}, 421),
    ],
)
@pytest.mark.parametrize("ingest_token", ["", INGEST_TOKEN])
def test_the_page_of_another_site_cannot_send(
    store: Store, headers: dict[str, str], status: int, ingest_token: str
) -> None:
    assert status_of_sending(viewer(store, "", ingest_token), ingest_token, **headers) == status


@pytest.mark.parametrize(
    ("token", "ingest_token", "held", "status"),
    [
        ("", "", None, 403),
        (TOKEN, "", TOKEN, 200),
        ("", INGEST_TOKEN, INGEST_TOKEN, 200),
        ("", INGEST_TOKEN, "wrong", 401),
    ],
)
def test_a_program_on_another_machine_needs_a_token_to_send(
    store: Store, token: str, ingest_token: str, held: str | None, status: int
) -> None:
    app = create_app(store, token=token, ingest_token=ingest_token, host="10.0.0.1")

    with TestClient(app, base_url="http://10.0.0.1", client=("10.0.0.9", 1)) as client:
        assert status_of_sending(client, held) == status
