"""Whatever is written, repeated, late, deleted or asked in between: the figures are those of the rows."""

import json
import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from tests.image_tracing_postgres.conftest import NewSpans
from tests.image_tracing_postgres.foreign.test_nesting import OURS, THEIRS
from tests.image_tracing_postgres.statistics.documented import differences

from image_tracing_postgres import Store, rows_from
from image_tracing_postgres.connection import BoundedConnection
from image_tracing_postgres.merge import save

SECOND = 1_000_000_000
# A quarter of an hour before the clocks of Berlin are set back.
EPOCH = datetime(2025, 10, 26, 0, 45, tzinfo=UTC)
RANGE = (EPOCH - timedelta(days=2), EPOCH + timedelta(days=8, minutes=2, seconds=1))
_INSIDE = (EPOCH - timedelta(minutes=3, seconds=1), EPOCH + timedelta(days=6, seconds=1))
_CUTS: list[Any] = [
    {"bucket": "day", "tz": "Europe/Berlin"},
    {"bucket": "hour", "tz": "Asia/Kathmandu"},
    {"bucket": "week", "tz": "Europe/Berlin"},
    {"bucket": "month", "tz": "Australia/Lord_Howe"},
]
# In Berlin a week begins after 1,335 minutes and a month after 8,535.
_TIMES = [-1500, -46, -45, -5, -1, 0, 4, 5, 14, 15, 61, 75, 1300, 1334, 1335, 1395, 2835, 8534, 8535]
MINUTES = st.sampled_from(_TIMES)
MILLISECONDS = st.sampled_from([0, 1, 99, 100, 101, 102, 1_000, 1_005, 1_020, 30_000, 400_000])


@st.composite
def _generations(draw: st.DrawFn, trace_id: int) -> list[ReadableSpan]:
    """Some spans of a generation, attempts that end twice and start elsewhere among them."""
    spans = []
    begin = int((EPOCH + timedelta(minutes=draw(MINUTES))).timestamp()) * SECOND
    for number in draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)):
        start = begin + draw(st.sampled_from([7_200, 200, 1, 0])) * SECOND
        spans.append(
            OURS.attempt(
                trace_id=trace_id,
                span_id=10 + number,
                number=draw(st.integers(1, 2)),
                failed=draw(st.sampled_from(["too slow", None])),
                request_model=draw(st.sampled_from(["flux", "sdxl", None])),
                provider_name=draw(st.sampled_from(["google", None])),
                images=json.dumps([{"index": 0, "dataSize": 5}] * draw(st.integers(0, 2))),
                start_time=start,
                end_time=start + draw(MILLISECONDS) * 1_000_000,
            )
        )
    for _ in range(draw(st.integers(1, 2))):
        end = draw(st.one_of(st.none(), MILLISECONDS.map(lambda ms: begin + ms * 1_000_000)))
        failed = draw(st.sampled_from([None, "gave up"]))
        is_interrupted = end is None and draw(st.booleans())
        spans.append(
            OURS.root(
                trace_id=trace_id,
                start_time=begin,
                end_time=end,
                failed=None if end is None else failed,
                is_interrupted=is_interrupted,
            )
        )
    if draw(st.booleans()):
        spans.append(
            THEIRS(trace_id=trace_id, span_id=0xF1, parent=draw(st.sampled_from([None, 1, 11, 0xA0])))
        )
        spans.append(THEIRS.workflow(trace_id=trace_id))
    return spans


Act = Callable[[Store], Any]


@st.composite
def _acts(draw: st.DrawFn) -> list[Act]:
    """Writes in any order and parts, some of them twice; deletions and questions in between."""
    spans = [span for trace_id in (1, 2) for span in draw(_generations(trace_id))]
    order = draw(st.permutations(spans + draw(st.lists(st.sampled_from(spans), max_size=4))))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), min_size=2, max_size=6)))
    acts: list[Act] = []
    for start, stop in pairwise([0, *cuts, len(order)]):
        acts += [_saving(order[start:stop]), draw(st.sampled_from(_OTHER_ACTS))]
    return acts


def _refreshing(store: Store) -> None:
    store.refresh_stats(seconds=60)


def _saving(spans: list[ReadableSpan]) -> Act:
    return lambda store: store.save(rows_from(spans))


def _asking(store: Store) -> None:
    for cut in _CUTS:
        store.stats(from_=RANGE[0], to=RANGE[1], **cut)


def _deleting_one(store: Store) -> None:
    for trace in store.list(limit=1):
        store.delete(trace.id)


def _deleting_all(store: Store) -> None:
    store.delete_all()


def _rebuilding(store: Store) -> None:
    store.rebuild_stats()


# What was summed up before a change shows whether the change was told; so that is the most frequent.
_OTHER_ACTS: Sequence[Act] = [_refreshing] * 5 + [
    _asking,
    _deleting_one,
    _deleting_one,
    _deleting_all,
    _rebuilding,
]


@pytest.fixture
def hasty(database: str) -> str:
    """The conninfo of the database without waits for a disk."""
    return f"{database} options='-c synchronous_commit=off'"


@pytest.mark.parametrize(
    "examples", [60, pytest.param(2_000, marks=[pytest.mark.long, pytest.mark.timeout(6_000)])]
)
def test_any_history_ends_with_the_figures_of_the_rows(hasty: str, examples: int) -> None:
    with Store(hasty) as store:
        # A history takes half a second: shrinking one that fails would take as long as all tests may.
        @settings(
            max_examples=examples,
            phases=[Phase.generate],
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(_acts(), st.sampled_from([RANGE, _INSIDE]), st.permutations(_CUTS))
        def check(acts: list[Act], asked: tuple[datetime, datetime], cuts: Sequence[Any]) -> None:
            _emptied(hasty)
            for act in acts:
                act(store)
            for cut in cuts[:2]:
                found = store.stats(from_=asked[0], to=asked[1], **cut).as_json()
                assert differences(found, hasty, points=8) == []

        check()


def _emptied(conninfo: str) -> None:
    """Only what writers tell may say what there is: nothing is deleted by the store here."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE image_traces, image_attempts, image_foreign_spans, image_summary_changes, "
            "image_generation_summaries, image_attempt_summaries"
        )


def test_writers_deleters_and_readers_at_once_end_right(hasty: str, new: NewSpans) -> None:
    chance = random.Random(7)
    spans = [span for trace_id in range(1, 61) for span in _some(new, chance, trace_id)]
    errors: list[BaseException] = []

    def run(act: Callable[[Store, random.Random], Any], seed: int) -> None:
        own = random.Random(seed)
        try:
            with Store(hasty) as store:
                for _ in range(25):
                    act(store, own)
        except BaseException as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    acts = [_write(spans), _write(spans), _write(spans), lambda store, _: _deleting_one(store)]
    acts += [lambda store, _: _asking(store)] * 2
    threads = [threading.Thread(target=run, args=(act, seed)) for seed, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    with Store(hasty) as store:
        found = store.stats(from_=RANGE[0], to=RANGE[1], bucket="hour").as_json()
    assert differences(found, hasty) == []


def _write(spans: list[ReadableSpan]) -> Callable[[Store, random.Random], None]:
    return lambda store, chance: store.save(rows_from(chance.sample(spans, 30)))


def _some(new: NewSpans, chance: random.Random, trace_id: int) -> list[ReadableSpan]:
    begin = int(EPOCH.timestamp()) * SECOND + chance.randrange(3 * 3600) * SECOND
    attempts = [
        new.attempt(
            trace_id=trace_id,
            span_id=10 + number,
            number=number,
            failed=chance.choice([None, "too slow"]),
            start_time=begin + number * 100 * SECOND,
            end_time=begin + number * 100 * SECOND + chance.randrange(60_000) * 1_000_000,
        )
        for number in (1, 2)
    ]
    return [*attempts, new.root(trace_id=trace_id, start_time=begin, end_time=begin + 300 * SECOND)]


def test_a_trace_that_another_stores_meanwhile_leaves_where_it_was(
    database: str, modest_role: str, new: NewSpans
) -> None:
    """It is not there when the writer locks what it changes, and there when it merges."""
    with Store(database) as store:
        store.save(rows_from([new.attempt(start_time=int(EPOCH.timestamp()) * SECOND)]))
        with psycopg.connect(database) as other:
            row = other.execute("SELECT row_to_json(image_traces)::text FROM image_traces").fetchone()
            other.execute("TRUNCATE image_traces, image_attempts, image_summary_changes")
            other.commit()
            other.execute(
                "INSERT INTO image_traces SELECT * FROM json_populate_record(NULL::image_traces, %s)", row
            )
            writer = threading.Thread(target=_save, args=(modest_role, [new.root(), new.attempt()]))
            writer.start()
            _wait_for_a_lock(database)
            other.commit()
            writer.join()
            told = other.execute("SELECT unnest(slots) FROM image_summary_changes").fetchall()

        assert (EPOCH,) in told
        found = store.stats(from_=RANGE[0], to=RANGE[1], bucket="day").as_json()
    assert differences(found, database) == []


def _save(conninfo: str, spans: list[ReadableSpan]) -> None:
    with BoundedConnection.connect(conninfo, autocommit=True) as connection:
        save(connection, rows_from(spans))


def _wait_for_a_lock(conninfo: str) -> None:
    waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while connection.execute(waiting).fetchone() is None:
            pass
