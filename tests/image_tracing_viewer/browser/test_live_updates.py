"""Rows appear and change while a page is open."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
Chain = Callable[..., UUID]

RUNNING: dict[str, Any] = {
    "status": "started",
    "root_state": "absent",
    "completed_at": None,
    "total_duration_ms": None,
    "model_used": None,
}


def row(page: Page, text: str) -> Any:
    return page.locator("tbody tr").filter(has_text=text)


def finish(database: str, id_: UUID) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE image_traces SET status = 'completed', root_state = 'completed', completed_at = %(now)s, "
            "updated_at = %(now)s, total_duration_ms = 4000 WHERE id = %(id)s",
            {"now": datetime.now(UTC), "id": id_},
        )


def test_a_new_generation_appears_without_a_reload(opened: Opened, chain: Chain) -> None:
    chain(lesson_id="lesson-before", minutes_ago=1)
    page = opened()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    page.evaluate("window.isSamePage = true")

    chain(lesson_id="lesson-fresh")

    expect(row(page, "lesson-fresh")).to_have_count(1)
    expect(row(page, "lesson-fresh")).to_have_class("is-new")
    expect(page.get_by_role("status")).to_have_text("1 new generation")
    assert page.evaluate("window.isSamePage")


def test_only_what_is_new_is_highlighted(opened: Opened, chain: Chain) -> None:
    # The absolute times that the script had put into the rows made all of them look changed.
    chain(lesson_id="lesson-before", minutes_ago=1)
    page = opened(timezone_id="Europe/Berlin")

    chain(lesson_id="lesson-fresh")

    expect(row(page, "lesson-fresh")).to_have_class("is-new")
    expect(row(page, "lesson-before")).not_to_have_class("is-new")


def test_the_first_generation_of_all_appears(opened: Opened, chain: Chain) -> None:
    page = opened()
    expect(page.get_by_text("No generation yet")).to_be_visible()

    chain(lesson_id="lesson-first")

    expect(row(page, "lesson-first")).to_have_count(1)


def test_a_running_generation_shows_its_end(opened: Opened, chain: Chain, database: str) -> None:
    id_ = chain(lesson_id="lesson-1", **RUNNING)
    page = opened()
    expect(row(page, "started")).to_have_count(1)

    finish(database, id_)

    expect(row(page, "completed")).to_have_count(1)


def test_the_page_of_a_running_generation_shows_its_end(opened: Opened, chain: Chain, database: str) -> None:
    id_ = chain(lesson_id="lesson-1", **RUNNING)
    page = opened(f"/traceImage/{id_}")
    page.locator("#attempt-1-request summary").click()
    expect(page.get_by_text("still running")).to_be_visible()

    finish(database, id_)

    expect(page.get_by_text("completed", exact=True)).to_be_visible()
    expect(page.locator("#attempt-1-request")).to_have_attribute("open", "")


def test_a_paused_page_stays_as_it_is_and_counts_what_it_missed(opened: Opened, chain: Chain) -> None:
    chain(lesson_id="lesson-before", minutes_ago=1)
    page = opened()
    page.get_by_role("button", name="Live").click()
    toggle = page.locator("[data-live-toggle]")
    expect(toggle).to_have_attribute("aria-pressed", "false")

    chain(lesson_id="lesson-fresh")

    # The one before the page may have been told of late.
    expect(toggle).to_have_text(re.compile(r"Paused · [12] changed"))
    expect(row(page, "lesson-fresh")).to_have_count(0)
    toggle.click()
    expect(row(page, "lesson-fresh")).to_have_count(1)


def test_an_answer_asked_for_before_the_pause_changes_nothing_after_it(opened: Opened, chain: Chain) -> None:
    chain(lesson_id="lesson-before", minutes_ago=1)
    page = opened()
    toggle = page.locator("[data-live-toggle]")
    held: list[Route] = []
    page.route("**/traceImage?partial=rows", lambda route: held.append(route))

    with page.expect_request("**/traceImage?partial=rows"):
        chain(lesson_id="lesson-fresh")
    toggle.click()
    with page.expect_response("**/traceImage?partial=rows"):
        held[0].continue_()
    # The page has the answer, and time to do with it what it would.
    page.evaluate("() => new Promise((done) => setTimeout(done, 300))")

    expect(toggle).to_have_text(re.compile(r"Paused · [12] changed"))
    expect(row(page, "lesson-fresh")).to_have_count(0)
    page.unroute("**/traceImage?partial=rows")
    toggle.click()
    expect(row(page, "lesson-fresh")).to_have_count(1)


def test_where_events_do_not_come_through_the_page_asks(
    opened: Opened, chain: Chain, watch: Any, blocked: Callable[[Route], None]
) -> None:
    watch.expected.append("ERR_FAILED")
    chain(lesson_id="lesson-before", minutes_ago=1)
    page = opened()
    page.context.route("**/api/traceImage/events", blocked)
    page.reload()

    chain(lesson_id="lesson-fresh")

    expect(row(page, "lesson-fresh")).to_have_count(1, timeout=20_000)


def test_a_row_that_did_not_change_keeps_the_focus(opened: Opened, chain: Chain) -> None:
    chain(lesson_id="lesson-before", minutes_ago=1)
    page = opened()
    page.keyboard.press("j")

    chain(lesson_id="lesson-fresh")

    expect(row(page, "lesson-fresh")).to_have_count(1)
    expect(row(page, "lesson-before").get_by_role("link")).to_be_focused()


def test_older_pages_do_not_move_under_the_reader(opened: Opened, chain: Chain) -> None:
    for minutes_ago in range(1, 5):
        chain(lesson_id=f"lesson-{minutes_ago}", minutes_ago=minutes_ago)
    page = opened("/traceImage?limit=2")

    page.get_by_role("link", name="Older").click()

    expect(row(page, "lesson-3")).to_have_count(1)
    expect(page.locator("[data-live-toggle]")).to_have_count(0)
    page.get_by_role("link", name="Newest").click()
    expect(row(page, "lesson-1")).to_have_count(1)
