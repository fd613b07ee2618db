import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from tests.image_tracing_viewer.otlp.requests import request, span

from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.otlp.wire import Wire


def delimited(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    size, head = len(content), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + content


def test_a_request_is_taken_apart_into_what_protobuf_wrote() -> None:
    sent = request(span(), span(name="x" * 10_000))
    sent.resource_spans.add()
    wire = Wire(sent.SerializeToString())

    [first, second] = wire.resource_spans()

    assert first.resource == sent.resource_spans[0].resource.SerializeToString()
    [(scope, pieces)] = first.scopes
    assert scope == sent.resource_spans[0].scope_spans[0].scope.SerializeToString()
    written = [each.SerializeToString() for each in sent.resource_spans[0].scope_spans[0].spans]
    assert [wire.span(start, end) for start, end in pieces] == written
    assert second == (b"", [])


def test_nothing_is_a_request_of_nothing() -> None:
    assert Wire(b"").resource_spans() == []


def test_fields_of_every_kind_that_otlp_does_not_know_are_passed_over() -> None:
    unknown = b"\x78\xff\x01" + b"\x79" + b"8" * 8 + b"\x7d" + b"4" * 4 + delimited(15, b"text")

    [found] = Wire(unknown + delimited(1, unknown) + unknown).resource_spans()

    assert found == (b"", [])


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\x0a", "ends too early"),
        (b"\x0a\x05\x00", "leads beyond its end"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "longer than 64 bits"),
        (b"\x0b", "unknown wire type 3"),
        (b"\x79\x00", "leads beyond its end"),
        (b"\x78\xff", "ends too early"),
        (delimited(1, delimited(2, b"\x12\x05\x00")), "leads beyond its end"),
        (delimited(1, b"\x79") + b"12345678", "leads beyond its end"),
        (delimited(1, delimited(1, b"") + delimited(1, b"")), "two resources"),
    ],
)
def test_what_is_no_protobuf_is_told(body: bytes, told: str) -> None:
    with pytest.raises(RequestError, match=told) as caught:
        Wire(body).resource_spans()

    assert (caught.value.status_code, caught.value.code) == (400, "malformed_body")


@pytest.mark.parametrize(
    "body",
    [
        delimited(1, b"") * 10_001,
        delimited(1, delimited(2, b"") * 10_000),
        delimited(1, delimited(2, delimited(2, b"") * 9_999)),
    ],
    ids=["resources", "scopes", "spans"],
)
def test_more_than_ten_thousand_messages_are_too_many(body: bytes) -> None:
    with pytest.raises(RequestError, match="more than 10000 resource, scope and span messages") as caught:
        Wire(body).resource_spans()

    assert caught.value.status_code == 413


def test_ten_thousand_messages_are_not() -> None:
    [found] = Wire(delimited(1, delimited(2, delimited(2, b"") * 9_998))).resource_spans()

    assert len(found.scopes[0].spans) == 9_998


@pytest.mark.parametrize("number", [9, 11, 13, 10])
def test_half_a_million_parts_of_a_span_are_too_many(number: int) -> None:
    fields = (delimited(number, b"") if number != 10 else b"\x50\x00") * 500_001

    with pytest.raises(RequestError, match="more than 500000 fields") as caught:
        Wire(delimited(1, delimited(2, delimited(2, fields)))).resource_spans()

    assert caught.value.status_code == 413


def test_parts_deep_in_a_value_are_counted_too() -> None:
    sent = span(attributes={"list": AnyValue()})
    sent.attributes[1].value.array_value.values.extend([AnyValue()] * 500_001)

    with pytest.raises(RequestError, match="more than 500000 fields"):
        Wire(request(sent).SerializeToString()).resource_spans()


def test_values_are_not_followed_down_for_ever() -> None:
    value = b"x" * 10_000
    for _ in range(1_000):
        value = delimited(5, delimited(1, value))

    with pytest.raises(RequestError, match="nested deeper than 100"):
        Wire(delimited(1, delimited(2, delimited(2, delimited(9, delimited(2, value)))))).resource_spans()


def is_taken_or_refused(body: bytes) -> bool:
    """Whether a body is taken apart or found to be no protobuf."""
    try:
        Wire(body).resource_spans()
    except RequestError as error:
        return error.status_code == 400
    return True


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_taken_apart_or_refused(body: bytes) -> None:
    assert is_taken_or_refused(body)


@settings(deadline=None)
@given(st.binary(max_size=100), st.integers(0, 200))
def test_a_damaged_request_is_taken_apart_or_refused(noise: bytes, place: int) -> None:
    whole = request(span(), span()).SerializeToString()

    assert is_taken_or_refused(whole[:place] + noise + whole[place + len(noise) :])
