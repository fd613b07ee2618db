"""The alerts in a real browser: their looks, their keys, and all of it without scripts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
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
