"""What the two encodings of a request make of the same spans, and of wrong ones."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode
from tests.image_tracing_viewer.otlp.requests import (
    SPAN_ID,
    TRACE_ID,
    json_request,
    json_span,
    request,
    span,
)

from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.otlp import json_body, protobuf_body
from image_tracing_viewer.otlp.spans import BadSpan


def of_protobuf(*sent: Any) -> ReadableSpan | BadSpan:
    [found] = protobuf_body.spans_in(request(*sent).SerializeToString())
    return found


def of_json(*sent: Any) -> ReadableSpan | BadSpan:
    [found] = json_body.spans_in(json.dumps(json_request(*sent)).encode())
    return found


def read(found: ReadableSpan | BadSpan) -> ReadableSpan:
    assert isinstance(found, ReadableSpan)
    return found


def facts(found: ReadableSpan | BadSpan) -> dict[str, Any]:
    """All that a span says, to be compared."""
    found = read(found)
    assert found.context is not None
    return {
        "ids": (found.context.trace_id, found.context.span_id, found.parent and found.parent.span_id),
        "name": (found.name, found.kind),
        "times": (found.start_time, found.end_time),
        "status": (found.status.status_code, found.status.description),
        "attributes": dict(found.attributes or {}),
        "events": [(event.name, event.timestamp, dict(event.attributes or {})) for event in found.events],
        "resource": dict(found.resource.attributes),
        "scope": found.instrumentation_scope,
    }


def texts(*values: str) -> AnyValue:
    value = AnyValue()
    value.array_value.values.extend(AnyValue(string_value=each) for each in values)
    return value


def test_both_encodings_make_the_same_span() -> None:
    nested = AnyValue()
    nested.kvlist_value.values.add(key="sizes", value=texts("512", "1024"))
    protobuf = span(
        parent_span_id=b"\x00\xff" * 4,
        kind=3,
        attributes={
            "text": AnyValue(string_value="füchse"),
            "whole": AnyValue(int_value=-(2**63)),
            "number": AnyValue(double_value=0.5),
            "yes": AnyValue(bool_value=True),
            "bytes": AnyValue(bytes_value=b"12345"),
            "texts": texts("a", "b"),
            "nested": nested,
            "none": AnyValue(),
        },
        status={"code": 2, "message": "slow"},
    )
    protobuf.events.add(name="exception", time_unix_nano=5).attributes.add(
        key="exception.message", value=AnyValue(string_value="slow")
    )
    values = [{"stringValue": "512"}, {"stringValue": "1024"}]
    written = json_span(
        parentSpanId="00FF00ff00ff00ff",
        kind=3,
        attributes=[
            {"key": "text", "value": {"stringValue": "füchse"}},
            {"key": "whole", "value": {"intValue": "-9223372036854775808"}},
            {"key": "number", "value": {"doubleValue": 0.5}},
            {"key": "yes", "value": {"boolValue": True}},
            {"key": "bytes", "value": {"bytesValue": "MTIzNDU="}},
            {
                "key": "texts",
                "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}},
            },
            {
                "key": "nested",
                "value": {
                    "kvlistValue": {"values": [{"key": "sizes", "value": {"arrayValue": {"values": values}}}]}
                },
            },
            {"key": "none", "value": {}},
        ],
        status={"code": 2, "message": "slow"},
        events=[
            {
                "name": "exception",
                "timeUnixNano": 5,
                "attributes": [{"key": "exception.message", "value": {"stringValue": "slow"}}],
            }
        ],
    )

    found = facts(of_protobuf(protobuf))

    assert found == facts(of_json(written))
    assert found["ids"] == (
        int.from_bytes(TRACE_ID, "big"),
        int.from_bytes(SPAN_ID, "big"),
        0x00FF00FF00FF00FF,
    )
    assert found["name"] == ("illustrate", SpanKind.CLIENT)
    assert found["times"] == (10**18, 10**18 + 5_000_000)
    assert found["status"] == (StatusCode.ERROR, "slow")
    assert found["attributes"] == {
        "image_generation.role": "generation",
        "text": "füchse",
        "whole": -(2**63),
        "number": 0.5,
        "yes": True,
        "bytes": "<bytes: 5 bytes>",
        "texts": ("a", "b"),
        "nested": '{"sizes":["512","1024"]}',
    }
    assert found["events"] == [("exception", 5, {"exception.message": "slow"})]
    assert found["resource"] == {"service.name": "lessons"}
    assert found["scope"].name == "image_tracing"


@pytest.mark.parametrize("size", [0, 1, 15, 17])
def test_a_trace_id_of_another_length_makes_no_span(size: int) -> None:
    told = BadSpan("a trace id must have 16 bytes that are not all zero")

    assert of_protobuf(span(trace_id=b"1" * size)) == told
    assert of_json(json_span(traceId="31" * size)) == told


@pytest.mark.parametrize("size", [0, 7, 9, 16])
def test_a_span_id_of_another_length_makes_no_span(size: int) -> None:
    told = BadSpan("a span id must have 8 bytes that are not all zero")

    assert of_protobuf(span(span_id=b"1" * size)) == told
    assert of_json(json_span(spanId="31" * size)) == told


def test_ids_of_zeros_make_no_span() -> None:
    assert isinstance(of_protobuf(span(trace_id=bytes(16))), BadSpan)
    assert isinstance(of_protobuf(span(span_id=bytes(8))), BadSpan)
    assert isinstance(of_json(json_span(traceId="0" * 32)), BadSpan)


@pytest.mark.parametrize("id_", ["AAECAwQFBgcICQoLDA0ODw==", "0x" + "1" * 30, "1 " * 16, "é" * 32, "1" * 31])
def test_an_id_that_is_no_hexadecimal_makes_no_span(id_: str) -> None:
    assert isinstance(of_json(json_span(traceId=id_)), BadSpan)


@pytest.mark.parametrize("parent", [b"", bytes(8), b"123"])
def test_a_parent_that_is_none_does_not_matter(parent: bytes) -> None:
    assert read(of_protobuf(span(parent_span_id=parent))).parent is None


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0, 7, (7, 7)),
        (7, 0, (7, None)),
        (7, 5, (7, 7)),
        (5, 2**64 - 1, (5, 2**64 - 1)),
    ],
)
def test_times_are_brought_in_order(start: int, end: int, found: tuple[int, int | None]) -> None:
    times = {"startTimeUnixNano": start, "endTimeUnixNano": end or None}
    for sent in (
        read(of_protobuf(span(start_time_unix_nano=start, end_time_unix_nano=end))),
        read(of_json(json_span(**times))),
    ):
        assert (sent.start_time, sent.end_time) == found


def test_a_span_without_any_time_is_bad() -> None:
    wanted = BadSpan("a span must have a start or an end time")

    assert of_protobuf(span(start_time_unix_nano=0, end_time_unix_nano=0)) == wanted
    assert of_json(json_span(startTimeUnixNano=None, endTimeUnixNano="0")) == wanted


@pytest.mark.parametrize(
    ("time", "found"), [("-5", None), (10**30, 2**64 - 1), (1e18, 10**18), ("9" * 20, 2**64 - 1)]
)
def test_times_that_protobuf_has_no_room_for_are_clamped(time: Any, found: int | None) -> None:
    sent = read(of_json(json_span(endTimeUnixNano=time)))

    assert sent.end_time == found


def test_an_unknown_kind_and_status_are_no_error() -> None:
    sent = read(of_protobuf(span(kind=99, status={"code": 77, "message": "?"})))

    assert (sent.kind, sent.status.status_code) == (SpanKind.INTERNAL, StatusCode.UNSET)


def test_enums_may_be_spelt_out() -> None:
    sent = read(of_json(json_span(kind="SPAN_KIND_CLIENT", status={"code": "STATUS_CODE_ERROR"})))

    assert (sent.kind, sent.status.status_code) == (SpanKind.CLIENT, StatusCode.ERROR)


def test_the_first_128_attributes_and_events_are_kept() -> None:
    sent = span(attributes={f"a{number}": AnyValue(int_value=1) for number in range(200)})
    sent.events.extend([Span.Event()] * 200)
    many = [{"key": f"a{number}", "value": {"intValue": 1}} for number in range(200)]

    for found in (read(of_protobuf(sent)), read(of_json(json_span(attributes=many, events=[{}] * 200)))):
        assert len(found.attributes or {}) == 128
        assert "a126" in (found.attributes or {})
        assert len(found.events) == 128


def test_a_value_with_too_many_members_is_cut_visibly() -> None:
    sent = span(attributes={"texts": texts(*["a"] * 6_000)})
    values = {"values": [{"stringValue": "a"}] * 6_000}
    written = json_span(attributes=[{"key": "texts", "value": {"arrayValue": values}}])

    for found in (read(of_protobuf(sent)), read(of_json(written))):
        value = (found.attributes or {})["texts"]
        assert isinstance(value, tuple)
        assert (len(value), value[-1]) == (5_001, "… [cut: 1000 more]")


def test_a_value_that_is_too_deep_is_cut_visibly() -> None:
    value: dict[str, Any] = {"stringValue": "deep"}
    for _ in range(100):
        value = {"arrayValue": {"values": [value]}}

    found = read(of_json(json_span(attributes=[{"key": "deep", "value": value}])))

    text = (found.attributes or {})["deep"]
    assert isinstance(text, str)
    assert text.startswith("[[[[")
    assert "cut: deeper than 32 levels" in text


def test_a_span_that_protobuf_cannot_read_costs_no_other() -> None:
    body = request(span(name="bad \x7f\x7f"), span()).SerializeToString()

    bad, good = protobuf_body.spans_in(body.replace(b"\x7f\x7f", b"\xff\xff"))

    assert isinstance(bad, BadSpan)
    assert read(good).name == "illustrate"


def test_a_resource_that_protobuf_cannot_read_costs_its_own_spans() -> None:
    one, other = request(span(), span(), service="\x7f\x7f"), request(span())
    body = one.SerializeToString().replace(b"\x7f\x7f", b"\xff\xff") + other.SerializeToString()

    assert [type(found) for found in protobuf_body.spans_in(body)] == [BadSpan, BadSpan, ReadableSpan]


@pytest.mark.parametrize("wrong", [1, "x", True, [], [1], 1.5])
def test_a_span_that_is_no_object_is_bad(wrong: Any) -> None:
    assert isinstance(of_json(wrong), BadSpan)


WRONG_FIELDS: dict[str, list[Any]] = {
    "name": [1, [], {}],
    "traceId": [1, []],
    "kind": ["x", [], True],
    "startTimeUnixNano": ["1.5", "", [], 1.5, True, "1" * 21],
    "status": [1, "x", {"code": "x"}, {"message": 1}],
    "events": [1, {}, [1], [{"attributes": 1}]],
    "attributes": [[1], [{"key": 1}], [{"key": "a", "value": 1}]],
}
WRONG_VALUES: list[dict[str, Any]] = [
    {"stringValue": 1},
    {"intValue": "x"},
    {"boolValue": "true"},
    {"doubleValue": "x"},
    {"doubleValue": True},
    {"doubleValue": 10**400},
    {"bytesValue": "x"},
    {"bytesValue": 1},
    {"arrayValue": 1},
    {"arrayValue": {"values": {}}},
    {"kvlistValue": {"values": [1]}},
]


@pytest.mark.parametrize(
    "fields",
    [
        *({name: value} for name, values in WRONG_FIELDS.items() for value in values),
        *({"attributes": [{"key": "a", "value": value}]} for value in WRONG_VALUES),
    ],
    ids=range(len(WRONG_VALUES) + sum(map(len, WRONG_FIELDS.values()))),
)
def test_a_field_of_the_wrong_type_makes_a_bad_span(fields: dict[str, Any]) -> None:
    assert isinstance(of_json(json_span(**fields)), BadSpan)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_json_has_not_come_as_texts(value: str) -> None:
    found = of_json(json_span(attributes=[{"key": "a", "value": {"doubleValue": value}}]))

    assert isinstance((read(found).attributes or {})["a"], float)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('{"doubleValue": Infinity}', float("inf")),
        ('{"intValue": 1e3}', 1_000),
        ('{"intValue": 99999999999999999999999999}', 99999999999999999999999999),
        ('{"stringValue": "a", "intValue": 1}', "a"),
        ('{"stringValue": "a", "stringValue": "b"}', "b"),
        ('{"intValue": NaN}', None),
    ],
)
def test_what_json_should_not_hold_is_read_or_makes_a_bad_span(written: str, found: Any) -> None:
    body = json.dumps(json_request(json_span(attributes=[{"key": "a", "value": "VALUE"}])))

    [sent] = json_body.spans_in(body.replace('"VALUE"', written).encode())

    assert found == (None if isinstance(sent, BadSpan) else (sent.attributes or {})["a"])


def test_null_counts_as_absent_and_unknown_fields_are_passed_over() -> None:
    nulls = dict.fromkeys(("parentSpanId", "kind", "events", "status", "links", "flags"), None)
    sent = {**json_span(), **nulls, "newField": {"a": [1]}}

    assert facts(of_json(sent)) == facts(of_json(json_span()))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "it is no JSON"),
        (b"{", "it is no JSON"),
        (b"\xff\xfe{}", "not in UTF-8"),
        (b"[]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'{"resourceSpans": 1}', "resourceSpans is no list"),
        (b'{"resourceSpans": [1]}', "resourceSpans holds something else than objects"),
        (b'{"resourceSpans": [{"scopeSpans": [[]]}]}', "scopeSpans holds something else"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": {}}]}]}', "spans is no list"),
        (b"[" * 200_000, "nested too deep"),
        (b'{"a":' * 200_000, "nested too deep"),
        (b"1" * 10_000, "it is no JSON"),
    ],
    ids=range(12),
)
def test_what_is_no_request_in_json_is_told(body: bytes, told: str) -> None:
    with pytest.raises(RequestError, match=told) as caught:
        list(json_body.spans_in(body))

    assert (caught.value.status_code, caught.value.code) == (400, "malformed_body")


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceSpans": [' + b"{}," * 500_000 + b"{}]}",
        b'{"a": [' + b'"",' * 500_001,
        b'"",' * 500_001,
        b'","' * 2_000_002,
    ],
    ids=["objects", "texts", "no object", "texts in a row"],
)
def test_half_a_million_values_are_too_many(body: bytes) -> None:
    with pytest.raises(RequestError, match="more than 500000 fields or values") as caught:
        list(json_body.spans_in(body))

    assert caught.value.status_code == 413


def test_what_stands_in_texts_is_no_value() -> None:
    text = '[{,\\"' * 300_000
    found = of_json(json_span(name=text))

    assert read(found).name == text


def _many(resources: int, scopes: int, spans: int) -> Iterable[Any]:
    return [{"scopeSpans": [{"spans": [{}] * spans}] * scopes}] * resources


@pytest.mark.parametrize("counts", [(10_001, 0, 0), (1, 10_000, 0), (1, 1, 9_999), (5_000, 1, 1)], ids=repr)
def test_more_than_ten_thousand_messages_are_too_many(counts: tuple[int, int, int]) -> None:
    body = json.dumps({"resourceSpans": _many(*counts)}).encode()

    with pytest.raises(RequestError, match="more than 10000 resource, scope and span messages"):
        list(json_body.spans_in(body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*json_span(), "value"]), inner),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(list(json_span())), JSON))
def test_any_json_is_a_span_or_a_bad_one(fields: dict[str, Any]) -> None:
    assert isinstance(of_json({**json_span(), **fields}), (ReadableSpan, BadSpan))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60))
def test_any_bytes_are_a_span_or_a_bad_one(piece: bytes) -> None:
    body = (
        b"\x0a" + bytes([len(piece) + 4]) + b"\x12" + bytes([len(piece) + 2]) + b"\x12" + bytes([len(piece)])
    )

    [found] = protobuf_body.spans_in(body + piece)

    assert isinstance(found, (ReadableSpan, BadSpan))


def test_attributes_of_the_same_name_end_in_the_last_one() -> None:
    sent = span()
    sent.attributes.extend([KeyValue(key="a", value=AnyValue(int_value=n)) for n in (1, 2)])
    sent.attributes.add(key="", value=AnyValue(int_value=3))

    assert dict(read(of_protobuf(sent)).attributes or {})["a"] == 2
    assert "" not in (read(of_protobuf(sent)).attributes or {})
