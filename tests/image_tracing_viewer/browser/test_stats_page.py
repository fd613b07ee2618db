"""The dashboard in a real browser: pointing, zooming, keys, live changes, and its looks."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.image_tracing_viewer.browser.test_looks import EVIL, SCHEMES, faults_on

from image_tracing_viewer.charts.dashboard import CHARTS

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
Chain = Callable[..., UUID]

PAGE = "/traceImage/stats"
DAY = 24 * 60


@pytest.fixture
def month(chain: Chain) -> None:
    """Generations on several days of the last thirty, some in the range before."""
    for days in (1, 2, 2, 5, 9, 14, 20, 33, 40):
        chain(minutes_ago=days * DAY)
    chain(minutes_ago=3 * DAY, status="failed", root_state="failed", model_used=None)


def plot(page: Page, name: str) -> Locator:
    return page.locator(f"#{name} .figure.time .plot").first


def point_at(page: Page, name: str, share: float) -> None:
    """Points at a share of the chart's width."""
    # Charts may be replaced meanwhile, and what is gone has no width.
    widths = "name => document.querySelector(`#${name} .figure.time .plot`)?.getBoundingClientRect().width"
    width = page.wait_for_function(widths, arg=name).json_value()
    # Waits until it stands still.
    plot(page, name).hover(position={"x": share * width, "y": 40})


def pause(page: Page) -> None:
    """From here on no refresh puts other charts in the place of those that are looked at."""
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_role("button", name="Paused")).to_be_visible()


def test_pointing_shows_the_values_of_the_bucket(opened: Opened, month: None) -> None:
    page = opened(PAGE)

    point_at(page, "volume", 0.93)

    tip = page.locator("#volume .tip")
    expect(tip).to_contain_text(re.compile(r"\d{4}-\d\d-\d\dGenerations1Completed1Failed0"))
    point_at(page, "success-rate", 0.9)
    expect(tip).to_have_count(0)
    expect(page.locator("#success-rate .tip")).to_contain_text("sdxl-turbo100 %")
    page.mouse.move(1, 1)
    expect(page.locator(".tip")).to_have_count(0)


def drag(page: Page) -> tuple[str, str]:
    """Drags over some days, the button held down; from when to when they are."""
    pause(page)
    moments = str(page.locator("#charts").get_attribute("data-moments")).split()
    point_at(page, "volume", 0.3)
    page.mouse.down()
    point_at(page, "volume", 0.51)
    return moments[8], moments[16]


def test_dragging_zooms_into_the_range(opened: Opened, month: None) -> None:
    page = opened(PAGE)

    days = drag(page)
    expect(page.locator(".selection")).to_have_count(1)
    page.mouse.up()
    page.wait_for_url("**from=*")

    asked = parse_qs(urlsplit(page.url).query)
    assert (*asked["from"], *asked["to"]) == days
    expect(page.get_by_role("link", name="The range after")).to_be_visible()
    expect(page.get_by_role("button", name="Live")).to_have_count(0)


REFRESHED = """async () => {
    const [address] = [...document.scripts].map(({ src }) => src).filter((src) => src.includes("viewer.js"));
    const { putInPlace } = await import(address.replace("viewer.js", "refreshing.js"));
    const url = new URL(location.href);
    url.searchParams.set("partial", "stats");
    putInPlace(document.getElementById("results"), await (await fetch(url)).text());
}"""
"""What a live change does, without the wait for one."""


def test_a_refresh_during_a_drag_leaves_its_range_alone(opened: Opened, month: None) -> None:
    page = opened(PAGE)

    days = drag(page)
    page.evaluate(REFRESHED)
    page.mouse.up()
    page.wait_for_url("**from=*")

    asked = parse_qs(urlsplit(page.url).query)
    assert (*asked["from"], *asked["to"]) == days


def test_a_drag_ends_where_its_chart_is_gone(opened: Opened, month: None) -> None:
    page = opened(PAGE)
    address = page.url

    drag(page)
    page.evaluate("document.getElementById('results').replaceChildren()")
    page.mouse.up()

    expect(page.locator("html.is-zooming")).to_have_count(0)
    assert page.url == address


def test_a_click_on_a_bar_opens_its_list(opened: Opened, month: None) -> None:
    page = opened(PAGE)

    bar = page.locator("#volume .bad a").first
    bar.scroll_into_view_if_needed()
    bar.click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Generations")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("failed")


def test_arrow_keys_read_a_chart_and_enter_opens_the_list(opened: Opened, month: None) -> None:
    page = opened(PAGE)

    page.locator("#volume .figure").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("status")).to_contain_text("Generations 0, Completed 0, Failed 0")
    page.keyboard.press("ArrowLeft")

    expect(page.locator("#volume .tip")).to_contain_text("Completed1")
    expect(page.get_by_role("status")).to_contain_text("Generations 1, Completed 1, Failed 0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Generations")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_escape_ends_a_drag_and_what_is_pointed_at(opened: Opened, month: None) -> None:
    page = opened(PAGE)
    pause(page)
    address = page.url
    page.locator("#volume .figure").focus()

    point_at(page, "volume", 0.3)
    page.mouse.down()
    point_at(page, "volume", 0.5)
    page.keyboard.press("Escape")
    page.mouse.up()

    expect(page.locator(".selection, .tip")).to_have_count(0)
    assert page.url == address


def test_a_new_generation_changes_the_charts_under_the_pointer(
    opened: Opened, chain: Chain, month: None
) -> None:
    page = opened(PAGE)
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    page.locator("#volume summary").click()
    point_at(page, "volume", 0.97)
    expect(page.locator("#volume .tip")).to_contain_text("Generations0")

    chain()

    expect(page.locator("#volume .tip")).to_contain_text("Generations1", timeout=20_000)
    expect(page.locator("#volume-figures")).to_have_attribute("open", "")


def test_a_new_generation_leaves_the_focus_where_it_was(opened: Opened, chain: Chain, month: None) -> None:
    page = opened(PAGE)
    page.locator("#success-rate .figure").focus()
    page.keyboard.press("End")
    before = page.locator(".headlines").inner_text()

    chain()

    expect(page.locator(".headlines")).not_to_have_text(before, use_inner_text=True, timeout=20_000)
    expect(page.locator("#success-rate .figure")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Generations", timeout=20_000)


def test_paused_charts_stay_as_they_are(opened: Opened, chain: Chain, month: None) -> None:
    page = opened(PAGE)
    pause(page)
    before = page.locator(".headlines").inner_text()

    chain()

    expect(page.get_by_role("button", name=re.compile(r"Paused · \d+ changed"))).to_be_visible(timeout=20_000)
    assert page.locator(".headlines").inner_text() == before


def test_days_are_those_of_the_browser_unless_a_zone_is_named(opened: Opened, month: None) -> None:
    page = opened(PAGE, timezone_id="Europe/Berlin")

    page.wait_for_url("**tz=*")
    expect(page.locator(".range-told")).to_contain_text("Europe/Berlin, by day")
    page.goto(page.url.split("?")[0] + "?tz=UTC")
    expect(page.locator(".range-told")).to_contain_text("UTC, by day")
    page.goto(page.url.replace("/stats?tz=UTC", ""))
    page.get_by_role("link", name="Statistics").click()
    expect(page.locator(".range-told")).to_contain_text("Europe/Berlin, by day")


def test_an_own_range_is_asked_for_with_the_form(opened: Opened, month: None) -> None:
    page = opened(PAGE)

    page.get_by_text("Own range, time zone and filters").click()
    page.get_by_label("From (UTC)").fill("2025-01-01T08:00")
    page.get_by_label("Before (UTC)").fill("2025-01-01T09:30")
    page.get_by_role("button", name="Apply").click()

    expect(page.locator(".range-told")).to_contain_text("2025-01-01 08:00 to 2025-01-01 09:30")
    expect(page.get_by_role("heading", name="Nothing in this range")).to_be_visible()
    expect(page.get_by_label("From (UTC)")).to_have_value("2025-01-01T08:00")


def test_without_scripts_charts_and_tables_are_there(opened: Opened, month: None) -> None:
    page = opened(PAGE, java_script_enabled=False)

    expect(page.locator(".plot")).to_have_count(7)
    page.locator("#volume summary").click()
    expect(page.locator("#volume table")).to_be_visible()
    expect(page.get_by_role("button", name="Live")).to_have_count(0)


@pytest.fixture
def hostile(chain: Chain) -> None:
    """Many models of names that nobody should give."""
    names = [
        EVIL,
        "m" * 400,
        "نموذج/الصور",
        "org/🦊👩\u200d👧" * 20,
        "\u202egnp.exe",
        "a b&c=d#e?f%20g",
        "a/x",
        "b/x",
    ]
    failed = {"success": False, "outcome": "error", "error_class": "timeout", "duration_ms": 900}
    for name in [*names, *(f"org/model-{number}" for number in range(8))]:
        chain(attempts=[{"model": name, **failed}, {"model": f"{name}-2"}], model_used=f"{name}-2")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 400, 768, 1280])
def test_hostile_names_fit_every_width_and_stay_text(
    opened: Opened, hostile: None, width: int, scheme: str
) -> None:
    page = opened(PAGE, width=width, color_scheme=scheme)
    pause(page)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("main img, main script, main a[href^='javascript']").count() == 0
    point_at(page, "success-rate", 0.98)
    expect(page.locator(".tip")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [400, 1280])
def test_the_dashboard_has_no_serious_accessibility_fault(
    opened: Opened, chain: Chain, scheme: str, width: int, watch: Any
) -> None:
    watch.expected.append("400 (Bad Request)")
    page = opened(PAGE, color_scheme=scheme, width=width, reduced_motion="reduce")
    origin = page.url.removesuffix(PAGE)
    faults = {"empty": faults_on(page)}
    for days in (0, 1, 5, 40):
        chain(minutes_ago=days * DAY)
    chain(minutes_ago=10, status="failed", root_state="failed", model_used=None)

    for path in (PAGE, f"{PAGE}?range=1h", f"{PAGE}?model=absent&from=2025-01-01", f"{PAGE}?range=2y"):
        page.goto(origin + path)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        faults[path] = faults_on(page)

    assert {path: found for path, found in faults.items() if found} == {}


@pytest.mark.parametrize(("motion", "seconds"), [("reduce", "0s"), ("no-preference", "0.12s")])
def test_nothing_moves_for_those_who_asked_for_that(
    opened: Opened, month: None, motion: str, seconds: str
) -> None:
    page = opened(PAGE, reduced_motion=motion)
    pause(page)

    ribbon = page.locator(".ribbon").first
    assert ribbon.evaluate("each => getComputedStyle(each).transitionDuration") == seconds
    running = page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length")
    assert running == 0 or motion == "no-preference"


def test_the_keyboard_meets_every_chart_in_turn_and_shows_where_it_is(opened: Opened, month: None) -> None:
    page = opened(PAGE)
    pause(page)
    met: list[str] = []

    for _ in range(150):
        page.keyboard.press("Tab")
        tag, chart, outline = page.evaluate(
            """() => {
                const each = document.activeElement;
                return [each.tagName, each.closest(".chart")?.id, getComputedStyle(each).outlineStyle];
            }"""
        )
        if tag == "BODY":
            break
        assert outline != "none", (tag, chart)
        met.append(chart)

    assert list(dict.fromkeys(filter(None, met))) == list(CHARTS)


def test_texts_of_charts_keep_their_size_at_every_width(opened: Opened, month: None) -> None:
    sizes = set()
    for width in (400, 1280):
        page = opened(PAGE, width=width)
        pause(page)
        box = page.locator("#volume .value").first.bounding_box()
        assert box is not None
        sizes.add(round(box["height"]))

    assert len(sizes) == 1


def test_on_paper_charts_stay_and_controls_go(opened: Opened, month: None) -> None:
    page = opened(PAGE, color_scheme="dark")
    pause(page)

    page.emulate_media(media="print", color_scheme="dark")

    expect(page.locator("#volume .plot")).to_be_visible()
    expect(page.get_by_text("Own range, time zone and filters")).to_be_hidden()
    expect(page.get_by_role("link", name="30 days")).to_be_hidden()
    expect(page.locator("#volume .value").first).to_have_css("fill", "rgb(94, 94, 107)")


def test_a_picture_opens_by_itself_in_the_colours_of_the_system(opened: Opened, month: None) -> None:
    page = opened("/api/traceImage/stats/charts/latency.svg", color_scheme="dark")

    expect(page.locator(".title")).to_contain_text("Duration of attempts by model")
    assert page.locator(".sheet").evaluate("e => getComputedStyle(e).fill") == "rgb(26, 26, 31)"
