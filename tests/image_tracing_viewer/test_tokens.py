import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import client_of

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

API = "/api/traceImage"
TOKEN = "päss-wörd-0123456789"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSER = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def guarded(store: Store) -> TestClient:
    """A client of a viewer that has a token."""
    return client_of(create_app(store, token=TOKEN))


@pytest.mark.parametrize("path", [API, f"{API}/export", f"{API}/events", "/openapi.json", "/traceImage", "/"])
def test_without_the_token_nothing_is_told(guarded: TestClient, path: str) -> None:
    response = guarded.get(path, headers={"Accept": "*/*"})

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer <token>" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
    ],
)
def test_a_wrong_token_is_refused(guarded: TestClient, value: str) -> None:
    assert guarded.get(API, headers=_authorization(value)).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_program_sends_the_token_in_a_header(guarded: TestClient, scheme: str) -> None:
    assert guarded.get(API, headers=_authorization(f"{scheme} {TOKEN}")).status_code == 200
    deleted = guarded.delete(f"{API}?deleteAll=true", headers=_authorization(f"{scheme} {TOKEN}"))
    assert deleted.json() == {"success": True, "deleted": 0}


def _authorization(value: str) -> list[tuple[bytes, bytes]]:
    return [(b"Authorization", value.encode())]


def test_two_authorization_headers_are_refused(guarded: TestClient) -> None:
    headers = _authorization(f"Bearer {TOKEN}") + _authorization("Bearer x")

    assert guarded.get(API, headers=headers).status_code == 401


def test_liveness_and_the_looks_of_the_login_need_no_token(guarded: TestClient) -> None:
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/login").status_code == 200
    assert guarded.get("/static/x/y").status_code == 404


def test_a_person_is_led_to_the_login_and_on_to_the_page(guarded: TestClient) -> None:
    led = guarded.get("/traceImage?status=failed", headers=BROWSER)
    assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2FtraceImage%3Fstatus%3Dfailed")
    assert "token" in guarded.get(led.headers["location"], headers=BROWSER).text

    done = guarded.post("/login", data={"token": TOKEN, "next": "/traceImage?status=failed"}, headers=BROWSER)

    assert (done.status_code, done.headers["location"]) == (303, "/traceImage?status=failed")
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/traceImage?status=failed", headers=BROWSER).status_code == 200
    assert guarded.delete(f"{API}?deleteAll=true", headers=BROWSER).status_code == 200


def test_a_wrong_token_at_the_login_gives_no_cookie(guarded: TestClient) -> None:
    response = guarded.post("/login", data={"token": "wrong", "next": "/"}, headers=BROWSER)

    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_a_link_with_the_token_logs_in_and_leads_to_the_clean_address(guarded: TestClient) -> None:
    response = guarded.get("/traceImage", params={"status": "failed", "token": TOKEN}, headers=BROWSER)

    assert (response.status_code, response.headers["location"]) == (303, "/traceImage?status=failed")
    assert guarded.get("/traceImage", headers=BROWSER).status_code == 200
    again = guarded.get("/traceImage", params={"token": TOKEN}, headers=BROWSER)
    assert (again.status_code, again.headers["location"]) == (303, "/traceImage")


@pytest.mark.parametrize("query", ["token=wrong", "token=", f"token={TOKEN}&token={TOKEN}", "token"])
def test_a_link_with_a_wrong_token_is_refused(guarded: TestClient, query: str) -> None:
    response = guarded.get(f"/traceImage?{query}", headers=BROWSER)

    assert response.status_code == 401
    assert "set-cookie" not in response.headers


def test_the_token_in_an_address_of_the_api_does_not_count(guarded: TestClient) -> None:
    assert guarded.get(API, params={"token": TOKEN}).status_code == 401


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", "", "/a\\b"],
)
def test_a_login_leads_only_into_the_viewer(guarded: TestClient, address: str) -> None:
    response = guarded.post("/login", data={"token": TOKEN, "next": address}, headers=BROWSER)

    assert (response.status_code, response.headers["location"]) == (303, "/traceImage")


def test_a_link_with_the_token_never_leads_to_another_host(guarded: TestClient) -> None:
    response = guarded.get(f"http://127.0.0.1:3000//evil.example?token={TOKEN}", headers=BROWSER)

    assert (response.status_code, response.headers["location"]) == (303, "/evil.example")


def test_another_site_cannot_log_a_browser_in(guarded: TestClient) -> None:
    response = guarded.post("/login", data={"token": TOKEN}, headers={"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 403


def test_the_login_takes_a_form_only(guarded: TestClient) -> None:
    assert guarded.post("/login", json={"token": TOKEN}).status_code == 415
    assert guarded.post("/login", content=b"token=%ff", headers=FORM).status_code == 400
    assert guarded.post("/login", content=b"\xff", headers=FORM).status_code == 400
    assert guarded.post("/login", content=b"&".join([b"a=1"] * 50), headers=FORM).status_code == 400
    assert guarded.put("/login").status_code == 405


def test_a_cookie_for_another_token_is_refused(store: Store, guarded: TestClient) -> None:
    other = client_of(create_app(store, token="another"))
    other.post("/login", data={"token": "another"}, headers=BROWSER)
    guarded.cookies.update(other.cookies)

    assert guarded.get(API).status_code == 401


def test_the_cookie_is_secure_over_https(store: Store) -> None:
    with TestClient(
        create_app(store, token=TOKEN), base_url="https://localhost", follow_redirects=False
    ) as client:
        response = client.post("/login", data={"token": TOKEN}, headers=BROWSER)

    assert "Secure" in response.headers["set-cookie"]


def test_without_a_token_there_is_no_login(client: TestClient) -> None:
    assert client.get("/login").status_code == 404


def test_the_token_of_the_settings_holds_unless_another_is_given(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_TOKEN", "of-the-settings")

    assert client_of(create_app(store)).get(API).status_code == 401
    assert client_of(create_app(store, token="")).get(API).status_code == 200
