import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_tracing_postgres.json_text import decoded, elements, members

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
INDENTS = st.sampled_from([None, 0, 2])


@given(st.dictionaries(st.text(), JSON), INDENTS)
def test_members_are_those_that_decoding_finds(document: dict[str, object], indent: int | None) -> None:
    found = members(json.dumps(document, indent=indent))

    assert {name: json.loads(text) for name, text in found.items()} == document
    assert list(found) == list(document)


@given(st.lists(JSON), INDENTS)
def test_elements_are_those_that_decoding_finds(array: list[object], indent: int | None) -> None:
    assert [json.loads(text) for text in elements(json.dumps(array, indent=indent))] == array


@pytest.mark.parametrize(
    "value", ["9" * 10_000, "-1.50", "1e999", "[" * 50_000 + "]" * 50_000, r'"\u0000\"]}"']
)
def test_values_that_decoding_would_change_or_refuse_stay_as_they_are(value: str) -> None:
    assert members(f'{{"a": {value}, "b" : [{value}]}}') == {"a": value, "b": f"[{value}]"}
    assert elements(f"[{value}, {value}]") == [value, value]


def test_a_megabyte_takes_no_more_than_its_time() -> None:
    text = '{"a": "' + "x\\\\" * 300_000 + '", "b": [' + ",".join(["{}"] * 100_000) + "]}"
    started = time.process_time()

    assert len(elements(members(text)["b"])) == 100_000

    assert time.process_time() - started < 2


@given(JSON)
def test_what_python_can_decode_is_decoded(value: object) -> None:
    assert decoded(json.dumps(value)) == value


def test_a_number_too_long_for_python_stays_text() -> None:
    digits = "9" * 5_000

    assert decoded(f'{{"a": [{digits}, 1]}}') == {"a": [digits, 1]}


def test_what_is_too_deep_for_python_stays_text_and_the_rest_is_decoded() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    found = decoded(f'{{"id": "x", "request_data": {{"a": 1, "b": {deep}}}}}')

    assert (found["id"], found["request_data"]["a"]) == ("x", 1)
    assert found["request_data"]["b"][0][0][0][0][0][0] == deep[6:-6]
