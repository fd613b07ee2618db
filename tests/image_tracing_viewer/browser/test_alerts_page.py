"""The alerts in a real browser: their looks, their keys, and all of it without scripts."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from playwright.sync_api import APIResponse, Locator, Page, Route, expect
from tests.image_tracing_viewer.browser.test_looks import EVIL, SCHEMES, faults_on
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_postgres.alerting import Alerts

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]

PAGE = "/traceImage/alerts"


@pytest.fixture
def firing(database: str, rows: Rows) -> None:
    """A model with a hostile name fires, and so does one with a long name; a rule has a hostile one too."""
    now = datetime.now(UTC)
    for model in (EVIL, "very-long-name-" * 30):
        for number in range(8):
            at = now - timedelta(seconds=60 - 6 * number)
            failed = {"success": False, "outcome": "error", "error_class": "timeout", "ended_at": at}
            rows.add(created_at=at, models_tried=[model], attempts=[{"model": model, **failed}])
    with Alerts(database) as alerts:
        alerts.add_rule(
            {"name": EVIL[:200].replace("\n", " "), "kind": "silence", "filters": {"service": EVIL}}
        )
        alerts.evaluate()


@pytest.mark.usefixtures("firing")
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_fits_and_can_be_read(opened: Opened, scheme: Any, width: int) -> None:
    page = opened(PAGE, color_scheme=scheme, width=width)

    expect(page.get_by_text("2 alerts firing")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert faults_on(page) == []


@pytest.mark.parametrize("width", [1280, 400])
def test_the_form_fits_and_can_be_read(opened: Opened, width: int) -> None:
    page = opened(f"{PAGE}/new?kind=time_to_picture", width=width)

    expect(page.get_by_label("Objective (percent)")).to_have_value("95")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert faults_on(page) == []


@pytest.mark.usefixtures("firing")
def test_a_rule_is_snoozed_with_the_keyboard(opened: Opened) -> None:
    page = opened(PAGE)

    page.locator("#rule-model-outage summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("#rule-model-outage").get_by_role("button", name="Wake")).to_be_visible()


def test_a_rule_is_made_and_switched_off_without_scripts(opened: Opened) -> None:
    page = opened(f"{PAGE}/new", java_script_enabled=False)

    page.get_by_label("Name, as messages say it").fill("Mine")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Switch off Mine").click()

    expect(page.get_by_role("button", name="Switch on Mine")).to_be_visible()


def end_all(database: str) -> None:
    """What fires ends, as if a viewer had found that out."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE image_alert_states SET status = 'ok'")


def come_back_to(page: Page) -> None:
    """What a page that was hidden does: it asks at once."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def summary(page: Page) -> Locator:
    return page.locator(".summary b")


@pytest.mark.usefixtures("firing")
def test_what_changes_is_shown_and_announced(opened: Opened, database: str) -> None:
    page = opened(PAGE)
    expect(summary(page)).to_have_text("2 alerts firing")

    end_all(database)

    expect(page.locator("#announcements")).to_have_text("Nothing fires", timeout=60_000)
    expect(summary(page)).to_have_text("Nothing fires")


@pytest.mark.usefixtures("firing")
def test_a_paused_page_stays_as_it_is(opened: Opened, database: str) -> None:
    page = opened(PAGE)
    page.get_by_role("button", name="Live").click()

    end_all(database)
    come_back_to(page)
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")

    expect(summary(page)).to_have_text("2 alerts firing")
    page.get_by_role("button", name="Paused").click()
    expect(summary(page)).to_have_text("Nothing fires")


@pytest.mark.usefixtures("firing")
def test_what_did_not_change_keeps_selection_and_menu(opened: Opened, database: str) -> None:
    page = opened(PAGE)
    page.locator("#snooze-fallbacks summary").click()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#rule-fallbacks .limit'))")

    end_all(database)
    come_back_to(page)

    expect(summary(page)).to_have_text("Nothing fires")
    assert "or more of at least 20 generations" in page.evaluate("String(getSelection())")
    expect(page.locator("#snooze-fallbacks")).to_have_attribute("open", "")


@pytest.mark.usefixtures("firing")
def test_a_menu_never_means_another_model_than_when_it_was_opened(opened: Opened, database: str) -> None:
    page = opened(PAGE)
    page.locator("#rule-model-outage .subjects summary").first.click()
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE image_alert_states SET status = 'ok' WHERE subject LIKE 'very%'")
        connection.execute("UPDATE image_alert_states SET subject = 'a' WHERE status = 'firing'")
    come_back_to(page)

    expect(summary(page)).to_have_text("1 alert firing")
    expect(page.locator("#rule-model-outage .subjects details")).not_to_have_attribute("open", "")


@pytest.mark.usefixtures("firing")
def test_an_answer_that_comes_late_takes_nothing_back(opened: Opened, database: str) -> None:
    page = opened(PAGE)
    held: list[tuple[Route, APIResponse]] = []
    page.route(
        f"**{PAGE}?partial=alerts",
        lambda route: route.continue_() if held else held.append((route, route.fetch())),
    )
    with page.expect_request(f"**{PAGE}?partial=alerts"):
        come_back_to(page)

    end_all(database)
    come_back_to(page)
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")
    [(route, answer)] = held
    route.fulfill(response=answer)
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")

    expect(summary(page)).to_have_text("Nothing fires")


@pytest.mark.usefixtures("firing")
def test_older_history_does_not_move_under_the_reader(opened: Opened) -> None:
    page = opened(f"{PAGE}?before={uuid.uuid4()}")

    expect(page.get_by_text("Nothing happened before this.")).to_be_visible()
    expect(page.locator("[data-live-toggle]")).to_have_count(0)
    expect(page.locator("main[data-live]")).to_have_count(0)
