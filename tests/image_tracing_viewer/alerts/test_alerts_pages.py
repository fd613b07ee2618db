"""The pages of the alerts, as a reader without scripts uses them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.alerts.conftest import Hook
from tests.image_tracing_viewer.conftest import Rows, client_of

from image_tracing_postgres.alerting import Alerts
from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app
from image_tracing_viewer.alerts.form import fields_of_form, filters_of_form

PAGE = "/traceImage/alerts"


def pressed(client: TestClient, path: str = PAGE, **form: str) -> Any:
    return client.post(path, data=form, headers={"Sec-Fetch-Site": "same-origin"})


def test_the_presets_are_shown_without_any_channel(client: TestClient) -> None:
    text = client.get(PAGE).text

    assert "A model fails again and again" in text
    assert "5 failures of a model in a row within 3 h, lasting 30 s or more." in text
    assert "No channel: what fires is shown here and told nobody." in text
    assert "Nobody is told: there is no channel" in text


def test_what_fires_is_shown_with_its_traces(
    client: TestClient, alerts: Alerts, outage: Callable[[], None]
) -> None:
    outage()
    alerts.evaluate()

    text = client.get(PAGE).text

    assert "1 alert firing" in text
    assert "6 failures in a row, of 6 attempts" in text
    assert "Errors: 6 × timeout." in text  # noqa: RUF001
    assert "/traceImage?model=flux&amp;error_class=timeout&amp;from=" in text
    assert "sent nowhere: no channel" in text


def test_the_name_of_a_model_is_only_text(client: TestClient, alerts: Alerts, rows: Rows) -> None:
    at = datetime.now(UTC) - timedelta(minutes=1)
    for _ in range(30):
        rows.add(created_at=at, attempts=[{"model": "<script>alert(1)</script>"}])
    alerts.evaluate()

    text = client.get(PAGE).text

    assert "<script>alert" not in text
    assert "alert(1)" in text


def test_the_part_that_changes_can_be_had_alone(client: TestClient) -> None:
    text = client.get(PAGE, params={"partial": "alerts"}).text

    assert "A model fails again and again" in text
    assert "<html" not in text


def test_a_rule_is_snoozed_and_woken(client: TestClient, alerts: Alerts) -> None:
    answer = pressed(client, action="snooze", rule="fallbacks", subject="", minutes="60")
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert "Snoozed until" in client.get(PAGE).text

    pressed(client, action="wake", rule="fallbacks", subject="")
    assert "Snoozed until" not in client.get(PAGE).text


def test_a_rule_is_switched_off_and_on(client: TestClient, alerts: Alerts) -> None:
    pressed(client, action="switch", rule="fallbacks", to="off")
    assert not alerts.rule("fallbacks").is_enabled

    pressed(client, action="switch", rule="fallbacks", to="on")
    assert alerts.rule("fallbacks").is_enabled


def test_a_new_rule_is_written_in_a_form(client: TestClient, alerts: Alerts) -> None:
    assert "A picture within (seconds)" in client.get(f"{PAGE}/new?kind=time_to_picture").text

    answer = pressed(
        client,
        f"{PAGE}/new",
        kind="time_to_picture",
        name="Lessons wait",
        duration_ms="2.5",
        objective="99.5",
        minimum_count="10",
        cooldown_minutes="15",
        is_enabled="on",
        filter_service="lessons",
        filter_model="",
    )

    assert answer.status_code == 303
    rule = alerts.rule("lessons-wait")
    assert (rule.duration_ms, rule.objective, rule.filters) == (2_500, 0.995, {"service": "lessons"})


def test_a_rule_is_changed_in_its_form(client: TestClient, alerts: Alerts) -> None:
    assert 'value="50"' in client.get(f"{PAGE}/model-failures").text

    form = {"kind": "failure_rate", "name": "Mine", "share": "29", "window_minutes": "10"}
    pressed(client, f"{PAGE}/model-failures", minimum_count="5", each_model="on", **form)

    rule = alerts.rule("model-failures")
    assert (rule.name, rule.share, rule.each_model, rule.is_enabled) == ("Mine", 0.29, True, False)


def test_a_changed_preset_can_be_had_back(client: TestClient, alerts: Alerts) -> None:
    alerts.change_rule("fallbacks", {"name": "Mine"})
    assert "Back to the preset" in client.get(f"{PAGE}/fallbacks").text

    pressed(client, f"{PAGE}/fallbacks", action="delete")

    assert alerts.rule("fallbacks").source == "preset"


def test_a_form_that_cannot_be_used_comes_back(client: TestClient) -> None:
    answer = pressed(
        client, f"{PAGE}/new", kind="failure_rate", name="Mine", share="lots", filter_model="a b"
    )

    assert answer.status_code == 400
    assert "Fires from has to be a number from 1 to 100 percent; found &#39;lots&#39;" in answer.text
    assert 'value="lots"' in answer.text
    assert 'value="a b"' in answer.text


def test_what_fires_comes_first(client: TestClient, alerts: Alerts, rows: Rows) -> None:
    at = datetime.now(UTC) - timedelta(minutes=1)
    for _ in range(20):
        rows.add(created_at=at, completed_at=at, models_tried=["a", "b"], attempts=[])
    alerts.evaluate()

    text = client.get(PAGE).text

    assert text.index('id="rule-fallbacks"') < text.index('id="rule-model-outage"')


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("objective", "5", "Objective has to be a number from 90 to 99.99 percent; found"),
        ("duration_ms", "0", "A picture within has to be a number from 0.001 to 86400 seconds; found"),
        (
            "minimum_count",
            "",
            "Judged from has to be a whole number from 1 to 100000 generations; found nothing",
        ),
        ("minimum_count", "nan", "Judged from has to be a whole number from 1 to 100000 generations; found"),
        ("minimum_count", "inf", "Judged from has to be a whole number from 1 to 100000 generations; found"),
        ("duration_ms", "1e308", "A picture within has to be a number from 0.001 to 86400 seconds; found"),
    ],
)
def test_a_number_is_refused_in_the_words_of_the_form(
    client: TestClient, field: str, value: str, problem: str
) -> None:
    answer = pressed(client, f"{PAGE}/new", kind="time_to_picture", name="Mine", **{field: value})

    assert problem in answer.text


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        (PAGE, {"action": "dance"}, 400),
        (PAGE, {"action": "snooze", "rule": "nothing", "minutes": "60"}, 404),
        (PAGE, {"action": "snooze", "rule": "fallbacks", "minutes": "1e9"}, 400),
        (PAGE, {"action": "test", "channel": "nothing"}, 404),
        (f"{PAGE}/nothing", {"name": "x"}, 404),
        (f"{PAGE}/new", {"kind": "mood"}, 400),
        (f"{PAGE}/new", {"action": "delete"}, 404),
    ],
)
def test_a_button_that_is_not_ours_is_refused(
    client: TestClient, path: str, form: dict[str, str], status: int
) -> None:
    assert pressed(client, path, **form).status_code == status


def test_a_form_of_another_site_changes_nothing(client: TestClient, alerts: Alerts) -> None:
    form = {"action": "switch", "rule": "fallbacks", "to": "off"}
    answer = client.post(PAGE, data=form, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert alerts.rule("fallbacks").is_enabled


def test_the_test_button_tells_what_became_of_it(
    store: Store, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_TRACING_ALERT_URLS", f"{hook.url},json://user:hunter2@127.0.0.1:9/")
    with client_of(create_app(store, token="")) as client:
        answer = pressed(client, action="test")
        text, again = (client.get(answer.headers["location"]).text for _ in range(2))
        shown = (
            client.get(PAGE).text + client.get("/api/traceImage/alerts").text + client.get("/metrics").text
        )

    assert answer.status_code == 303
    assert "took the test message" in text
    assert "took the test message" in again
    assert "no connection to it, or no answer in time" in text
    assert len(hook.messages) == 1
    assert "hunter2" not in text + shown


def test_a_setting_that_cannot_be_used_is_shown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_TRACING_ALERT_INTERVAL", "soon")

    with client_of(create_app(store, token="", ingest_token="")) as client:
        text = client.get(PAGE).text

    assert "IMAGE_TRACING_ALERT_INTERVAL should be a number of seconds" in text


def test_a_rule_saved_as_it_is_keeps_a_filter_of_zero(client: TestClient, alerts: Alerts) -> None:
    rule = alerts.add_rule({"name": "Mine", "kind": "silence", "filters": {"models_tried": 0}})
    fields = [*fields_of_form(rule.kind, rule), *filters_of_form(rule)]

    pressed(client, f"{PAGE}/mine", name="Mine again", **{field.name: field.value for field in fields})

    assert alerts.rule("mine").name == "Mine again"
    assert alerts.rule("mine").filters == {"models_tried": 0}
