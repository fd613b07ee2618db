"""What a caller says of an attempt before it raises."""

import pytest

from image_tracing import attempt, current_attempt

from ..conftest import Spans


def test_an_outcome_that_was_told_stands_when_the_attempt_then_raises(spans: Spans) -> None:
    @attempt
    def paint(model: str) -> bytes:
        current_attempt().fail("the picture is black", outcome="blank")
        raise ValueError("try the next model")

    with pytest.raises(ValueError, match="next model"):
        paint("flux")

    [span] = spans.finished()
    told = span.attributes or {}
    assert told["image_generation.outcome"] == "blank"
    assert told["image_generation.error.category"] == "bad_image"
