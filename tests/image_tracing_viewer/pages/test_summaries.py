"""What one row of the list says of a generation."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from image_tracing_postgres.records import Attempt, Image, Trace
from image_tracing_viewer.summaries import Summary, summary_of

Make = Callable[..., Attempt]
MakeTrace = Callable[..., Trace]
NOW = datetime(2025, 10, 26, 10, 40, tzinfo=UTC)


def row_of(trace: Trace) -> Summary:
    return summary_of(trace, now=NOW)


def test_the_chain_shows_each_model_once_with_what_became_of_it(attempt: Make, trace: MakeTrace) -> None:
    failed = attempt(model="bfl/flux", error_class="rate_limited", duration_ms=400)
    again = attempt(number=2, model="bfl/flux", error_class="timeout", duration_ms=600)
    good = attempt(number=3, model="stabilityai/sdxl")

    row = row_of(trace(failed, again, good))

    assert [(step.short, step.kind, step.failed, step.succeeded) for step in row.steps] == [
        ("flux", "failed", 2, 0),
        ("sdxl", "served", 0, 1),
    ]
    assert [step.told for step in row.steps] == ["rate limited, timeout", "ok; served"]
    assert row.note == "rate limited, timeout · 1.0 s wasted"


def test_a_repeated_class_is_counted(attempt: Make, trace: MakeTrace) -> None:
    attempts = [attempt(number=number, error_class="quota") for number in (1, 2)]

    assert row_of(trace(*attempts, status="failed")).note == "quota ×2 · 2.0 s wasted"  # noqa: RUF001


def test_a_first_try_names_its_provider_and_what_was_odd(attempt: Make, trace: MakeTrace) -> None:
    assert row_of(trace(attempt())).note == "huggingface"
    assert row_of(trace(attempt(outcome="mismatch"))).note == "huggingface · mismatch"


def test_long_chains_keep_their_begin_and_their_end(attempt: Make, trace: MakeTrace) -> None:
    attempts = [attempt(number=number, model=f"m{number}", error_class="timeout") for number in range(1, 12)]

    row = row_of(trace(*attempts, attempt(number=12, model="m12")))

    assert [step.short for step in row.steps] == ["m1", "m2", "m12"]
    assert [step.short for step in row.hidden_steps] == [f"m{number}" for number in range(3, 12)]


def test_only_delivered_pictures_are_counted(
    attempt: Make, trace: MakeTrace, image: Callable[..., Image]
) -> None:
    blank = attempt(error_class="bad_image", outcome="blank", images=[image(size_bytes=50)])
    good = attempt(number=2, images=[image(size_bytes=1000), image(index=1, size_bytes=None)])

    row = row_of(trace(blank, good))

    assert (row.pictures, row.picture_size) == ("2", "1.0 kB")


def test_a_generation_without_a_lesson_goes_by_its_name_then_its_id(trace: MakeTrace) -> None:
    assert row_of(trace(lesson_id=None)).title == "illustrate"
    assert row_of(trace(lesson_id=None, name=None)).title == "Generation 123e4567"


def test_before_an_attempt_has_ended_the_asked_prompts_show(trace: MakeTrace) -> None:
    row = row_of(trace(status="started", request_data={"prompts": ["a fox", "an owl", 3]}))

    assert (row.prompt, row.prompt_count, row.state) == ("a fox", 2, "started")
    assert row.note == "waiting for the first attempt"


def test_a_request_of_any_shape_is_no_obstacle(trace: MakeTrace) -> None:
    requests: tuple[Any, ...] = (None, "text", 3, [], {"prompts": "one"}, {"prompt": ["x"]})
    for request in requests:
        assert row_of(trace(request_data=request)).prompt == ""


def test_a_stalled_generation_says_so(attempt: Make, trace: MakeTrace) -> None:
    row = row_of(trace(attempt(), status="started", total_duration_ms=None, is_stalled=True))

    assert (row.state, row.note, row.duration) == ("stalled", "no end was ever recorded", "")


def test_a_failure_without_attempts_shows_its_message(trace: MakeTrace) -> None:
    assert row_of(trace(status="failed", error_message="no model configured")).note == "no model configured"


def test_the_strip_shows_when_attempts_ran(attempt: Make, trace: MakeTrace) -> None:
    failed = attempt(duration_ms=1000, error_class="timeout")
    good = attempt(number=2, at_ms=2000, duration_ms=2000)

    row = row_of(trace(failed, good))

    assert row.failed_path == "M0.0 0h25.0v4h-25.0z"
    assert row.succeeded_path == "M50.0 0h50.0v4h-50.0z"


def test_very_long_values_stay_short(attempt: Make, trace: MakeTrace) -> None:
    row = row_of(trace(attempt(prompt="fox " * 16_000, model="m" * 500), lesson_id="l" * 500))

    assert max(len(row.title), len(row.prompt), len(row.steps[0].short)) <= 180


def test_a_generation_without_an_end_tells_how_long_it_has_run(trace: MakeTrace) -> None:
    running = trace(status="started", total_duration_ms=None, completed_at=None)

    assert (row_of(running).elapsed, row_of(running).duration) == ("10 min", "")
    assert row_of(trace()).elapsed == ""


def test_an_interrupted_generation_says_what_became_of_its_process(attempt: Make, trace: MakeTrace) -> None:
    ended: dict[str, Any] = {
        "status": "failed",
        "error_class": "interrupted",
        "error_message": "process ended",
        "completed_at": None,
        "total_duration_ms": None,
    }

    assert row_of(trace(**ended)).note == "its process ended before the generation did"
    assert row_of(trace(attempt(error_class="quota"), **ended)).note == (
        "quota · 1.0 s wasted · its process ended"
    )
    assert (row_of(trace(**ended)).duration, row_of(trace(**ended)).elapsed) == ("", "")
