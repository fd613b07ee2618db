"""Pages fit every width, both schemes and every value, and assistive technology can read them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect
from tests.image_tracing_viewer.conftest import serving

from image_tracing_postgres.store import Store
from image_tracing_viewer import create_app

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
Chain = Callable[..., UUID]

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)><svg onload=alert(1)>{{7*7}}${alert(1)}"
FAILED: dict[str, Any] = {"success": False, "outcome": "error", "error_class": "unknown", "duration_ms": 400}
SCHEMES = ("light", "dark")


def picture(url: str) -> dict[str, Any]:
    return {
        "index": 0,
        "mime_type": EVIL,
        "width": 1,
        "height": 99_999,
        "dataSize": 10**12,
        "sha256": "a" * 64,
        "url": url,
    }


@pytest.fixture
def hostile(chain: Chain) -> UUID:
    """A generation of what nobody should send: markup, dangerous addresses, endless and foreign text."""
    options = {
        "__proto__": {"polluted": True},
        "constructor": EVIL,
        "long": "x" * 5_000,
        "k" * 300: [1, {"a": EVIL}],
    }
    attempts = [
        {"model": EVIL, "provider": EVIL, "prompt": EVIL, "error": EVIL * 40, "options": options, **FAILED},
        {
            "model": "m" * 400,
            "prompt": "A very long prompt about foxes. " * 2_000,
            "error": "e" * 3_000,
            **FAILED,
        },
        {"model": "نموذج/الصور", "prompt": "ثعلب أحمر يقرأ كتاباً تحت شجرة", "provider": "مزود", **FAILED},
        {"model": "org/emoji", "prompt": "🦊👩\u200d👩\u200d👧" * 400, "error": "\u202egnp.exe", **FAILED},
        *({"model": f"org/model-{number}", "prompt": "x" * 3_000, **FAILED} for number in range(8)),
        {"model": "org/served", "images": [picture("javascript:alert(1)"), picture("//evil.example/x.png")]},
        {"model": "org/served", "images": [picture("https://cdn.example.org/" + "a" * 1_500)]},
    ]
    return chain(
        lesson_id="lesson-" + "very-long-" * 49,
        name=EVIL,
        service_name="s" * 300,
        model_used="org/served",
        request_data={"__proto__": EVIL, "hasOwnProperty": 1, "prompts": [EVIL]},
        response_data={"imageUrls": ["javascript:alert(1)"]},
        attempts=attempts,
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 400, 768, 1280])
def test_hostile_and_endless_values_fit_and_stay_text(
    opened: Opened, hostile: UUID, width: int, scheme: str
) -> None:
    for path in ("/traceImage", f"/traceImage/{hostile}"):
        page = opened(path, width=width, color_scheme=scheme)
        page.wait_for_load_state("load")
        page.evaluate("for (const each of document.querySelectorAll('details.json')) each.open = true")

        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("({}).polluted") is None
        assert page.locator("main img, main script, main a[href^='javascript']").count() == 0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [400, 1280])
def test_no_page_has_a_serious_accessibility_fault(
    opened: Opened, chain: Chain, hostile: UUID, scheme: str, width: int, watch: Any
) -> None:
    watch.expected += ["404 (Not Found)", "400 (Bad Request)"]
    running = chain(status="started", root_state="started", completed_at=None, total_duration_ms=None)
    stalled = chain(status="started", root_state="started", completed_at=None, minutes_ago=600)
    failed = chain(status="failed", root_state="failed", error_message="no model left", error_class="timeout")
    paths = [
        "/traceImage?limit=25",
        "/traceImage?status=failed&error_class=timeout&from=2025-01-01",
        "/traceImage?lesson_id=absent",
        "/traceImage?status=fine",
        "/traceImage/absent",
        *(f"/traceImage/{id_}" for id_ in (hostile, running, stalled, failed)),
    ]
    page = opened("/traceImage", color_scheme=scheme, width=width, reduced_motion="reduce")
    origin = page.url.removesuffix("/traceImage")

    faults = {path: found for path in paths if (found := faults_of(page, origin + path))}

    assert faults == {}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_dialogs_and_the_empty_list_have_no_serious_accessibility_fault(
    opened: Opened, chain: Chain, scheme: str
) -> None:
    page = opened(color_scheme=scheme)
    assert faults_on(page) == []

    chain()
    page.reload()
    for name in ("Delete lesson-1", "Delete all…", "Keyboard shortcuts"):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert faults_on(page) == [], name
        page.keyboard.press("Escape")


def faults_of(page: Page, address: str) -> list[str]:
    page.goto(address)
    return faults_on(page)


def faults_on(page: Page) -> list[str]:
    """What axe finds serious or critical."""
    response = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_the_login_takes_the_token_and_leads_on(browser: Browser, store: Store, chain: Chain) -> None:
    chain(lesson_id="lesson-behind-a-token")
    with serving(create_app(store, token="correct horse")) as address, browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{address}/traceImage?lesson_id=lesson-behind-a-token")
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("That is not the token")
        assert faults_on(page) == []
        page.get_by_label("Token").fill("correct horse")
        page.get_by_role("button", name="Log in").click()

        expect(page.get_by_role("link", name="lesson-behind-a-token", exact=True)).to_be_visible()


def test_a_database_that_went_away_is_a_page_with_a_way_to_retry(
    opened: Opened, chain: Chain, database: str, watch: Any
) -> None:
    watch.expected.append("503 (Service Unavailable)")
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE image_traces RENAME TO elsewhere")
    page = opened()
    expect(page.get_by_role("heading", level=1)).to_have_text("The database does not answer")
    with psycopg.connect(database) as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO image_traces")

    page.get_by_role("link", name="Try again").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Generations")


def test_on_paper_controls_are_gone_and_texts_whole(opened: Opened, hostile: UUID) -> None:
    page = opened(f"/traceImage/{hostile}", color_scheme="dark")

    page.emulate_media(media="print", color_scheme="dark")

    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    assert page.locator(".prompt").nth(1).evaluate("e => e.scrollHeight <= e.clientHeight")


def test_the_bar_of_an_attempt_stands_in_the_middle_of_its_row(opened: Opened, chain: Chain) -> None:
    # A style meant for the header of the page had made the bars as high as the header.
    page = opened(f"/traceImage/{chain()}")

    track = page.locator(".track:has(.bar-completed)").bounding_box()
    bar = page.locator(".track .bar-completed").bounding_box()

    assert track is not None
    assert bar is not None
    assert bar["y"] + bar["height"] / 2 == pytest.approx(track["y"] + track["height"] / 2, abs=0.5)
