"""`Store.to_dataframe`."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from image_tracing_postgres import InvalidFilterError, Store, rows_from

from .conftest import NewSpans


@pytest.fixture
def told(store: Store, new: NewSpans) -> Store:
    """One generation: a failed attempt at sdxl, then a good one at flux."""
    store.save(
        rows_from(
            [
                new.attempt(span_id=2, failed="no image", request_model="sdxl"),
                new.attempt(span_id=3, number=2),
                new.root(),
            ]
        )
    )
    return store


def test_traces_become_rows(told: Store) -> None:
    frame = told.to_dataframe()

    [row] = frame.to_dict("records")
    assert (row["lesson_id"], row["models_tried"]) == ("lesson-1", ["sdxl", "flux"])
    assert row["created_at"] == datetime(2025, 10, 26, 10, 30, tzinfo=UTC)
    assert len(json.loads(row["image_generation_attempts"])) == 2


def test_attempts_become_rows_that_can_be_counted(told: Store) -> None:
    frame = told.to_dataframe(of="attempts")

    assert frame.groupby("model")["success"].mean().to_dict() == {"flux": 1.0, "sdxl": 0.0}
    assert frame["duration_ms"].sum() == 2_000
    assert frame["error_class"].isna().tolist() == [False, True]


def test_filters_narrow(told: Store) -> None:
    assert told.to_dataframe(of="attempts", model="flux")["model"].tolist() == ["flux"]
    with pytest.raises(InvalidFilterError, match="of has to be one of"):
        told.to_dataframe(of="images")  # type: ignore[arg-type]


def test_nothing_keeps_its_columns_and_types(store: Store, told: Store) -> None:
    full = told.to_dataframe(of="attempts")

    frame = store.to_dataframe(of="attempts", lesson_id="nobody")

    assert len(frame) == 0
    assert frame.dtypes.equals(full.dtypes)


def test_without_pandas_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['pandas'] = None\n"
        "from image_tracing_postgres.dataframe import dataframe\ndataframe([], [])"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "pip install 'image-tracing[dataframe]'" in done.stderr
