"""Evaluator and courier over a real database and a real web hook."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.image_tracing_viewer.alerts.conftest import Hook, NewService

from image_tracing_postgres.alerting import Alerts, HistoryEntry
from image_tracing_viewer.alerts.service import AlertService


def waited_for(is_so: Callable[[], Any]) -> None:
    """Returns once it is so."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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


def test_what_is_drawn_goes_along(new_service: NewService, hook: Hook, outage: Callable[[], None]) -> None:
    def draw(entry: HistoryEntry) -> tuple[str, bytes]:
        return f"{entry.rule_id}.png", b"\x89PNG"

    outage()
    new_service(hook.url, draw=draw).start()

    [message] = hook.wait(1)
    assert message["attachments"][0]["filename"] == "model-outage.png"


def test_a_chart_that_cannot_be_drawn_costs_no_text(
    new_service: NewService, hook: Hook, outage: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    def draw(entry: HistoryEntry) -> None:
        raise ZeroDivisionError

    outage()
    new_service(hook.url, draw=draw).start()

    hook.wait(1)
    assert "could not be drawn" in caplog.text


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


def test_the_test_button_reaches_each_channel(new_service: NewService, hook: Hook) -> None:
    service = new_service(hook.url, "json://127.0.0.1:9/")

    results = service.test()

    assert [result.problem for result in results] == [None, "no connection to it, or no answer in time"]
    assert hook.messages[0]["title"] == "Test: image-tracing reaches this channel"
    assert service.test("nothing") == []
