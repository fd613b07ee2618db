"""The API over the alerts."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.alerts.conftest import Hook
from tests.image_tracing_viewer.conftest import serving

from image_tracing_postgres.alerting import Alerts
from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

API = "/api/traceImage/alerts"
RULE = {"name": "Flux is down", "kind": "failure_rate", "share": 0.2, "filters": {"model": "flux"}}


def test_the_presets_are_told_without_any_channel(client: TestClient) -> None:
    found = client.get(API).json()

    assert [rule["id"] for rule in found["rules"]] == [preset.id for preset in PRESETS]
    assert {rule["status"] for rule in found["rules"]} == {"no_data"}
    assert (found["channels"], found["history"], found["next_before"]) == ([], [], None)


def test_what_fires_is_told_with_its_traces(
    client: TestClient, alerts: Alerts, outage: Callable[[], None]
) -> None:
    outage()
    alerts.evaluate()

    found = client.get(API).json()

    [entry] = found["history"]
    assert (entry["rule"], entry["subject"], entry["status"]) == ("model-outage", "flux", "firing")
    traces = client.get(entry["traces"].replace("/traceImage", "/api/traceImage")).json()["traces"]
    assert {trace["id"] for trace in traces} == set(entry["trace_ids"])
    [rule] = [rule for rule in found["rules"] if rule["id"] == "model-outage"]
    assert [(state["subject"], state["status"]) for state in rule["states"]] == [
        ("flux", "firing"),
        ("sdxl", "ok"),
    ]


def test_the_history_comes_in_pages(client: TestClient, alerts: Alerts, outage: Callable[[], None]) -> None:
    client.post(API, json=RULE | {"minimum_count": 5})
    outage()
    alerts.evaluate()

    first = client.get(API, params={"limit": 1}).json()
    second = client.get(API, params={"limit": 1, "before": first["next_before"]}).json()

    assert first["history"][0]["id"] != second["history"][0]["id"]
    assert second["next_before"] is None


def test_a_rule_is_added_changed_and_deleted(client: TestClient) -> None:
    added = client.post(API, json=RULE)
    changed = client.put(API, params={"id": "flux-is-down"}, json={"share": 0.3})
    deleted = client.delete(API, params={"id": "flux-is-down"})

    assert (added.status_code, added.json()["id"]) == (201, "flux-is-down")
    assert (changed.json()["share"], changed.json()["filters"]) == (0.3, {"model": "flux"})
    assert deleted.json() == {"success": True}
    assert len(client.get(API).json()["rules"]) == len(PRESETS)


def test_a_rule_is_snoozed_and_woken(client: TestClient) -> None:
    snoozed = client.post(f"{API}/snooze", json={"rule": "fallbacks", "minutes": 60}).json()
    woken = client.post(f"{API}/snooze", json={"rule": "fallbacks", "minutes": 0}).json()

    assert (snoozed["status"], woken["status"]) == ("snoozed", "no_data")
    assert snoozed["snoozed_until"] is not None


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", API, {"kind": "mood"}, 400, "invalid_rule"),
        ("POST", API, [], 400, "invalid_body"),
        ("POST", API, RULE | {"id": "fallbacks"}, 409, "conflict"),
        ("POST", API, RULE | {"id": "new"}, 400, "invalid_rule"),
        ("POST", API, RULE | {"minimum_count": 10**400}, 400, "invalid_rule"),
        ("POST", API, RULE | {"filters": {"model": "\ud800"}}, 400, "invalid_rule"),
        ("POST", f"{API}?a=1", RULE, 400, "invalid_parameter"),
        ("PUT", API, {}, 400, "invalid_parameter"),
        ("PUT", f"{API}?id=nothing", {}, 404, "not_found"),
        ("PUT", f"{API}?id=fallbacks", {"share": 2}, 400, "invalid_rule"),
        ("PUT", f"{API}?id=fallbacks", {"share": 10**400}, 400, "invalid_rule"),
        ("DELETE", API, None, 400, "invalid_parameter"),
        ("DELETE", f"{API}?id=nothing", None, 404, "not_found"),
        ("DELETE", f"{API}?id=fallbacks", None, 409, "conflict"),
        ("GET", f"{API}?limit=0", None, 400, "invalid_parameter"),
        ("GET", f"{API}?limit=501", None, 400, "invalid_parameter"),
        ("GET", f"{API}?before=x", None, 400, "invalid_parameter"),
        ("GET", f"{API}?model=x", None, 400, "invalid_parameter"),
        ("POST", f"{API}/snooze", {"rule": "fallbacks"}, 400, "invalid_body"),
        ("POST", f"{API}/snooze", {"rule": "nothing", "minutes": 1}, 404, "not_found"),
        ("POST", f"{API}/snooze", {"rule": "fallbacks", "minutes": 525_601}, 400, "invalid_body"),
        ("POST", f"{API}/snooze", {"rule": "a\0b", "minutes": 1}, 400, "invalid_body"),
        ("POST", f"{API}/snooze", {"rule": "a", "subject": "\ud800", "minutes": 1}, 400, "invalid_body"),
        ("POST", f"{API}/test", {"channel": 1}, 400, "invalid_parameter"),
        ("POST", f"{API}/test", {}, 404, "not_found"),
        ("PATCH", API, None, 405, "method_not_allowed"),
    ],
)
def test_bad_input_is_named(
    client: TestClient, method: str, path: str, body: Any, status: int, code: str
) -> None:
    # As ASCII: a client would send no lone surrogate otherwise.
    content = None if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    answer = client.request(method, path, content=content, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_channel_that_keeps_silent_keeps_no_page_waiting(
    store: Store, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_ALERT_URLS", hook.url)
    hook.gate.clear()
    with serving(create_app(store, token="")) as address, ThreadPoolExecutor(45) as pool:
        test = lambda: httpx.post(f"{address}{API}/test", json={}, timeout=90).status_code  # noqa: E731
        tests = [pool.submit(test) for _ in range(45)]
        refused = [each.result() for _, each in zip(range(44), as_completed(tests, 60), strict=False)]
        page = httpx.get(f"{address}/traceImage", timeout=20)
        hook.gate.set()

    assert page.status_code == 200
    assert sorted([each.result() for each in tests]) == [200, *refused] == [200] + 44 * [409]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", API),
        ("PUT", f"{API}?id=fallbacks"),
        ("DELETE", f"{API}?id=fallbacks"),
        ("POST", f"{API}/snooze"),
        ("POST", f"{API}/test"),
    ],
)
def test_another_site_changes_nothing(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path, json={}, headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cross_site_request")


@pytest.mark.parametrize("path", [API, f"{API}/snooze", f"{API}/test"])
def test_a_body_that_is_no_json_is_refused(client: TestClient, path: str) -> None:
    headers = {"Content-Type": "application/json"}

    assert client.post(path, content=b"{}").status_code == 415
    assert client.post(path, content=b"{", headers=headers).status_code == 400
    assert client.post(path, content=b"[" * 60_000, headers=headers).status_code == 400
