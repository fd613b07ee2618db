import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import BASE_URL, Rows, client_of

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

API = "/api/traceImage"


@pytest.fixture(params=["/tracing", "/a/b/tracing"])
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mounted(store: Store, prefix: str) -> TestClient:
    """A client of another app, in which the viewer is mounted below the prefix."""
    outer, _, inner = prefix.rpartition("/")
    routes = [Mount(f"/{inner}", create_app(store, token=""))]
    return client_of(Starlette(routes=[Mount(outer, routes=routes)] if outer else routes))


def test_the_api_answers_below_the_prefix(mounted: TestClient, prefix: str, rows: Rows) -> None:
    id_ = rows.add()

    assert mounted.get(f"{prefix}{API}").json()["traces"][0]["id"] == str(id_)
    assert mounted.get(f"{prefix}{API}/{id_}").json()["id"] == str(id_)
    assert mounted.get(f"{prefix}/openapi.json").json()["servers"] == [{"url": prefix}]
    assert (
        mounted.get(f"{prefix}{API}/nothing", headers={"Accept": "text/html"}).json()["error"]["code"]
        == "not_found"
    )
    assert mounted.delete(f"{prefix}{API}?id={id_}").json() == {"success": True, "deleted": 1}


def test_links_and_redirects_stay_below_the_prefix(mounted: TestClient, prefix: str, rows: Rows) -> None:
    id_ = rows.add()

    assert mounted.get(f"{prefix}/").headers["location"] == f"{prefix}/traceImage"
    page = mounted.get(f"{prefix}/traceImage")
    assert page.status_code == 200
    assert f'"{prefix}/traceImage/{id_}"' in page.text
    assert '"/traceImage' not in page.text
    assert '"/static' not in page.text


def test_the_guard_holds_below_the_prefix(mounted: TestClient, prefix: str) -> None:
    assert mounted.get(f"{prefix}{API}", headers={"Host": "evil.example"}).status_code == 421
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert mounted.delete(f"{prefix}{API}?deleteAll=true", headers=headers).status_code == 403


def test_a_login_stays_below_the_prefix(store: Store, prefix: str) -> None:
    outer, _, inner = prefix.rpartition("/")
    routes = [Mount(f"/{inner}", create_app(store, token="secret"))]
    client = client_of(Starlette(routes=[Mount(outer, routes=routes)] if outer else routes))

    led = client.get(f"{prefix}/traceImage", headers={"Accept": "text/html"})
    assert led.headers["location"].startswith(f"{prefix}/login?next=")
    assert client.get(led.headers["location"]).status_code == 200
    done = client.post(f"{prefix}/login", data={"token": "secret", "next": "/elsewhere"})

    assert done.headers["location"] == f"{prefix}/traceImage"
    assert f"Path={prefix}" in done.headers["set-cookie"]
    assert client.get(f"{prefix}{API}").status_code == 200


def test_a_server_may_say_the_prefix(store: Store) -> None:
    app = create_app(store, token="")
    with TestClient(app, base_url=BASE_URL, root_path="/behind", follow_redirects=False) as client:
        assert client.get("/behind/").headers["location"] == "/behind/traceImage"
        assert client.get("/behind/openapi.json").json()["servers"] == [{"url": "/behind"}]
