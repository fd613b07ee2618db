"""What a reader sees on the page of one generation."""

from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

BEGAN_AT = datetime(2025, 10, 26, 10, 30, tzinfo=UTC)
FAILED = {
    "success": False,
    "outcome": "error",
    "error_class": "model_loading",
    "error": "503 is loading",
    "duration_ms": 1000,
}


def text_of(client: TestClient, id_: Any, **params: Any) -> str:
    answer = client.get(f"/traceImage/{id_}", params=params)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def test_one_screen_tells_which_failed_why_and_who_served(client: TestClient, rows: Any) -> None:
    id_ = rows.add(
        model_used="stabilityai/sdxl",
        total_duration_ms=4000,
        created_at=BEGAN_AT,
        attempts=[
            {"model": "bfl/flux", **FAILED},
            {"model": "stabilityai/sdxl", "started_at": BEGAN_AT + timedelta(seconds=2), "duration_ms": 2000},
        ],
    )

    page = text_of(client, id_)

    for seen in (
        "sdxl",
        "at attempt 2 of 2",
        "25 % of the total",
        "503 is loading",
        "cold start",
        "waiting, 1.0 s in all",
    ):
        assert seen in page


def test_parameters_prompt_and_json_are_there_to_read(client: TestClient, rows: Any) -> None:
    id_ = rows.add(
        request_data={"prompts": ["a red fox"]},
        attempts=[{"options": {"guidance_scale": 7.5, "__proto__": {"a": 1}}, "negative_prompt": "blur"}],
    )

    page = text_of(client, id_)

    assert "guidance_scale</dt><dd" in page
    assert "7.5" in page
    assert "__proto__" in page
    assert "blur" in page
    assert '"prompts"' in page


def test_a_prompt_that_repeats_is_told_once(client: TestClient, rows: Any) -> None:
    id_ = rows.add(
        attempts=[{"prompt": "a very particular fox", **FAILED}, {"prompt": "a very particular fox"}]
    )

    page = text_of(client, id_)

    assert 'The same as in <a href="#attempt-1">attempt 1</a>' in page


def test_neighbours_are_one_step_away(client: TestClient, rows: Any) -> None:
    ids = [rows.add(created_at=BEGAN_AT + timedelta(minutes=minute)) for minute in range(3)]

    page = text_of(client, ids[1])

    assert f'rel="prev" href="/traceImage/{ids[2]}"' in page
    assert f'rel="next" href="/traceImage/{ids[0]}"' in page


def test_a_stalled_generation_says_what_may_have_happened(client: TestClient, rows: Any) -> None:
    id_ = rows.add(
        status="started", root_state="absent", created_at=BEGAN_AT, completed_at=None, total_duration_ms=None
    )

    page = text_of(client, id_)

    assert "No end was ever recorded" in page
    assert "data-live" in page, "a late end still shows"


def test_an_interrupted_generation_says_that_its_process_ended(client: TestClient, rows: Any) -> None:
    id_ = rows.add(
        status="failed",
        root_state="interrupted",
        error_class="interrupted",
        error_message="process ended",
        completed_at=None,
        total_duration_ms=None,
    )

    page = text_of(client, id_)

    assert "Its process ended before the generation did" in page
    assert "its process ended" in page
    assert "not yet" not in page
    assert "data-live" in page, "a late end still shows"


def test_an_interrupted_generation_may_have_no_attempt(client: TestClient, rows: Any) -> None:
    id_ = rows.add(
        status="failed", error_class="interrupted", completed_at=None, total_duration_ms=None, attempts=()
    )

    assert "Its process ended before an attempt did." in text_of(client, id_)


def test_a_running_generation_says_for_how_long(client: TestClient, rows: Any) -> None:
    began_at = datetime.now(UTC) - timedelta(minutes=3, seconds=1)
    id_ = rows.add(
        status="started", root_state="started", created_at=began_at, completed_at=None, total_duration_ms=None
    )

    assert "data-elapsed>3 min</time>" in text_of(client, id_)
    assert "data-elapsed>3 min</time>" in client.get("/traceImage").text


@pytest.mark.parametrize("id_", ["nonsense", "123e4567-e89b-12d3-a456-426614174000", "..%2f..%2fetc", "%00"])
def test_an_unknown_generation_is_a_page_with_a_way_on(client: TestClient, id_: str) -> None:
    answer = client.get(f"/traceImage/{id_}", headers={"accept": "text/html"})

    assert answer.status_code == 404
    assert "Nothing here" in answer.text
    assert 'href="/traceImage"' in answer.text


@pytest.mark.parametrize(
    ("url", "is_link"),
    [("https://cdn.example.org/1.png", True), ("javascript:alert(1)", False), ("data:text/html,x", False)],
)
def test_only_web_addresses_are_links(client: TestClient, rows: Any, url: str, is_link: bool) -> None:
    image = {
        "index": 0,
        "mime_type": "image/png",
        "width": 8,
        "height": 8,
        "dataSize": 90,
        "sha256": "ab" * 32,
        "url": url,
    }
    id_ = rows.add(attempts=[{"images": [image]}])

    page = text_of(client, id_)

    assert url in page
    assert (f'href="{url}" rel="noopener noreferrer" referrerpolicy="no-referrer"' in page) is is_link
    assert "<img" not in page


def test_a_refresh_gets_what_changes_alone(client: TestClient, rows: Any) -> None:
    page = text_of(client, rows.add(lesson_id="lesson-7"), partial="trace")

    assert "lesson-7" in page
    assert "<html" not in page


def test_any_json_is_a_page(client: TestClient, rows: Any) -> None:
    deep: Any = {}
    for _ in range(400):
        deep = {"a": deep}
    id_ = rows.add(
        request_data=deep, response_data={"text": "\u202e\u2028 </script>"}, attempts=[{"options": deep}]
    )

    assert "</script>" in text_of(client, id_)
