"""A span on its way to disk and back: the same rows, nothing else, no secret, bounded."""

import json
import math
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.trace import Status, StatusCode

from image_tracing import attributes as names
from image_tracing.storable import plain
from image_tracing_postgres.rows import rows_from
from image_tracing_postgres.spool import payload_of, span_from
from image_tracing_postgres.spool.payloads import READ, identity_of, is_attempt, is_failed_root, stripped

from ..conftest import NewSpans

NEW = NewSpans()
KEY = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"
# Far below what Postgres refuses and Python cannot read; beyond are tests of their own.
TEXTS = st.text(max_size=40)
SCALARS = st.one_of(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
JSON = st.recursive(
    st.one_of(SCALARS, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
).map(lambda value: json.dumps(value))
VALUES = st.one_of(SCALARS, JSON, st.lists(SCALARS, max_size=4).map(tuple), st.none())
ATTRIBUTES = st.dictionaries(st.sampled_from(sorted(READ - {names.ROLE})), VALUES, max_size=12)


def _kept(span: ReadableSpan, *, is_trusted: bool = True) -> bytes:
    payload = payload_of(span, is_trusted=is_trusted)
    assert payload is not None
    payload.decode()
    return payload


def _with(span: ReadableSpan, attributes: dict[str, Any]) -> ReadableSpan:
    span._attributes = {**(span.attributes or {}), **attributes}
    return span


def _rows(span: ReadableSpan) -> Any:
    rows = rows_from([span])
    return rows.traces, rows.attempts, [reason for _, reason in rows.unread]


@settings(max_examples=1_000, deadline=None)
@given(ATTRIBUTES, st.sampled_from(["root", "attempt"]), st.booleans(), st.booleans())
def test_the_rows_are_those_of_the_span(
    attributes: dict[str, Any], role: str, has_failed: bool, is_started: bool
) -> None:
    more: dict[str, Any] = {"end_time": None} if is_started else {}
    span = _with(getattr(NEW, role)(failed="no answer" if has_failed else None, **more), attributes)
    payload = payload_of(span, is_trusted=True)

    if payload is None:
        assert is_started
        assert _rows(span) == ([], [], [])
    else:
        assert _rows(span_from(payload)) == _rows(span)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(READ)), st.one_of(VALUES, st.binary(), st.just(object()))),
    st.text(max_size=20),
    st.booleans(),
)
def test_whatever_a_span_holds_becomes_a_record(
    attributes: dict[str, Any], name: str, is_trusted: bool
) -> None:
    span = _with(NEW.attempt(name=name, resource=Resource({"service.name": name})), attributes)
    payload = payload_of(span, is_trusted=is_trusted)

    assert payload is None or rows_from([span_from(payload)]).unread == []


HOSTILE: dict[str, Any] = {
    "NUL": "a\0b",
    "surrogate": "\ud800 alone",
    "escaped NUL": "\\u0000",
    "escaped NUL in JSON": '{"a": "\\u0000"}',
    "NaN": math.nan,
    "infinity": -math.inf,
    "large number": 10**400,
    "unprintable number": 10**5_000,
    "bytes": b"\0\xff",
    "keys": {1: "a", "1": "b", (2,): "c"},
    "deep": {"deep": [[[[[[[[[[[[[["x"]]]]]]]]]]]]]]},
    "sequence": ("a\0", "\udfff"),
    "deep JSON": "[" * 3_000 + "]" * 3_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", [names.PROMPT, names.REQUEST, names.LESSON_ID, names.STEPS, names.IMAGES])
def test_hostile_values_give_the_same_rows(name: str, kind: str) -> None:
    span, same = (_with(NEW.attempt(), {name: value}) for value in (HOSTILE[kind], plain(HOSTILE[kind])))

    assert _rows(span_from(_kept(span))) == _rows(same)
    assert rows_from([span_from(_kept(span, is_trusted=False))]).unread == []


def test_what_rows_do_not_read_stays_out() -> None:
    more = {
        names.INPUT_MESSAGES: "stays out",
        "user.id": "stays out",
        names.EXCEPTION_STACKTRACE: "stays out",
    }
    span = _with(
        NEW.attempt(name="generate_content stays out", resource=Resource({"host": "stays out"})), more
    )
    span._events = [Event("exception", {"exception.stacktrace": "stays out"})]

    assert b"stays out" not in _kept(span)
    assert b"stays out" not in _kept(span, is_trusted=False)


@pytest.mark.parametrize(
    "attributes",
    [
        {names.PROMPT: f"draw {KEY}"},
        {names.REQUEST: json.dumps({"api_key": "hunter2", "nested": [{"password": "hunter2"}], "n": KEY})},
        {names.RESPONSE: f"no JSON, {KEY}"},
        {names.IMAGE_URLS: (f"https://host/x?token={KEY}",)},
        {names.ERROR_MESSAGE: f"Bearer {KEY} was refused"},
        {names.LESSON_ID: KEY},
    ],
)
def test_spans_of_others_are_redacted(attributes: dict[str, Any]) -> None:
    payload = _kept(_with(NEW.attempt(scope="theirs"), attributes))

    assert KEY.encode() not in payload
    assert b"hunter2" not in payload
    assert _kept(_with(NEW.attempt(), attributes), is_trusted=False).count(KEY.encode()) == 0


def test_names_statuses_and_services_of_others_are_redacted() -> None:
    span = NEW.root(scope="theirs", name=KEY, resource=Resource({"service.name": KEY}))
    span._status = Status(StatusCode.ERROR, KEY)
    span._events = [Event("exception", {"exception.message": KEY})]

    assert KEY.encode() not in _kept(span)


def test_json_of_others_stays_json() -> None:
    request = {"prompt": "x" * 100_000, "password": "hunter2", "steps": 4}
    span = NEW.root(request=json.dumps(request), scope="theirs")

    [trace] = rows_from([span_from(_kept(span))]).traces
    assert {**json.loads(trace.request_data or ""), "prompt": ""} == {
        "prompt": "",
        "password": "[redacted]",
        "steps": 4,
    }


def test_a_message_of_an_event_is_kept() -> None:
    span = NEW.attempt(error_type="ValueError")
    span._events = [Event("exception", {"exception.message": "too dark"})]

    assert _rows(span_from(_kept(span))) == _rows(span)
    assert b"too dark" in _kept(span)


LONG: dict[str, Any] = {
    "text": "x" * 10_000_000,
    "NULs": "\0" * 10_000_000,
    "JSON": json.dumps({"prompt": "x" * 10_000_000}),
    "texts": tuple("y" * 10_000 for _ in range(1_000)),
    "mapping": {str(n): "z" * 10_000 for n in range(1_000)},
}


@pytest.mark.parametrize("is_trusted", [True, False])
@pytest.mark.parametrize("kind", LONG)
def test_no_record_is_longer_than_a_megabyte(kind: str, is_trusted: bool) -> None:
    span = _with(NEW.attempt(), dict.fromkeys((names.PROMPT, names.REQUEST, names.IMAGE_URLS), LONG[kind]))
    payload = _kept(span, is_trusted=is_trusted)

    assert len(payload) <= 1024 * 1024
    [(_, attempt)] = rows_from([span_from(payload)]).attempts
    assert (attempt.model, attempt.outcome, attempt.duration_ms) == ("flux", "ok", 1_000)


def test_a_prompt_of_ten_megabytes_takes_milliseconds() -> None:
    span = NEW.attempt(prompt="a red fox " * 1_000_000)
    best = math.inf
    for _ in range(5):
        began = perf_counter()
        _kept(span)
        best = min(best, perf_counter() - began)

    assert best < 0.05


def test_long_texts_are_cut_as_rows_cut_them() -> None:
    span = NEW.attempt(prompt="é" * 1_000_000, request=json.dumps({"text": ["x" * 1_000_000]}))

    assert _rows(span_from(_kept(span))) == _rows(span)


def test_other_spans_are_passed_over() -> None:
    other = NEW.root(role=None, scope="requests", operation_name="chat")

    assert payload_of(other, is_trusted=True) is None


def test_the_start_of_an_attempt_is_told_of_only_if_it_is_alone() -> None:
    lone, inner = NEW.attempt(root=None, end_time=None), NEW.attempt(end_time=None)

    assert payload_of(inner, is_trusted=True) is None
    [trace] = rows_from([span_from(_kept(lone))]).traces
    assert (trace.status, trace.models_tried) == ("started", ["flux"])


def test_a_started_span_of_the_sdk_is_a_record() -> None:
    tracer = TracerProvider().get_tracer(names.SCOPE)
    with tracer.start_as_current_span("draw", attributes={names.ROLE: names.ROLE_GENERATION}) as span:
        assert isinstance(span, ReadableSpan)
        payload = _kept(span)

    context = span.get_span_context()
    assert span_from(payload).end_time is None
    assert identity_of(payload) == ("started", f"{context.trace_id:032x}", f"{context.span_id:016x}")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"5",
        b"\xff",
        b'["ended"]',
        b"[" * 100_000,
        b'["ended","x","y","n",1,2,0,null,"","s",{},null]',
        b'["ended","a","b","n",1,2,9,null,"","s",{},null]',
        b'["ended","a","b","n",1,2,1,null,"","s",7,"m"]',
        b'["ended","a","b","n",1,2,1,null,"",[],{},null]',
        b'{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12}',
    ],
)
def test_what_is_no_record_is_a_value_error_and_stays_as_it_is(payload: bytes) -> None:
    with pytest.raises(ValueError, match="should be a span"):
        span_from(payload)

    assert stripped(payload) is payload
    assert (is_failed_root(payload), is_attempt(payload), identity_of(payload)) == (False, False, None)


def test_stripped_records_keep_the_facts() -> None:
    span = NEW.attempt(failed="x" * 5_000, response='{"text": "secret prose"}', images='[{"url": "u"}]')
    small = stripped(_kept(span))

    assert (b"a red fox" in small, b"secret prose" in small, len(small) < 1_800) == (False, False, True)
    [(_, before)], [(_, after)] = (rows_from([span_from(each)]).attempts for each in (_kept(span), small))
    for fact in ("span_id", "model", "outcome", "success", "error_class", "duration_ms", "started_at"):
        assert getattr(before, fact) == getattr(after, fact)
    assert (after.error or "").startswith("xxx")
    assert stripped(small) is small


def test_failed_generations_are_known_and_so_are_lone_attempts() -> None:
    kept = {
        "a failed root": _kept(NEW.root(failed="no")),
        "a root": _kept(NEW.root()),
        "a failed attempt": _kept(NEW.attempt(failed="no")),
        "a lone failed attempt": _kept(NEW.attempt(root=None, failed="no")),
        "a lone blank": _kept(NEW.attempt(root=None, outcome="blank")),
        "a lone attempt": _kept(NEW.attempt(root=None)),
    }

    assert [name for name, each in kept.items() if is_failed_root(each)] == [
        "a failed root",
        "a lone failed attempt",
        "a lone blank",
    ]
    assert [name for name, each in kept.items() if is_attempt(each)] == ["a failed attempt"]
