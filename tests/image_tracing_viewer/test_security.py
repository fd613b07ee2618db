import socket

import anyio
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Message
from tests.image_tracing_viewer.conftest import BASE_URL, Rows, client_of

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

API = "/api/traceImage"
PATHS = [
    "/",
    "/healthz",
    "/openapi.json",
    API,
    f"{API}/export",
    f"{API}/nothing",
    "/traceImage",
    "/nothing",
    "/static/x/y",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
def test_every_answer_has_the_security_headers(client: TestClient, method: str, path: str) -> None:
    response = client.request(method, path)

    assert response.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert response.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in response.headers
    assert response.status_code < 500


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1:0", "127.0.0.1:x", "a b", ""]
)
def test_a_foreign_or_odd_host_is_misdirected(client: TestClient, host: str) -> None:
    response = client.get(API, headers={"Host": host})

    assert response.status_code == 421
    assert response.json()["error"]["code"] == "misdirected_request"
    assert "use 127.0.0.1 or localhost" in response.json()["error"]["message"]


async def _answer_to_hosts(app: Starlette, hosts: list[bytes]) -> int:
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/healthz",
        "raw_path": b"/healthz",
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(b"host", host) for host in hosts],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 3000),
    }
    await app(scope, receive, send)
    [status] = statuses
    return status


@pytest.mark.parametrize(
    "hosts", [[], [b"localhost", b"localhost"], [b"localhost", b"evil.example"], [b"\xff"]]
)
def test_a_missing_or_doubled_host_is_misdirected(app: Starlette, hosts: list[bytes]) -> None:
    assert anyio.run(_answer_to_hosts, app, [b"localhost"]) == 200
    assert anyio.run(_answer_to_hosts, app, hosts) == 421


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": BASE_URL}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": BASE_URL}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": BASE_URL}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Sec-Fetch-Site": "same-origin, cross-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "http://127.0.0.1:3001"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
    ],
)
def test_a_delete_comes_from_our_own_pages_or_from_a_program(
    client: TestClient, rows: Rows, headers: dict[str, str], status: int
) -> None:
    id_ = rows.add()

    response = client.delete(API, params={"id": str(id_)}, headers=headers)

    assert response.status_code == status
    assert (client.get(f"{API}/{id_}").status_code == 200) is (status == 403)


def test_a_program_on_another_machine_needs_the_token_to_delete(store: Store, rows: Rows) -> None:
    id_ = rows.add()
    app = create_app(store, token="", host="10.0.0.1")

    with TestClient(app, base_url="http://10.0.0.1", client=("10.0.0.9", 1)) as client:
        refused = client.delete(API, params={"id": str(id_)})

    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "cross_site_request"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [f"{API}?deleteAll=true", f"{API}?id=123e4567-e89b-12d3-a456-426614174000"])
def test_reading_changes_nothing(client: TestClient, rows: Rows, method: str, path: str) -> None:
    id_ = rows.add()

    client.request(method, path)

    assert client.get(f"{API}/{id_}").status_code == 200


def test_a_large_body_is_refused(client: TestClient) -> None:
    response = client.request("DELETE", API, content=b"x" * 65_537)

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "content_too_large"


def test_a_large_body_of_unknown_length_is_refused(store: Store) -> None:
    with client_of(create_app(store, token="secret")) as client:
        pieces = (b"x" * 1_000 for _ in range(100))
        response = client.post(
            "/login", content=pieces, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )

    assert response.status_code == 413


@pytest.mark.parametrize("query", [b"q=%ff", b"q=%C3", b"%ff=1", b"q=%ed%a0%80"])
def test_a_query_that_is_no_utf8_is_refused(client: TestClient, query: bytes) -> None:
    response = client.get(f"{API}?{query.decode()}")

    assert response.status_code == 400
    assert "must be UTF-8, percent-encoded" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/x/../../app.py",
        "/static/x/..%2fapp.py",
        "/static/x/%2e%2e%2fapp.py",
        "/static/x/%252e%252e%252fapp.py",
        "/static/x/..%5capp.py",
        "/static/x//etc/passwd",
        "/static/x/%2fetc%2fpasswd",
        "/static/x/app.css%00.py",
        "/static//x",
        "/static/",
    ],
)
def test_static_files_are_those_of_a_fixed_list(client: TestClient, path: str) -> None:
    response = client.get(path)

    assert response.status_code == 404
    assert "def " not in response.text


def test_the_server_opens_no_address_of_a_trace(client: TestClient, rows: Rows) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/picture.png"
        images = [{"index": 0, "mime_type": "image/png", "url": url}]
        id_ = rows.add(
            request_data={"image": url},
            response_data={"imageUrls": [url]},
            attempts=[{"images": images, "prompt": url, "options": {"image_url": url}}],
        )

        for path in (API, f"{API}/{id_}", f"{API}/export?format=csv", "/traceImage", f"/traceImage/{id_}"):
            assert url in client.get(path, headers={"Accept": "text/html"}).text or path == "/traceImage"

        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
