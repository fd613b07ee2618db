"""What a reader sees on the list."""

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

FAILED = {
    "success": False,
    "outcome": "error",
    "error_class": "rate_limited",
    "error": "429 Too Many Requests",
}


def text_of(client: TestClient, address: str = "/traceImage", *, status_code: int = 200) -> str:
    answer = client.get(address, headers={"accept": "text/html"})
    assert answer.status_code == status_code, answer.text
    return unescape(answer.text)


def test_an_empty_database_tells_how_to_begin(client: TestClient) -> None:
    page = text_of(client)

    assert "No generation yet" in page
    assert "@generation" in page


def test_a_row_tells_lesson_prompt_chain_and_cost(client: TestClient, rows: Any) -> None:
    rows.add(
        lesson_id="lesson-7",
        models_tried=["bfl/flux", "stabilityai/sdxl"],
        model_used="stabilityai/sdxl",
        attempts=[{"model": "bfl/flux", **FAILED}, {"model": "stabilityai/sdxl", "prompt": "a red fox"}],
    )

    page = text_of(client)

    for seen in ("lesson-7", "a red fox", "flux", "sdxl", "rate limited · 3.0 s wasted", "completed"):
        assert seen in page


def test_the_newest_generation_comes_first(client: TestClient, rows: Any) -> None:
    now = datetime.now(UTC)
    rows.add(lesson_id="older-lesson", created_at=now - timedelta(minutes=5))
    rows.add(lesson_id="newer-lesson", created_at=now)

    page = text_of(client)

    assert page.index("newer-lesson") < page.index("older-lesson")


def test_filters_narrow_and_show_as_chips(client: TestClient, rows: Any) -> None:
    rows.add(lesson_id="kept-lesson", status="failed", root_state="failed")
    rows.add(lesson_id="other-lesson")

    page = text_of(client, "/traceImage?status=failed&lesson_id=kept-lesson")

    assert "other-lesson" not in page
    assert 'href="/traceImage?lesson_id=kept-lesson"' in page, "a chip takes the status away"
    assert 'value="kept-lesson"' in page, "the form keeps what was asked"


def test_nothing_found_offers_wider_searches(client: TestClient, rows: Any) -> None:
    rows.add()

    page = text_of(client, "/traceImage?lesson_id=absent&status=failed")

    assert "No generation matches" in page
    assert 'href="/traceImage?status=failed"' in page


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("status=fine", "Status must be one of started, completed, failed; found 'fine'"),
        ("limit=0", "Limit must be a whole number from 1 to 500"),
        ("from=yesterday", "From must be an ISO 8601 date"),
        ("colour=red", "Unknown parameter 'colour'"),
        ("cursor=%00", "NUL"),
        ("cursor=nonsense", "ursor"),
    ],
)
def test_a_filter_that_cannot_be_used_is_explained(client: TestClient, query: str, told: str) -> None:
    page = text_of(client, f"/traceImage?{query}", status_code=400)

    assert told in page


def test_pages_lead_to_older_ones_and_back(client: TestClient, rows: Any) -> None:
    now = datetime.now(UTC)
    for number in range(3):
        rows.add(lesson_id=f"lesson-{number}", created_at=now - timedelta(minutes=number))

    first = text_of(client, "/traceImage?limit=2")
    older = first.partition('rel="next" href="')[2].partition('"')[0]
    second = text_of(client, older)

    assert "lesson-2" not in first
    assert "lesson-2" in second
    assert 'rel="first" href="/traceImage?limit=2"' in second
    assert "data-live>" in first
    assert "data-live>" not in second, "older pages do not change under the reader"


def test_export_links_carry_the_filters_and_not_the_page(client: TestClient, rows: Any) -> None:
    rows.add(status="failed", root_state="failed")

    page = text_of(client, "/traceImage?status=failed&limit=25&q=red+fox")

    for format_ in ("csv", "jsonl", "json", "parquet"):
        for of in ("traces", "attempts"):
            assert f"/api/traceImage/export?format={format_}&of={of}&status=failed&q=red+fox" in page


def test_times_without_a_zone_are_utc_and_stay_in_the_form(client: TestClient, rows: Any) -> None:
    rows.add(created_at=datetime(2025, 10, 26, 10, 30, tzinfo=UTC), lesson_id="within")

    page = text_of(client, "/traceImage?from=2025-10-26T10:30&to=2025-10-26T12:31:00%2B02:00")

    assert "within" in page
    assert 'value="2025-10-26T10:30"' in page
    assert 'data-instant="2025-10-26T10:31:00Z"' in text_of(client, "/traceImage?to=2025-10-26T10:31")


def test_a_refresh_gets_the_rows_alone(client: TestClient, rows: Any) -> None:
    rows.add(lesson_id="lesson-7")

    page = text_of(client, "/traceImage?partial=rows")

    assert "lesson-7" in page
    assert "<html" not in page


def test_a_time_names_its_zone(client: TestClient, rows: Any) -> None:
    rows.add(created_at=datetime(2025, 10, 26, 10, 30, 5, tzinfo=UTC))

    assert 'datetime="2025-10-26T10:30:05Z" title="2025-10-26 10:30:05 UTC"' in text_of(client)


def test_hostile_text_stays_text(client: TestClient, rows: Any) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    rows.add(
        lesson_id=evil,
        name=evil,
        service_name=evil,
        attempts=[{"model": evil, "provider": evil, "prompt": evil, **FAILED, "error": evil}],
    )

    page = client.get("/traceImage").text

    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_page_holds_no_inline_script_or_style(client: TestClient, rows: Any) -> None:
    id_ = rows.add(attempts=[FAILED, {}])

    for address in ("/traceImage", f"/traceImage/{id_}", "/traceImage/absent"):
        page = client.get(address).text
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert page.count("<script ") == page.count("<script src=") + page.count('<script type="module" src=')
