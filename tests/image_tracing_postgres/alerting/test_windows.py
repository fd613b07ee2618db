"""What rules count in a database."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.image_tracing_postgres.alerting.conftest import MINUTE, NOON, Calls, NewRule

from image_tracing_postgres.alerting.figures import AttemptFigures, GenerationFigures, Spell
from image_tracing_postgres.alerting.rules import Rule
from image_tracing_postgres.alerting.verdicts import Verdict
from image_tracing_postgres.alerting.windows import evidence_behind, figures_of

BENCH = Path(__file__).parents[3] / "benchmarks" / "alerts" / "run.py"


def counted(database: str, rule: Rule) -> dict[str, Any]:
    """What the rule counts at noon, by model."""
    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        return {figures.subject: figures for figures in figures_of(cursor, rule, NOON)}


def test_a_row_of_failures_ends_with_the_last_picture(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add(None, at=NOON - 5 * MINUTE)
    calls.add_many(3, "timeout", before=NOON)

    found = counted(database, new_rule(each_model=True))

    assert found["flux"] == AttemptFigures(
        "flux", 4, failed=3, run=3, run_seconds=32, recent=4, recent_failed=3, p95_ms=2000
    )


def test_each_model_has_figures_of_its_own(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add("timeout", "quota", None, at=NOON - MINUTE)
    calls.add(None, at=NOON - MINUTE, models=(None,))

    found = counted(database, new_rule("failure_rate", each_model=True))

    assert {name: (figures.count, figures.failed) for name, figures in found.items()} == {
        "flux": (1, 1),
        "sdxl": (1, 1),
        "turbo": (1, 0),
        "": (1, 0),
    }


def test_attempts_outside_of_the_window_do_not_count(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add("timeout", at=NOON - 16 * MINUTE)
    calls.add("timeout", at=NOON - MINUTE, seconds=61)

    assert counted(database, new_rule("failure_rate", each_model=True)) == {}
    assert counted(database, new_rule("failure_rate")) == {"": AttemptFigures("", 0)}


@pytest.mark.parametrize("error_class", ["refused", "invalid_request", "cancelled"])
def test_what_the_request_brought_about_is_no_failure(
    database: str, calls: Calls, new_rule: NewRule, error_class: str
) -> None:
    calls.add(error_class, "unknown", None, at=NOON - MINUTE)

    found = counted(database, new_rule("failure_rate", each_model=True))

    assert list(found) == ["turbo"]


def test_a_rule_that_asks_for_a_class_counts_just_that(
    database: str, calls: Calls, new_rule: NewRule
) -> None:
    calls.add("refused", "timeout", None, at=NOON - MINUTE)

    found = counted(database, new_rule("failure_rate", filters={"error_class": "refused"}))

    assert (found[""].count, found[""].failed) == (3, 1)


def test_durations_can_be_those_of_one_class(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add("timeout", at=NOON - 2 * MINUTE, seconds=60)
    calls.add(None, at=NOON - MINUTE)

    found = counted(database, new_rule("p95_duration", filters={"error_class": "timeout"}))

    assert (found[""].count, found[""].p95_ms) == (1, 60_000)


def test_filters_choose_generations_as_the_list_does(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add("timeout", None, at=NOON - MINUTE, lesson_id="a")
    calls.add("timeout", at=NOON - MINUTE, lesson_id="b")

    by_lesson = counted(database, new_rule("failure_rate", filters={"lesson_id": "a"}))
    by_model = counted(database, new_rule("failure_rate", filters={"model": "flux"}))
    generations = counted(database, new_rule("failed_generations", filters={"lesson_id": "b"}))

    assert (by_lesson[""].count, by_lesson[""].failed) == (2, 1)
    assert (by_model[""].count, by_model[""].failed) == (2, 2)
    assert generations[""].spells == (Spell(began=1, ended=1, failed=1, judged=1, late=1),)


def test_generations_are_counted_by_their_end(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add("timeout", None, at=NOON - 2 * MINUTE)
    calls.add(None, at=NOON - MINUTE, seconds=61)

    found = counted(database, new_rule("fallback_rate"))

    assert found[""] == GenerationFigures((Spell(began=2, ended=1, fell_back=1, judged=1),))


def test_a_generation_that_runs_too_long_is_late(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add(None, at=NOON - 4 * MINUTE, seconds=600)
    calls.add(None, at=NOON - 3 * MINUTE, seconds=121)
    calls.add(None, at=NOON - 2 * MINUTE, seconds=120)
    calls.add(None, at=NOON - MINUTE, seconds=600)

    [_, five_minutes, *_] = counted(database, new_rule("time_to_picture"))[""].spells

    assert five_minutes == Spell(began=4, ended=1, judged=2, late=1) or five_minutes == Spell(
        began=4, ended=2, judged=3, late=2
    )


def test_silence_knows_the_day_and_the_week_before(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add_many(2, None, before=NOON - timedelta(days=7))
    calls.add_many(3, None, before=NOON - timedelta(days=1))

    spells = counted(database, new_rule("silence"))[""].spells

    assert [spell.began for spell in spells] == [0, 3, 2]


def test_before_the_first_trace_there_was_nothing_to_know(
    database: str, calls: Calls, new_rule: NewRule
) -> None:
    calls.add(None, at=NOON - timedelta(days=3))

    spells = counted(database, new_rule("silence"))[""].spells

    assert spells == (Spell(), Spell(), None)


def test_the_traces_behind_a_row_are_those_of_the_row(database: str, calls: Calls, new_rule: NewRule) -> None:
    calls.add("quota", at=NOON - 6 * MINUTE)
    calls.add(None, at=NOON - 5 * MINUTE)
    ids = [calls.add("timeout", at=NOON - minutes * MINUTE) for minutes in (2, 1)]

    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        verdicts = {"flux": Verdict("breach", 2, 4)}
        found = evidence_behind(cursor, new_rule(each_model=True), verdicts, NOON)["flux"]

    assert found.trace_ids == [str(id_) for id_ in reversed(ids)]
    assert (found.number, found.error_classes) == (2, {"timeout": 2})
    assert (found.from_, found.to) == (NOON - 2 * MINUTE, NOON - MINUTE + timedelta(microseconds=1))


@pytest.mark.parametrize(("kind", "numbers"), [("failures_in_a_row", (2, 3)), ("failure_rate", (3, 4))])
def test_the_traces_behind_several_models_are_those_of_each(
    database: str, calls: Calls, new_rule: NewRule, kind: str, numbers: tuple[int, int]
) -> None:
    both = ("timeout", "unknown")
    for minutes, of_flux, of_sdxl in ((4, "quota", "quota"), (3, None, "timeout"), (2, *both), (1, *both)):
        calls.add(of_flux, of_sdxl, at=NOON - minutes * MINUTE)

    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        verdicts = {"flux": Verdict("breach", 2, 4), "sdxl": Verdict("breach", 3, 4)}
        found = evidence_behind(cursor, new_rule(kind, each_model=True), verdicts, NOON)

    assert (found["flux"].number, found["sdxl"].number) == numbers


@pytest.mark.parametrize(
    ("kind", "number"),
    [("fallback_rate", 2), ("failed_generations", 1), ("time_to_picture", 1), ("silence", 0)],
)
def test_the_traces_behind_generations_are_the_bad_ones(
    database: str, calls: Calls, new_rule: NewRule, kind: str, number: int
) -> None:
    calls.add("quota", "timeout", at=NOON - 3 * MINUTE)
    calls.add("quota", None, at=NOON - 2 * MINUTE)
    calls.add(None, at=NOON - MINUTE)

    with psycopg.connect(database) as connection, connection.cursor() as cursor:
        found = evidence_behind(cursor, new_rule(kind), {"": Verdict("breach", 1, 3)}, NOON)[""]

    assert found.number == number


def test_postgres_counts_what_is_counted_in_memory(database: str) -> None:
    command = [sys.executable, str(BENCH), "--seeds", "3", "--hours", "1.5", "--postgres", database]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


_MANY = """
INSERT INTO image_attempts (
    trace_id, span_id, started_at, ended_at, duration_ms, number, success, model, outcome, error_class
)
SELECT gen_random_uuid(), 'a', at, at, 1, 1, false, 'flux', 'error', 'timeout'
FROM generate_series(%(noon)s::timestamptz - interval '11 h', %(noon)s::timestamptz, '1 s') AS called (at)"""


def test_a_look_reads_its_window_and_not_the_table(database: str, new_rule: NewRule) -> None:
    with psycopg.connect(database, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(_MANY, {"noon": NOON})
        cursor.execute("ANALYZE image_attempts")
        before = _rows_read(cursor)

        [figures] = figures_of(cursor, new_rule("failure_rate", window_minutes=5), NOON)

        assert (figures.count, _rows_read(cursor) - before) == (300, 0)  # type: ignore[union-attr]


def _rows_read(cursor: psycopg.Cursor[Any]) -> int:
    """Of the table of attempts, one by one, without an index."""
    cursor.execute("SELECT pg_stat_force_next_flush()")
    row = cursor.execute(
        "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'image_attempts'"
    ).fetchone()
    return int(row[0]) if row else 0
