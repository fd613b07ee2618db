"""Generators in other languages leave the rows that ours leave; `make test-languages` runs them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.image_tracing_viewer.receiving import eventually
from tests.languages.conftest import Generator, program

from image_tracing_postgres import Store

pytestmark = pytest.mark.languages

PROTOCOLS = ("http/protobuf", "http/json")
STORIES = ("fallback", "failed")
# What no two runs share.
_OWN = frozenset(
    {
        "id",
        "otel_trace_id",
        "otel_span_id",
        "created_at",
        "completed_at",
        "total_duration_ms",
        "timestamp",
        "duration_ms",
    }
)


def without_ids_and_times(tree: Any) -> Any:
    """A document of the API less what no two runs share."""
    if isinstance(tree, list):
        return [without_ids_and_times(item) for item in tree]
    if isinstance(tree, dict):
        return {name: without_ids_and_times(value) for name, value in tree.items() if name not in _OWN}
    return tree


def documents(store: Store) -> list[Any]:
    """The traces whose generation ended."""
    found = json.loads(store.list_json())["traces"]
    return [without_ids_and_times(each) for each in found if each["status"] != "started"]


def rows_of_ours(generator: Generator, store: Store, story: str) -> list[Any]:
    """What our decorators and our exporter leave of a story; it is deleted again."""
    generator.ours(story)
    found = documents_in(store, 1)
    store.delete_all()
    return found


def documents_in(store: Store, count: int) -> list[Any]:
    """The traces whose generation ended, once there are so many."""
    eventually(lambda: len(documents(store)) >= count)
    return documents(store)


@pytest.mark.parametrize("story", STORIES)
def test_typescript_gives_the_rows_of_our_decorators(generator: Generator, store: Store, story: str) -> None:
    expected = rows_of_ours(generator, store, story)

    for protocol in PROTOCOLS:
        generator.typescript("illustrate.ts", story, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=protocol)

    assert documents_in(store, 2) == expected * 2


@pytest.mark.parametrize("story", STORIES)
def test_stock_python_gives_the_rows_of_our_decorators(
    generator: Generator, store: Store, story: str
) -> None:
    expected = rows_of_ours(generator, store, story)

    for protocol in PROTOCOLS:
        generator.stock_python(story, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=protocol)

    assert documents_in(store, 2) == expected * 2


def test_spans_in_requests_of_their_own_give_the_same_row(generator: Generator, store: Store) -> None:
    expected = rows_of_ours(generator, store, "fallback")

    generator.typescript("illustrate.ts", "fallback", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1")

    assert documents_in(store, 1) == expected


def test_a_generation_below_a_request_that_is_no_picture_is_one_row(
    generator: Generator, store: Store
) -> None:
    generator.typescript("odd-stories.ts", "below a request")

    assert eventually(lambda: [trace.status for trace in store.list()] == ["completed"])
    assert [len(trace.attempts) for trace in store.list()] == [1]


@pytest.mark.parametrize("story", ["root not ended", "root not sampled"])
def test_a_generation_whose_span_never_comes_stays_started(
    generator: Generator, store: Store, story: str
) -> None:
    generator.typescript("odd-stories.ts", story)

    assert eventually(lambda: len(store.list()) == 1)
    [trace] = store.list()
    assert (trace.status, trace.lesson_id, trace.model_used) == ("started", "lesson-1", "sd-3.5")
    assert [(attempt.model, attempt.outcome) for attempt in trace.attempts] == [("sd-3.5", "ok")]


def test_what_is_not_sampled_leaves_nothing(generator: Generator, store: Store) -> None:
    generator.typescript("illustrate.ts", "fallback", OTEL_TRACES_SAMPLER="always_off")
    generator.typescript("illustrate.ts", "failed")

    assert eventually(lambda: [trace.status for trace in store.list()] == ["failed"])


def test_the_typescript_is_well_typed(project: Path) -> None:
    done = subprocess.run(
        [program("bin/node"), "node_modules/typescript/bin/tsc"], cwd=project, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, "")
