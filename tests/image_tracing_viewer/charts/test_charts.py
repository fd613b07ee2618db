"""What each chart shows of the figures, and where its marks and cells lead."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from tests.image_tracing_viewer.charts.conftest import StatisticsFactory

from image_tracing_postgres.statistics.figures import Depth, Flow, LeftOut, Statistics
from image_tracing_viewer.charts.by_model import latency, success_rate
from image_tracing_viewer.charts.chart import Chart, Table
from image_tracing_viewer.charts.failures import error_classes
from image_tracing_viewer.charts.fallback import fallback
from image_tracing_viewer.charts.flow import flow
from image_tracing_viewer.charts.models import models
from image_tracing_viewer.charts.palette import Palette
from image_tracing_viewer.charts.timeline import Target, Timeline
from image_tracing_viewer.charts.volume import volume
from image_tracing_viewer.formats import NOTHING

TimelineFactory = Callable[[Statistics], Timeline]

GOOD = {"org/flux": (10, 9), "sdxl": (4, 4)}
POOR = {"org/flux": (10, 5), "sdxl": (2, 2)}


def palette(statistics: Statistics) -> Palette:
    return Palette([model.model for model in statistics.by_model])


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def hrefs(chart: Chart) -> list[str]:
    return [
        unescape(href) for panel in chart.panels for href in re.findall(r'href="([^"]*)"', panel.plot.markup)
    ]


def test_volume_has_a_bar_for_each_status_of_each_bucket(
    statistics: StatisticsFactory, timeline: TimelineFactory
) -> None:
    found = statistics(GOOD, {}, failed=2)

    chart = volume(found, None, timeline(found))

    assert chart.told == "13 completed, 2 failed"
    assert texts(chart.tables[0]) == [
        ["Mon 2025-11-03", "15", "13", "2", "0"],
        ["Tue 2025-11-04", "2", "0", "2", "0"],
    ]
    assert [re.findall("status=(\\w+)", href) for href in hrefs(chart)] == [
        ["completed"],
        ["failed"],
        ["failed"],
    ]


def test_volume_tells_the_range_before_bucket_by_bucket(
    statistics: StatisticsFactory, timeline: TimelineFactory
) -> None:
    found, before = statistics(GOOD, GOOD, GOOD), statistics(POOR, {})

    chart = volume(found, before, timeline(found))

    assert [row[-1] for row in texts(chart.tables[0])] == ["7", "0", "0"]
    assert 'class="before"' in chart.panels[0].plot.markup


def test_success_rates_are_of_each_model_and_bucket(
    statistics: StatisticsFactory, timeline: TimelineFactory
) -> None:
    found = statistics(GOOD, {}, POOR)

    chart = success_rate(found, None, timeline(found), palette(found))

    assert chart.told == "76.9 % of 26 attempts; lowest: \u2068flux\u2069, 70.0 %"
    assert [column.label for column in chart.tables[0].columns] == ["Began (UTC)", "flux", "sdxl"]
    assert [row[1:] for row in texts(chart.tables[0])] == [
        ["90.0 %", "100 %"],
        [NOTHING, NOTHING],
        ["50.0 %", "100 %"],
    ]
    assert sum("model=org/flux" in href for href in hrefs(chart)) == 2


def test_the_axis_of_success_begins_where_the_poorest_needs_it(
    statistics: StatisticsFactory, timeline: TimelineFactory
) -> None:
    for calls, least in ((GOOD, "90 %"), (POOR, "50 %"), ({"flux": (3, 0)}, "0 %")):
        found = statistics(calls)
        chart = success_rate(found, None, timeline(found), palette(found))
        assert re.findall(r'class="value"[^>]*>([^<]*)<', chart.panels[0].plot.markup)[0] == least


def test_durations_are_of_the_percentile_that_was_asked_for(
    statistics: StatisticsFactory, timeline: TimelineFactory
) -> None:
    found = statistics(GOOD)

    chart = latency(found, statistics(GOOD), timeline(found), palette(found), percentile="p95")

    assert chart.told.startswith("p95 of all attempts 3.0 s")
    assert texts(chart.tables[0]) == [["Mon 2025-11-03", "3.0 s", "3.0 s", "3.0 s"]]
    assert [key.label for key in chart.panels[0].keys] == ["flux", "sdxl", "all, the range before"]


def test_fallback_leads_to_generations_of_as_many_models(
    statistics: StatisticsFactory, timeline: TimelineFactory, target: Target
) -> None:
    depths = [Depth(depth, 10 - depth) for depth in range(1, 9)]
    found = statistics(GOOD, fallbacks=4, depths=depths)

    chart = fallback(found, None, timeline(found), target)

    assert chart.told == "30.8 % of the generations that ended; 100 % of these still got a picture"
    assert [row[0] for row in texts(chart.tables[1])][-2:] == ["6 models", "7 or more"]
    assert any("least_models_tried=2" in href for href in hrefs(chart))
    assert any("&models_tried=6" in href for href in hrefs(chart))
    assert any("least_models_tried=7" in href for href in hrefs(chart))


def test_failures_are_told_by_class_and_model(statistics: StatisticsFactory, target: Target) -> None:
    found = statistics(POOR, GOOD)

    chart = error_classes(found, palette(found), target)

    assert chart.told == "6 attempts failed; most often: timeout, 100 %"
    assert texts(chart.tables[0]) == [["timeout", "6", "6"]]
    [href] = hrefs(chart)
    assert "model=org/flux" in href
    assert "error_class=timeout" in href


def test_a_flow_ends_at_the_model_that_served_or_at_none(
    statistics: StatisticsFactory, target: Target
) -> None:
    flows = [Flow("org/flux", "org/flux", 6), Flow("org/flux", "sdxl", 3), Flow("sdxl", None, 1)]
    found = statistics({"org/flux": (7, 6), "sdxl": (4, 3)}, failed=1, flow=flows)

    chart = flow(found, palette(found), target)

    assert chart.told == "60.0 % were served by the model that was tried first"
    assert texts(chart.tables[0])[2] == ["sdxl", "no picture", "1", "10.0 %"]
    assert [re.findall("(?:status|served_by)=([\\w/]+)", href) for href in hrefs(chart)] == [
        ["org/flux"],
        ["sdxl"],
        ["failed"],
    ]


def test_models_without_a_colour_flow_together(statistics: StatisticsFactory, target: Target) -> None:
    names = [f"model-{number}" for number in range(12)]
    found = statistics({name: (20 - place, 10) for place, name in enumerate(names)})
    flows = Flow("model-10", "model-11", 2), Flow("model-0", "model-11", 1)

    chart = flow(statistics({"model-11": (3, 3)}, flow=flows), palette(found), target)

    assert "further models to further models: 2 generations" in chart.panels[0].plot.markup
    assert "model-10" not in chart.panels[0].plot.markup


def test_a_flow_with_too_many_ways_tells_of_those_that_it_does_not_show(
    statistics: StatisticsFactory, target: Target
) -> None:
    flows = [Flow("flux", "flux", 6), Flow("sdxl", None, 2)]
    found = statistics({"flux": (8, 7)}, failed=3, flow=flows, left_out=LeftOut(0, 0, 0, 2))

    chart = flow(found, palette(found), target)

    assert chart.told == (
        "at least 60.0 % were served by the model that was tried first; "
        "2 rarer ways, of 2 generations, not shown"
    )
    assert [row[-1] for row in texts(chart.tables[0])] == ["60.0 %", "20.0 %"]
    assert "further models to no picture: 2 generations, 20.0 %" in chart.panels[0].plot.markup


def test_models_and_error_classes_beyond_those_listed_are_counted(
    statistics: StatisticsFactory, timeline: TimelineFactory, target: Target
) -> None:
    found = statistics(POOR, left_out=LeftOut(50, 0, 3, 0))

    side_by_side = models(found, None, timeline(found), palette(found), target)
    failures = error_classes(found, palette(found), target)

    assert side_by_side.told == "2 models and 50 more with fewer attempts"
    assert failures.told.endswith("; 3 rarer not shown")


def test_models_stand_side_by_side_with_what_was_before(
    statistics: StatisticsFactory, timeline: TimelineFactory, target: Target
) -> None:
    found, before = statistics(GOOD, POOR), statistics(POOR)

    chart = models(found, before, timeline(found), palette(found), target)

    flux = chart.tables[0].rows[0]
    assert [cell.text for cell in flux if not cell.spark] == [
        "flux", "20", "70.0 %", "1.0 s", "3.0 s", "0 of 6", "14", "timeout",
    ]  # fmt: skip
    assert [cell.note for cell in flux[1:3]] == ["was 10", "was 50.0 %"]
    assert [bool(cell.spark) for cell in flux].count(True) == 2


@pytest.mark.parametrize("calls", [{}, {"flux": (1, 1)}, {"flux": (1, 0)}, {None: (2, 1)}])
def test_every_chart_of_next_to_nothing_can_be_drawn(
    statistics: StatisticsFactory,
    timeline: TimelineFactory,
    target: Target,
    calls: dict[str | None, tuple[int, int]],
) -> None:
    found = statistics(calls, failed=1, flow=[Flow(None, None, 1)], depths=[Depth(0, 1)])
    over, colours = timeline(found), palette(found)

    charts = [
        volume(found, found, over),
        success_rate(found, found, over, colours),
        latency(found, found, over, colours, percentile="p50"),
        fallback(found, found, over, target),
        error_classes(found, colours, target),
        flow(found, colours, target),
        models(found, found, over, colours, target),
    ]

    assert len({chart.name for chart in charts}) == 7
