"""What is made of requests so large that they are taken apart before anything is made of them."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.sdk.trace import ReadableSpan
from tests.image_tracing_viewer.otlp.requests import json_request, json_span, request, span

from image_tracing_viewer.errors import RequestError
from image_tracing_viewer.otlp import json_body, protobuf_body
from image_tracing_viewer.otlp.json_pieces import Document
from image_tracing_viewer.otlp.spans import BadSpan

MIB = 1024 * 1024
LONG = "a fjord, at dawn " * (10 * MIB // 17)
Reader = Callable[[dict[str, str], str], ReadableSpan]


def by_protobuf(texts: dict[str, str], service: str = "lessons") -> ReadableSpan:
    values = {key: AnyValue(string_value=text) for key, text in texts.items()}
    body = request(span(attributes=values), service=service).SerializeToString()
    [found] = protobuf_body.spans_in(body)
    assert isinstance(found, ReadableSpan)
    return found


def by_json(texts: dict[str, str], service: str = "lessons") -> ReadableSpan:
    pairs = [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()]
    document = json_request(json_span(attributes=pairs), service=service)
    [found] = json_body.spans_in(json.dumps(document, ensure_ascii=False).encode())
    assert isinstance(found, ReadableSpan)
    return found


both = pytest.mark.parametrize("read", [by_protobuf, by_json], ids=["protobuf", "json"])


def texts_of(found: ReadableSpan) -> dict[str, Any]:
    return dict(found.attributes or {})


@both
def test_a_long_text_is_cut_and_tells_its_size(read: Reader) -> None:
    found = texts_of(read({"before": "1", "prompt": LONG, "after": "2"}, "lessons"))

    assert (found["before"], found["after"], found["image_generation.role"]) == ("1", "2", "generation")
    head, mark, rest = found["prompt"].partition("…")
    assert LONG.startswith(head)
    assert (len(head), mark + rest) == (96 * 1024, f"… [cut: {len(LONG)} bytes in all]")


@both
def test_a_picture_of_six_megabytes_in_base64_is_kept(read: Reader) -> None:
    picture = base64.b64encode(bytes(range(256)) * 24_000).decode()

    found = texts_of(read({"picture": picture, "prompt": LONG}, "lessons"))

    assert found["picture"] == picture


@both
def test_a_picture_that_is_larger_is_told_by_its_size(read: Reader) -> None:
    picture = base64.b64encode(bytes(range(256)) * 40_000).decode()

    assert texts_of(read({"picture": picture}, "lessons"))["picture"] == (
        f"… [cut: {len(picture)} bytes in all]"
    )


@both
def test_a_resource_may_be_large_too(read: Reader) -> None:
    service = read({}, LONG).resource.attributes["service.name"]

    assert isinstance(service, str)
    assert service.endswith(f"… [cut: {len(LONG)} bytes in all]")


@both
def test_a_text_that_may_be_json_of_very_many_values_is_cut(read: Reader) -> None:
    text = "[" + "[]," * 100_000 + "[]]"

    assert texts_of(read({"request": text}, "lessons"))["request"].endswith(
        f"… [cut: {len(text)} bytes in all]"
    )


def test_bytes_are_told_by_their_size_in_a_large_span_too() -> None:
    content = bytes(9 * MIB)
    pair = {"key": "bytes", "value": {"bytesValue": base64.b64encode(content).decode()}}
    [by_json] = json_body.spans_in(json.dumps(json_request(json_span(attributes=[pair]))).encode())
    sent = request(span(attributes={"bytes": AnyValue(bytes_value=content)}))
    [by_protobuf] = protobuf_body.spans_in(sent.SerializeToString())

    for found in (by_json, by_protobuf):
        assert isinstance(found, ReadableSpan)
        assert texts_of(found)["bytes"] == f"<bytes: {len(content)} bytes>"


@pytest.mark.parametrize("place", range(96 * 1024 - 8, 96 * 1024 + 1))
def test_no_escape_is_cut_in_two(place: int) -> None:
    text = "a " * (place // 2) + r"\\\u00e9\ud83c\udf05 " + "a " * 5 * MIB
    body = json.dumps(json_request(json_span(name="NAME"))).replace("NAME", text).encode()

    [found] = json_body.spans_in(body)

    assert isinstance(found, ReadableSpan)
    assert found.name.startswith("a a a")


def test_a_span_of_very_many_texts_is_bad_and_costs_no_other() -> None:
    pairs = [{"key": "k", "value": {"stringValue": "a " * 200}}] * 60_000
    body = json.dumps(json_request(json_span(attributes=pairs), json_span())).encode()

    assert [type(found) for found in json_body.spans_in(body)] == [BadSpan, ReadableSpan]


def test_a_protobuf_span_of_very_many_texts_is_bad_too() -> None:
    sent = span()
    for _ in range(60_000):
        sent.attributes.add(key="k", value=AnyValue(string_value="a " * 200))

    [found] = protobuf_body.spans_in(request(sent).SerializeToString())

    assert isinstance(found, BadSpan)


def taken_apart(document: Any) -> list[Any]:
    """The spans of a request, each by itself."""
    found = Document(json.dumps(document).encode(), whole_bytes=0)
    return [
        found.span(each)
        for resource in found.tree["resourceSpans"]
        for scope in resource["scopeSpans"]
        for each in scope["spans"]
    ]


NAMES = st.sampled_from(["resourceSpans", "scopeSpans", "spans", "a", '"', "\\", "[{"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
SPANS = st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=3)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SPANS, SPANS, VALUES)
def test_spans_taken_apart_are_those_of_the_whole(
    some: list[Any], others: list[Any], beside: dict[str, Any]
) -> None:
    scopes = [{"x": beside, "spans": some}, {"spans": others, "scope": beside}]
    document = {"a": beside, "resourceSpans": [{"resource": beside, "scopeSpans": scopes, "z": beside}]}

    assert taken_apart(document) == [*some, *others]


def test_a_number_among_the_spans_is_no_span_and_none_comes_twice() -> None:
    document = json_request(json_span(name="one"), 0, 0, json_span(name="two"))

    assert [each for each in taken_apart(document) if each not in (0, 1)] == [
        json_span(name="one"),
        json_span(name="two"),
    ]


def test_a_large_span_that_is_no_json_costs_no_other() -> None:
    body = json.dumps(json_request(json_span(name=LONG), json_span())).encode()

    bad, good = json_body.spans_in(body.replace(b'"traceId"', b"traceId", 1))

    assert isinstance(bad, BadSpan)
    assert isinstance(good, ReadableSpan)


def test_much_beside_the_spans_is_refused() -> None:
    body = json.dumps({"resourceSpans": [], "a": ["a " * 200] * 60_000}).encode()

    with pytest.raises(RequestError, match="send smaller batches"):
        list(json_body.spans_in(body))


@pytest.mark.parametrize("wrong", [b"]", b"}", b",", b"\xff", b'{"a":'], ids=range(5))
def test_a_large_body_that_is_no_json_is_refused(wrong: bytes) -> None:
    body = json.dumps(json_request(json_span(name=LONG))).encode()

    for broken in (wrong + body, body[:-1], body + wrong):
        with pytest.raises(RequestError) as caught:
            list(json_body.spans_in(broken))
        assert caught.value.status_code == 400
