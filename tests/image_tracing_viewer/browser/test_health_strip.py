"""The strip that tells of spans that wait or were lost comes and goes while a page is open."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page, expect
from tests.image_tracing_viewer.conftest import Leftovers

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
Chain = Callable[..., UUID]


def strip(page: Page) -> Locator:
    return page.get_by_role("region", name="Storing of spans")


def look_until(page: Page, script: str) -> None:
    """Look again and again, as a reader does who comes back to the page, until the script tells true."""
    page.wait_for_function(
        f"() => {{ document.dispatchEvent(new Event('visibilitychange')); return {script} }}", polling=300
    )


def lose(leftovers: Leftovers, number: int) -> None:
    leftovers.folder.mkdir(parents=True, exist_ok=True)
    (leftovers.folder / "all.counts").write_text(json.dumps({"dropped_spool_full": number}))


@pytest.fixture
def waiting(leftovers: Leftovers) -> Iterator[Leftovers]:
    """A living process whose spans have waited for three minutes."""
    living = leftovers.add("l-1", seconds_ago=190, closing=False)
    yield leftovers
    living.close()


def test_trouble_is_told_as_it_comes_and_goes(opened: Opened, chain: Chain, leftovers: Leftovers) -> None:
    chain()
    page = opened()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    expect(strip(page)).to_have_count(0)

    quarantine = leftovers.folder / "quarantine"
    quarantine.mkdir(parents=True)
    (quarantine / "a.json").write_text("{}")
    look_until(page, "document.querySelector('.health')")
    expect(strip(page)).to_contain_text("1 span quarantined")
    expect(page.get_by_role("status")).to_contain_text("1 span quarantined")

    (quarantine / "a.json").unlink()
    look_until(page, "!document.querySelector('.health')")
    expect(page.get_by_role("status")).to_have_text("All spans are stored again", timeout=10_000)


def test_losses_stay_away_until_more_is_lost(opened: Opened, leftovers: Leftovers) -> None:
    lose(leftovers, 15)
    page = opened()
    expect(strip(page)).to_contain_text("15 spans lost: the spool was full")

    page.get_by_role("button", name="Hide losses").click()
    expect(strip(page)).to_be_hidden()
    page.reload()
    expect(strip(page)).to_be_hidden()

    lose(leftovers, 16)
    look_until(page, "document.querySelector('.health').textContent.includes('16')")
    expect(strip(page)).to_contain_text("16 spans lost")


def test_losses_that_were_put_away_leave_the_trouble(opened: Opened, waiting: Leftovers) -> None:
    lose(waiting, 15)
    page = opened()

    page.get_by_role("button", name="Hide losses").click()

    expect(strip(page)).to_contain_text("have waited for the database for 3 min")
    expect(strip(page)).not_to_contain_text("15 spans", use_inner_text=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_strip_fits_and_can_be_read(
    opened: Opened, chain: Chain, waiting: Leftovers, width: int, scheme: str
) -> None:
    lose(waiting, 15)
    path = f"/traceImage/{chain()}"
    for address in ("/traceImage", path):
        page = opened(address, width=width, color_scheme=scheme)
        expect(strip(page)).to_be_visible()

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(page, context="#health", options={"resultTypes": ["violations"]}).response
        assert found["violations"] == []


def test_how_long_a_generation_has_run_goes_on(opened: Opened, chain: Chain) -> None:
    running: dict[str, Any] = {"status": "started", "root_state": "started", "completed_at": None}
    chain(minutes_ago=5, total_duration_ms=None, **running)
    page = opened()
    page.clock.install()
    page.reload()

    expect(page.locator("time[data-elapsed]")).to_have_text("5 min")
    page.clock.fast_forward("02:00")

    expect(page.locator("time[data-elapsed]")).to_have_text("7 min")
