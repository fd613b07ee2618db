"""Labels are as wide as there is room, and none covers another."""

import pytest

from image_tracing_viewer.charts.labels import fitted, spread, width_of


def test_a_label_that_fits_stays_whole() -> None:
    assert fitted("FLUX.1-dev", 10) == "FLUX.1-dev"
    assert fitted("", 10) == ""


@pytest.mark.parametrize(
    "name", ["m" * 400, "W" * 30, "i" * 90, "モデル" * 20, "🦊👩\u200d👧" * 9, "a b " * 30]
)
def test_a_label_is_cut_to_its_room_whatever_its_letters(name: str) -> None:
    found = fitted(name, 10)

    assert found.endswith("…")
    assert name.startswith(found[:-1])
    assert found[-2] not in "\u200d "
    assert 7 < width_of(found) <= 10


def test_labels_keep_their_order_and_their_distance() -> None:
    places = spread([50, 10, 12, 200], least=15, bottom=100)

    assert places == [50, 10, 25, 100]


def test_labels_of_lines_that_end_together_go_up_from_the_bottom() -> None:
    assert spread([100, 100, 100], least=15, bottom=100) == [70, 85, 100]
