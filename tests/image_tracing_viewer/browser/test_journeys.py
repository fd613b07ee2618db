"""What people do: look, filter, open, walk on, delete."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from image_tracing_postgres.store import Store

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
Chain = Callable[..., UUID]


def row(page: Page, text: str) -> Any:
    return page.locator("tbody tr").filter(has_text=text)


def test_from_the_list_over_a_filter_to_one_generation_and_its_end(
    opened: Opened, chain: Chain, store: Store
) -> None:
    chain(lesson_id="lesson-good", minutes_ago=1)
    failed = chain(
        lesson_id="lesson-bad", status="failed", root_state="failed", error_message="all models failed"
    )
    page = opened()

    page.get_by_label("Status").select_option("failed")
    expect(row(page, "lesson-good")).to_have_count(0)
    row(page, "lesson-bad").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("lesson-bad")
    expect(page.get_by_text("all models failed")).to_be_visible()
    page.get_by_role("button", name="Delete lesson-bad").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Generations")
    expect(row(page, "lesson-bad")).to_have_count(0)
    assert store.get(failed) is None
    assert len(store.list()) == 1


def test_a_row_is_deleted_in_place_after_a_question(opened: Opened, chain: Chain, store: Store) -> None:
    chain(lesson_id="lesson-stays", minutes_ago=1)
    chain(lesson_id="lesson-goes")
    page = opened()

    row(page, "lesson-goes").get_by_role("button", name="Delete lesson-goes").click()
    page.get_by_role("button", name="Cancel").click()
    expect(row(page, "lesson-goes")).to_have_count(1)
    row(page, "lesson-goes").get_by_role("button", name="Delete lesson-goes").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(row(page, "lesson-goes")).to_have_count(0)
    assert [trace.lesson_id for trace in store.list()] == ["lesson-stays"]


def test_deleting_all_asks_for_the_words(opened: Opened, chain: Chain, store: Store) -> None:
    chain()
    chain(minutes_ago=1)
    page = opened()

    page.get_by_role("button", name="Delete all…").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_role("textbox")
    field.fill("delete")
    field.press("Enter")
    expect(dialog.get_by_role("button", name="Delete all")).to_be_disabled()
    assert len(store.list()) == 2
    field.fill("delete all")
    field.press("Enter")

    expect(page.get_by_text("No generation yet")).to_be_visible()
    assert store.list() == []


def test_a_refused_deletion_is_told_in_the_dialog(opened: Opened, chain: Chain, watch: Any) -> None:
    watch.expected.append("500 (Internal Server Error)")
    chain(lesson_id="lesson-1")
    page = opened()
    page.route(
        "**/api/traceImage?id=*",
        lambda route: route.fulfill(status=500, json={"error": {"message": "no right to"}}),
    )

    row(page, "lesson-1").get_by_role("button", name="Delete lesson-1").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("alert")).to_have_text("Not deleted: no right to")
    expect(row(page, "lesson-1")).to_have_count(1)


def test_a_time_range_is_entered_in_the_zone_of_the_browser(
    opened: Opened, chain: Chain, store: Store
) -> None:
    chain(lesson_id="lesson-now")
    page = opened(timezone_id="Asia/Kolkata")

    page.get_by_text("More filters").click()
    expect(page.get_by_text("From (GMT+5:30)")).to_be_visible()
    page.get_by_label("From (").fill("2025-10-26T16:00")
    page.get_by_role("button", name="Apply").click()

    expect(page).to_have_url(re.compile(re.escape("from=2025-10-26T16%3A00%3A00%2B05%3A30")))
    expect(page.get_by_label("From (")).to_have_value("2025-10-26T16:00")
    expect(page.get_by_role("list", name="Active filters")).to_contain_text("2025-10-26 16:00:00 GMT+5:30")
    expect(row(page, "lesson-now")).to_have_count(1)


def test_times_are_told_in_the_zone_of_the_browser(opened: Opened, chain: Chain) -> None:
    id_ = chain()
    page = opened(f"/traceImage/{id_}", timezone_id="Asia/Kolkata")

    time = page.locator("dl.facts time[data-absolute]")

    expect(time).to_have_text(re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\+5:30$"))
    expect(time).to_have_attribute("title", re.compile(r" UTC$"))


def test_everything_can_be_done_with_keys(opened: Opened, chain: Chain) -> None:
    chain(lesson_id="lesson-old", minutes_ago=2)
    chain(lesson_id="lesson-mid", minutes_ago=1)
    chain(lesson_id="lesson-new")
    page = opened()
    heading = page.get_by_role("heading", level=1)

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(heading).to_have_text("lesson-mid")
    page.keyboard.press("j")
    expect(heading).to_have_text("lesson-old")
    page.keyboard.press("ArrowLeft")
    expect(heading).to_have_text("lesson-mid")
    page.keyboard.press("k")
    expect(heading).to_have_text("lesson-new")
    page.keyboard.press("u")
    expect(heading).to_have_text("Generations")
    page.keyboard.press("/")
    page.keyboard.type("jk?")
    expect(page.get_by_label("Words in prompts")).to_have_value("jk?")


def test_single_keys_can_be_switched_off(opened: Opened, chain: Chain) -> None:
    chain()
    page = opened()

    page.keyboard.press("?")
    page.get_by_label("Use these single-key shortcuts").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("?")

    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_first_tab_leads_past_the_header(opened: Opened, chain: Chain) -> None:
    chain()
    page = opened()

    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_a_bar_of_the_waterfall_leads_to_its_attempt(opened: Opened, chain: Chain) -> None:
    page = opened(f"/traceImage/{chain()}")

    page.get_by_role("link", name="sdxl-turbo").click()

    expect(page).to_have_url(re.compile("#attempt-2$"))
    expect(page.get_by_role("article", name="Attempt 2")).to_be_in_viewport()


def test_the_json_of_a_request_can_be_copied(opened: Opened, chain: Chain) -> None:
    id_ = chain(request_data={"prompts": ["a <b>fox</b>"]})
    page = opened(f"/traceImage/{id_}", permissions=["clipboard-read", "clipboard-write"])

    page.locator("#request").get_by_role("button", name="Copy").click()

    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == '{\n  "prompts": [\n    "a <b>fox</b>"\n  ]\n}'


def test_the_theme_is_remembered(opened: Opened, chain: Chain) -> None:
    chain()
    page = opened(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)

    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(ground)
    page.reload()

    assert dark != light
    assert page.evaluate(ground) == dark


def test_the_list_works_without_javascript(opened: Opened, chain: Chain) -> None:
    chain(lesson_id="lesson-good", minutes_ago=1)
    chain(lesson_id="lesson-bad", status="failed", root_state="failed")
    page = opened(java_script_enabled=False)

    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Apply").click()
    expect(row(page, "lesson-good")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete lesson-bad")).to_have_count(0)
    row(page, "lesson-bad").get_by_role("link").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("lesson-bad")
