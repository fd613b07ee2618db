"""What the packages of docs/foreign-spans.md emitted, as rows; test_packages.py runs them anew."""

from pathlib import Path

import pytest

from image_tracing_postgres import Store, rows_from
from image_tracing_postgres.spool import payload_of, span_from

from .conftest import spans_in
from .expected import ROWS, rows_of

_SPANS = Path(__file__).parent / "spans"


@pytest.mark.parametrize("emitter", sorted(ROWS))
def test_spans_of_an_emitter_are_rows(store: Store, emitter: str) -> None:
    rows = rows_from(spans_in(_SPANS / f"{emitter}.json"))
    store.save(rows)

    assert rows.unread == []
    assert rows_of(store.attempts(), ROWS[emitter]) == ROWS[emitter]
    # Each is a generation of its own, and has ended.
    traces = store.list()
    assert [len(trace.attempts) for trace in traces] == [1] * len(ROWS[emitter])
    assert {trace.status for trace in traces} <= {"completed", "failed"}


@pytest.mark.parametrize("emitter", sorted(ROWS))
def test_they_are_the_same_rows_by_way_of_the_spool(store: Store, emitter: str) -> None:
    payloads = [payload_of(span, is_trusted=True) for span in spans_in(_SPANS / f"{emitter}.json")]
    store.save(rows_from(span_from(payload) for payload in payloads if payload is not None))

    assert rows_of(store.attempts(), ROWS[emitter]) == ROWS[emitter]


@pytest.mark.parametrize("emitter", sorted(ROWS))
def test_no_picture_goes_to_the_spool(emitter: str) -> None:
    for span in spans_in(_SPANS / f"{emitter}.json"):
        payload = payload_of(span, is_trusted=True) or b""
        assert b"iVBORw0KGgo" not in payload
        assert b";base64," not in payload


def test_what_a_call_used_and_cost_stands_in_the_response(store: Store) -> None:
    store.save(rows_from(spans_in(_SPANS / "pydantic_ai_openai.json")))

    [response] = [attempt.response for attempt in store.attempts() if attempt.success]
    assert response["usage"] == {"input_tokens": 7, "output_tokens": 272, "cost_usd": 0.008195}


def test_a_revised_prompt_stands_in_the_response(store: Store) -> None:
    store.save(rows_from(spans_in(_SPANS / "openinference_openai.json")))

    revised = [attempt.response.get("revised_prompt") for attempt in store.attempts(model="dall-e-3")]
    assert revised == ["A red fox, in fresh snow"]


def test_what_logfire_announces_is_a_generation_that_began(store: Store) -> None:
    pending, _, *_rest = spans_in(_SPANS / "logfire_openai.json")
    store.save(rows_from([pending]))

    [trace] = store.list(model="gpt-image-2")
    assert (trace.status, trace.attempts) == ("started", ())


def test_what_logfire_announced_ends_as_one_generation(store: Store) -> None:
    spans = spans_in(_SPANS / "logfire_openai.json")
    store.save(rows_from(spans[:1]))
    store.save(rows_from(spans[1:2]))
    store.save(rows_from(spans[:1]))

    assert [(trace.status, len(trace.attempts)) for trace in store.list()] == [("completed", 1)]
