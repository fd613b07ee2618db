import pytest

from image_tracing_viewer.charts.figures import change, percent, short_number, was
from image_tracing_viewer.charts.labels import spread
from image_tracing_viewer.formats import NOTHING


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, NOTHING),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.9999, "99.9 %"),
        (0.0001, "0.1 %"),
        (0.8765, "87.7 %"),
        (0.5, "50.0 %"),
    ],
)
def test_only_all_and_nothing_read_as_such(rate: float | None, text: str) -> None:
    assert percent(rate) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (112, 100, "+12 %"),
        (96, 100, "\u22124 %"),
        (100, 100, "±0 %"),
        (320, 100, "3.2 times as many"),
        (5, 0, ""),
        (5, None, ""),
    ],
)
def test_a_change_is_told_against_what_was_before(now: float, before: float | None, text: str) -> None:
    assert change(now, before) == text


def test_what_was_before_is_a_note_only_where_something_was() -> None:
    assert was("9.8 s") == "was 9.8 s"
    assert was("") == ""


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (950, "950"), (2_000, "2 k"), (2_500, "2.5 k"), (1_500_000, "1.5 M")]
)
def test_an_axis_has_short_numbers(value: float, text: str) -> None:
    assert short_number(value) == text


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ([10, 50, 90], [10, 50, 90]),
        ([50, 50, 50], [50, 65, 80]),
        ([98, 99, 97], [85, 100, 70]),
        ([], []),
    ],
)
def test_labels_keep_their_distance_and_stay_above_the_bottom(
    wanted: list[float], places: list[float]
) -> None:
    assert spread(wanted, least=15, bottom=100) == places
