"""Evaluator and courier over a real database and a real web hook."""

import base64
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.image_tracing_viewer.alerts.conftest import Hook, NewService
from tests.image_tracing_viewer.conftest import BASE_URL

from image_tracing_postgres.alerting import Alerts, HistoryEntry, Rule
from image_tracing_postgres.alerting.evidence import Evidence
from image_tracing_postgres.alerting.presets import PRESETS
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app
from image_tracing_viewer.alerts.channels import Channel
from image_tracing_viewer.alerts.drawing import Drawing
from image_tracing_viewer.alerts.service import AlertService
from image_tracing_viewer.links import links_in


def waited_for(is_so: Callable[[], Any]) -> None:
    """Returns once it is so."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def entry_of(rule: Rule) -> HistoryEntry:
    """A firing of this moment, for the model of the outage where the rule looks at each."""
    return HistoryEntry(
        id=uuid.uuid4(),
        rule_id=rule.id,
        subject="flux" if rule.each_model else "",
        status="firing",
        before="ok",
        at=datetime.now(UTC),
        is_told=True,
        value=1,
        count=6,
        title="",
        body="",
        query="",
        evidence=Evidence(),
        messages=0,
        sent=0,
    )


def test_an_outage_reaches_the_channel(
    new_service: NewService, hook: Hook, outage: Callable[[], None], alerts: Alerts
) -> None:
    outage()
    new_service(hook.url).start()

    [message] = hook.wait(1)
    assert message["title"] == "Firing: A model fails again and again: flux"
    assert message["message"].startswith("6 failures in a row, of 6 attempts; the rule: 5 failures")
    assert "https://viewer.example/p/traceImage?model=flux&error_class=timeout&from=" in message["message"]
    assert (message["rule"], message["subject"], message["status"]) == ("model-outage", "flux", "firing")
    waited_for(lambda: [entry.sent for entry in alerts.history()] == [1])


def test_several_viewers_send_once(
    new_service: NewService, hook: Hook, outage: Callable[[], None], alerts: Alerts
) -> None:
    outage()
    for _ in range(3):
        new_service(hook.url).start()

    hook.wait(1)
    waited_for(lambda: [entry.sent for entry in alerts.history()] == [1])
    before = alerts.overview().evaluation
    waited_for(lambda: alerts.overview().evaluation != before)

    assert len(hook.messages) == 1


def test_a_dead_channel_blocks_no_other(
    new_service: NewService, hook: Hook, outage: Callable[[], None], alerts: Alerts
) -> None:
    outage()
    new_service("json://127.0.0.1:9/", hook.url).start()

    hook.wait(1)
    waited_for(lambda: any(channel.problem for channel in alerts.overview().channels))
    problems = sorted((channel.problem or "", channel.waiting) for channel in alerts.overview().channels)

    assert problems == [("", 0), ("no connection to it, or no answer in time", 1)]


def test_a_channel_that_keeps_silent_blocks_no_evaluation(
    new_service: NewService, hook: Hook, outage: Callable[[], None], alerts: Alerts
) -> None:
    hook.gate.clear()
    outage()
    new_service(hook.url).start()
    waited_for(lambda: alerts.history())
    first = alerts.overview().evaluation
    waited_for(lambda: alerts.overview().evaluation != first)

    hook.gate.set()
    waited_for(lambda: [entry.sent for entry in alerts.history()] == [1])


def test_what_may_have_arrived_comes_again_marked_and_without_its_picture(
    new_service: NewService, hook: Hook, outage: Callable[[], None], alerts: Alerts
) -> None:
    hook.gate.clear()
    outage()
    new_service(f"{hook.url}?rto=2", draw=lambda *_: ("chart.png", b"\x89PNG")).start()
    waited_for(lambda: any(channel.problem for channel in alerts.overview().channels))
    hook.gate.set()

    first, again = hook.wait(2)

    assert ["may have got this already" in each["message"] for each in (first, again)] == [False, True]
    assert [bool(each["attachments"]) for each in (first, again)] == [True, False]


def test_ctrl_c_lets_a_message_be_sent(
    database: str, hook: Hook, outage: Callable[[], None], alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_ALERT_URLS", hook.url)
    monkeypatch.setenv("IMAGE_TRACING_ALERT_INTERVAL", "1")
    hook.gate.clear()
    outage()
    command = [sys.executable, "-m", "image_tracing_viewer", "serve", "--port", "0"]
    with subprocess.Popen([*command, "--database-url", database], start_new_session=True) as viewer:
        assert hook.reached.wait(60)
        os.killpg(viewer.pid, signal.SIGINT)
        hook.gate.set()

    assert [entry.sent for entry in alerts.history()] == [1]


def test_an_error_that_nobody_thought_of_is_told_and_sending_goes_on(
    new_service: NewService, hook: Hook, outage: Callable[[], None], alerts: Alerts, database: str
) -> None:
    alerts.outbox.see({Channel(hook.url).id: "JSON"})
    outage()
    alerts.evaluate()
    change = "UPDATE image_alert_transitions SET evidence = replace(evidence::text, %s, %s)::jsonb"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(change, ["traces", "tracks"])
        service = new_service(hook.url)
        service.start()
        waited_for(lambda: "unexpected KeyError" in service.problems.get("sending", ""))
        connection.execute(change, ["tracks", "traces"])

    hook.wait(1)
    waited_for(lambda: service.problems == {})


def test_an_error_that_nobody_thought_of_keeps_no_message(
    new_service: NewService, hook: Hook, outage: Callable[[], None], alerts: Alerts
) -> None:
    def draw(*_: object) -> Any:
        return "no", "bytes"

    outage()
    new_service(hook.url, draw=draw).start()
    waited_for(lambda: "unexpected TypeError" in [each.problem for each in alerts.overview().channels])

    [message] = hook.wait(1)
    assert message["attachments"] == []


def test_what_is_drawn_goes_along(new_service: NewService, hook: Hook, outage: Callable[[], None]) -> None:
    def draw(entry: HistoryEntry, rule: Rule) -> tuple[str, bytes]:
        return f"{rule.id}.png", b"\x89PNG"

    outage()
    new_service(hook.url, draw=draw).start()

    [message] = hook.wait(1)
    assert message["attachments"][0]["filename"] == "model-outage.png"


def test_a_chart_that_cannot_be_drawn_costs_no_text(
    new_service: NewService, hook: Hook, outage: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    def draw(entry: HistoryEntry, rule: Rule) -> None:
        raise ZeroDivisionError

    outage()
    new_service(hook.url, draw=draw).start()

    hook.wait(1)
    assert "could not be drawn" in caplog.text


def test_the_viewer_draws_what_led_to_an_alert(
    store: Store, hook: Hook, outage: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_ALERT_URLS", hook.url)
    monkeypatch.setenv("IMAGE_TRACING_ALERT_INTERVAL", "1")
    outage()
    with TestClient(create_app(store, token="", ingest_token="")):
        [message] = hook.wait(1)

    [chart] = message["attachments"]
    assert chart["filename"] == "success-rate.png"
    assert base64.b64decode(chart["base64"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("rule", PRESETS, ids=lambda rule: rule.kind)
def test_each_kind_of_rule_has_a_chart(store: Store, rule: Rule, outage: Callable[[], None]) -> None:
    outage()
    draw = Drawing(store, links_in(create_app(store, token="", ingest_token="")))

    name, picture = draw(entry_of(rule), rule) or ("", b"")

    assert name.endswith(".png")
    assert picture.startswith(b"\x89PNG")


def test_a_mounted_viewer_without_its_lifespan_says_so(store: Store) -> None:
    viewer = create_app(store, token="", ingest_token="")
    with TestClient(Starlette(routes=[Mount("/p", viewer)]), base_url=BASE_URL) as client:
        text = client.get("/p/traceImage/alerts").text

    assert "mounted in an app that does not run its lifespan" in text


def test_a_mounted_viewer_alerts_with_its_lifespan(store: Store) -> None:
    viewer = create_app(store, token="", ingest_token="")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with viewer.router.lifespan_context(viewer):
            yield

    app = Starlette(routes=[Mount("/p", viewer)], lifespan=lifespan)
    with TestClient(app, base_url=BASE_URL) as client:
        waited_for(lambda: client.get("/p/api/traceImage/alerts").json()["evaluated_at"])


def test_a_viewer_that_only_reads_says_so_and_logs_nothing(
    database: str, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    only_reads = make_conninfo(database, options="-c default_transaction_read_only=on")
    service = AlertService(Alerts(only_reads, interval_seconds=1), urls=[hook.url])
    service.start()

    waited_for(lambda: "this viewer may only read" in service.problems.get("evaluation", ""))
    service.close()

    assert caplog.messages == []


def test_rules_that_nobody_looks_at_are_told(new_service: NewService, alerts: Alerts) -> None:
    alerts.evaluate(datetime.now(UTC) - timedelta(minutes=7))

    problems = new_service().problems_with(alerts.overview())

    assert "no viewer has looked at the rules for 7 min" in problems[-1]


def test_without_a_channel_all_is_written_down(
    new_service: NewService, outage: Callable[[], None], alerts: Alerts
) -> None:
    outage()
    new_service().start()

    waited_for(lambda: alerts.history())
    assert [(entry.status, entry.is_told, entry.messages) for entry in alerts.history()] == [
        ("firing", True, 0)
    ]


def test_a_file_of_rules_is_taken_in_when_it_changes(
    new_service: NewService, tmp_path: Path, alerts: Alerts
) -> None:
    path = tmp_path / "alerts.toml"
    service = new_service(rule_file=path)
    service.start()
    waited_for(lambda: "cannot be read" in service.problems.get("file", ""))

    path.write_text("[[rule]]\nid = 'fallbacks'\nshare = 0.9\n")
    waited_for(lambda: alerts.rule("fallbacks").share == 0.9)

    assert service.problems == {}


def test_a_database_that_is_away_is_told_and_asked_again() -> None:
    service = AlertService(Alerts("host=127.0.0.1 port=9 dbname=nowhere", interval_seconds=1))
    service.start()

    waited_for(lambda: "gave none (connection refused)" in service.problems.get("evaluation", ""))
    service.close()


def test_a_service_can_be_started_again(
    new_service: NewService, hook: Hook, outage: Callable[[], None]
) -> None:
    service = new_service(hook.url)
    service.start()
    service.close()
    outage()
    service.start()

    hook.wait(1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes where Linux shows them")
def test_without_a_lifespan_a_test_leaves_no_process(new_service: NewService, hook: Hook) -> None:
    def children() -> str:
        return "".join(path.read_text() for path in Path("/proc/self/task").glob("*/children"))

    before = children()
    new_service(hook.url).test()

    assert children() == before


def test_the_test_button_reaches_each_channel(new_service: NewService, hook: Hook) -> None:
    service = new_service(hook.url, "json://127.0.0.1:9/")

    results = service.test()

    assert [result.problem for result in results] == [None, "no connection to it, or no answer in time"]
    assert hook.messages[0]["title"] == "Test: image-tracing reaches this channel"
    assert service.test("nothing") == []
