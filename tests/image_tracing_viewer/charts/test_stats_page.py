"""The dashboard over a real database, as a reader without scripts sees it."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_postgres.terms import MODEL, SERVED_BY, term
from image_tracing_viewer.charts.dashboard import CHARTS

PAGE = "/traceImage/stats"
FAILED: dict[str, Any] = {
    "success": False,
    "outcome": "error",
    "error_class": "timeout",
    "duration_ms": 1_000,
}


@pytest.fixture
def filled(rows: Rows) -> Rows:
    """Two generations now, of which one fell back, one that failed, and one in the range before."""
    now = datetime.now(UTC)
    tried = {"models_tried": ["org/flux", "sdxl"], "model_used": "sdxl"}
    rows.add(
        created_at=now,
        attempts=[{"model": "org/flux", **FAILED}, {"model": "sdxl", "provider": "fal"}],
        **tried,
    )
    rows.add(
        created_at=now, attempts=[{"model": "org/flux"}], models_tried=["org/flux"], model_used="org/flux"
    )
    rows.add(
        created_at=now - timedelta(hours=1),
        status="failed",
        root_state="failed",
        attempts=[{"model": "org/flux", **FAILED}],
        models_tried=["org/flux"],
    )
    rows.add(created_at=now - timedelta(days=40), models_tried=["flux"], model_used="flux")
    return rows


def links(page: str) -> list[str]:
    """Where the page leads beside its navigation."""
    main = page[page.index("<main") :]
    return [html.unescape(href) for href in re.findall(r'href="(/traceImage[^"]*)"', main)]


def test_headlines_come_first_and_tell_the_range_before(client: TestClient, filled: Rows) -> None:
    page = client.get(PAGE).text

    figures = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)(?:<small>([^<]*))?", page)
    assert figures[:3] == [
        ("Generations", "3", "was 1, 3 times as many"),
        ("Got a picture", "66.7 %", "was 100 %"),
        ("Fell back", "33.3 %", "was 0 %"),
    ]
    assert page.index("<dt>Generations") < page.index('<svg class="plot"')


def test_each_chart_has_its_figures_as_a_table(client: TestClient, filled: Rows) -> None:
    page = client.get(PAGE).text

    charts = re.findall(r'<section class="card chart [\w-]+" id="([\w-]+)"', page)
    captions = re.findall(r"<caption[^>]*>([^<]*)", page)
    assert charts == list(CHARTS)
    assert len(captions) == len(CHARTS) + 1  # Fallback has two.


def test_every_link_of_the_page_leads_somewhere(client: TestClient, filled: Rows) -> None:
    addresses = set(links(client.get(PAGE).text))

    answers = {address: client.get(address).status_code for address in addresses}

    assert len(answers) > 20
    assert set(answers.values()) == {200}


def test_a_bar_leads_to_the_generations_that_it_counts(client: TestClient, filled: Rows) -> None:
    page = client.get(PAGE).text
    fallbacks = next(link for link in links(page) if "&models_tried=2" in link or "?models_tried=2" in link)
    lost = next(link for link in links(page) if "?status=failed" in link)

    assert client.get(fallbacks).text.count("<tr data-id") == 1
    assert client.get(lost).text.count("<tr data-id") == 1


def test_filters_hold_for_the_figures_and_for_every_link(client: TestClient, filled: Rows) -> None:
    page = client.get(PAGE, params={"least_models_tried": "2", "status": "completed"}).text

    assert "<dt>Generations</dt><dd>1" in page
    assert all(
        "status=completed" in link for link in links(page) if "from=" in link and "outcome" not in link
    )
    assert "Status</span> <bdi>completed</bdi>" in page
    assert '<input type="hidden" name="status" value="completed">' in page


def test_a_band_leads_to_its_generations_under_a_filter_by_model(client: TestClient, rows: Rows) -> None:
    for tried in (["org/flux"], ["org/flux", "sdxl"]):
        rows.add(
            attempts=[{"model": model} for model in tried],
            models_tried=tried,
            model_used="org/flux",
            search_terms=[*(term(MODEL, model) for model in tried), term(SERVED_BY, "org/flux")],
        )

    page = client.get(PAGE, params={"model": "sdxl"}).text

    band = next(link for link in links(page) if "served_by=org%2Fflux" in link)
    assert client.get(band).text.count("<tr data-id") == 1


def test_what_fell_back_leads_to_no_fewer_models_than_were_asked_for(
    client: TestClient, filled: Rows
) -> None:
    filled.add(created_at=datetime.now(UTC), models_tried=["org/flux", "sdxl", "sd3"], model_used="sd3")

    page = client.get(PAGE, params={"least_models_tried": "3"}).text

    found = [link for link in links(page) if "least_models_tried=" in link and "from=" in link]
    assert len(found) > 30
    assert all("least_models_tried=3" in link for link in found)


def test_the_zone_is_told_and_cuts_the_days(client: TestClient, filled: Rows) -> None:
    page = client.get(PAGE, params={"tz": "Asia/Kolkata"}).text

    assert "<span>Asia/Kolkata, by day</span>" in page
    assert "From (Asia/Kolkata)" in page
    moments = re.findall(r'data-moments="([^"]*)"', page)[0].split()
    assert {moment[11:] for moment in moments} == {"18:30:00Z"}
    assert len(moments) == 31


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("range=1h", "by minute"),
        ("range=24h", "by hour"),
        ("range=7d", "by day"),
        ("range=7d&bucket=hour", "by hour"),
        ("range=90d&bucket=month", "by month"),
        ("from=2025-01-01T08:30&to=2025-01-01T09:15", "2025-01-01 08:30 to 2025-01-01 09:15"),
        ("from=2025-01-01&to=2025-01-02", "2025-01-01 <span>"),
    ],
)
def test_a_range_is_told_as_it_was_cut(client: TestClient, filled: Rows, query: str, told: str) -> None:
    answer = client.get(f"{PAGE}?{query}")

    assert answer.status_code == 200
    assert told in answer.text


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("range=2y", "Range must be one of 1h"),
        ("tz=Nowhere", "Tz has to be the IANA name"),
        ("percentile=p1", "Percentile must be one of p50"),
        ("limit=5", "Unknown parameter &#39;limit&#39;"),
        ("from=2025-02-01&to=2025-01-01", "From must be before to"),
        ("range=90d&bucket=minute", "A chart has at most 400 buckets"),
        ("model=a&model=b", "Parameter model is given more than once"),
    ],
)
def test_what_cannot_be_shown_is_told_with_a_way_back(client: TestClient, query: str, told: str) -> None:
    answer = client.get(f"{PAGE}?{query}")

    assert answer.status_code == 400
    assert told in answer.text
    assert "Show the last 30 days" in answer.text
    assert client.get(f"{PAGE}?partial=stats&{query}").status_code == 400


def test_a_range_without_anything_offers_ways_on(client: TestClient) -> None:
    page = client.get(PAGE, params={"model": "flux"}).text

    assert "Nothing in this range" in page
    assert "without model tried" in page
    assert "a wider range" in page


def test_a_refresh_brings_the_charts_alone(client: TestClient, filled: Rows) -> None:
    part = client.get(PAGE, params={"partial": "stats"}).text

    assert "<html" not in part
    assert "<form" not in part
    assert part.count('<svg class="plot"') == 7


def test_a_range_of_the_past_is_not_refreshed(client: TestClient, filled: Rows) -> None:
    assert " data-live>" in client.get(PAGE).text
    assert " data-live>" not in client.get(f"{PAGE}?from=2025-01-01&to=2025-01-02").text


def test_the_list_leads_to_the_statistics(client: TestClient) -> None:
    [link] = re.findall(r'href="([^"]*)" data-zoned>Statistics', client.get("/traceImage").text)

    assert client.get(link).status_code == 200


def test_nothing_hostile_becomes_markup(client: TestClient, rows: Rows) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
    names = [evil, "m" * 400, "نموذج/الصور", "a b&c=d#e?f%20g", "\u202egnp.exe", "org/same", "org2/same"]
    for name in names:
        rows.add(attempts=[{"model": name, "provider": evil}], models_tried=[name], model_used=name)

    page = client.get(PAGE).text

    assert "<img" not in page
    assert page.count("<script") == client.get("/traceImage").text.count("<script") + 1
    assert "49" not in re.findall(r"\{\{|49", page.replace("{{7*7}}", "")) or "{{7*7}}" in html.unescape(page)
    assert {urlsplit(link).path for link in links(page)} <= {"/traceImage", PAGE}


def test_every_part_of_the_page_has_an_id_of_its_own(client: TestClient, filled: Rows) -> None:
    ids = re.findall(r'\sid="([^"]*)"', client.get(PAGE).text)

    assert len(ids) > 20
    assert sorted(set(ids)) == sorted(ids)


def test_no_style_stands_in_the_page(client: TestClient, filled: Rows) -> None:
    page = client.get(PAGE).text

    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert "http://" not in page


def test_an_error_class_that_the_list_refuses_is_no_link(client: TestClient, rows: Rows) -> None:
    rows.add(status="failed", root_state="failed", attempts=[{**FAILED, "error_class": "odd"}])

    text = client.get("/traceImage/stats?range=1h").text

    assert "most often: odd, 100 %" in text
    assert "error_class=odd" not in text
