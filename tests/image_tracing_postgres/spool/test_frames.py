"""Damaged segment files: the reader never raises, loses only what is damaged, and counts each stretch."""

from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_tracing_postgres.spool.frames import HEADER_BYTES, MARK, PAYLOAD_LIMIT_BYTES, framed, frames_in

PAYLOADS = st.lists(st.text(max_size=60).map(str.encode), min_size=1, max_size=12)


def _payloads(data: bytes) -> list[bytes]:
    return [frame.payload for frame in frames_in(data, is_whole=True) if frame.payload is not None]


def _damaged(data: bytes) -> int:
    return sum(frame.payload is None for frame in frames_in(data, is_whole=True))


def _read_live(data: bytes, sizes: list[int]) -> list[bytes]:
    """The records of a file that grows by these sizes, read again from the end of the last frame."""
    found, start, end, place = [], 0, 0, 0
    while end < len(data):
        end = min(len(data), end + sizes[place % len(sizes)])
        place += 1
        for frame in frames_in(data[start:end], offset=start, is_whole=end == len(data)):
            assert frame.start == start
            start = frame.end
            if frame.payload is not None:
                found.append(frame.payload)
    return found


@given(PAYLOADS)
def test_records_come_back_in_order(payloads: list[bytes]) -> None:
    assert _payloads(b"".join(map(framed, payloads))) == payloads


@settings(max_examples=1_000)
@given(PAYLOADS, st.randoms(use_true_random=False))
def test_a_cut_off_file_loses_its_last_record_only(payloads: list[bytes], random: Random) -> None:
    records = [framed(payload) for payload in payloads]
    data = b"".join(records)
    end = random.randrange(len(data))

    left = _payloads(data[:end])

    assert left == payloads[: len(left)]
    whole = len(b"".join(records[: len(left)]))
    assert whole <= end < whole + len(records[len(left)])
    assert _damaged(data[:end]) == (end > whole)


@settings(max_examples=1_000)
@given(PAYLOADS, st.randoms(use_true_random=False))
def test_a_flipped_bit_costs_one_record_and_is_counted(payloads: list[bytes], random: Random) -> None:
    data = bytearray(b"".join(map(framed, payloads)))
    place = random.randrange(len(data))
    data[place] ^= 1 << random.randrange(8)
    hit = _record_at(payloads, place)

    assert _payloads(bytes(data)) == payloads[:hit] + payloads[hit + 1 :]
    assert _damaged(bytes(data)) == 1


@settings(max_examples=1_000)
@given(PAYLOADS, st.lists(st.tuples(st.integers(0, 2_000), st.binary(max_size=40)), max_size=4))
def test_any_bytes_in_between_harm_nothing_but_what_they_hit(
    payloads: list[bytes], strays: list[tuple[int, bytes]]
) -> None:
    data = b"".join(map(framed, payloads))
    for place, stray in strays:
        data = data[: place % len(data)] + stray + data[place % len(data) :]

    left = _payloads(data)

    assert len(left) >= len(payloads) - len(strays)
    assert all(payload in payloads for payload in left)
    assert _damaged(data) <= len(strays)


@settings(max_examples=300)
@given(PAYLOADS, st.lists(st.integers(1, 97), min_size=1, max_size=9), st.integers(0, 5_000), st.booleans())
def test_a_growing_file_gives_the_same_records(
    payloads: list[bytes], sizes: list[int], place: int, is_damaged: bool
) -> None:
    data = bytearray(b"".join(map(framed, payloads)))
    if is_damaged:
        data[place % len(data)] ^= 0x10

    assert _read_live(bytes(data), sizes) == _payloads(bytes(data))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_without_an_error(data: bytes, is_whole: bool) -> None:
    frames = list(frames_in(data, is_whole=is_whole))

    assert [frame.start for frame in frames] == [0, *(frame.end for frame in frames)][: len(frames)]


def test_half_a_record_in_the_middle_costs_no_other() -> None:
    first, second = framed(b"first"), framed(b"second")
    for length in range(1, len(first)):
        data = first[:length] + second + first

        assert _payloads(data) == [b"second", b"first"]
        assert _read_live(data, [7]) == [b"second", b"first"]


@pytest.mark.parametrize(
    "piece",
    [
        MARK,
        MARK + (1_000_000).to_bytes(4, "little"),
        MARK + (1_000_000).to_bytes(4, "little") + b"crc?",
        MARK + (5).to_bytes(4, "little") + b"crc?",
        MARK[:3],
        MARK[:1],
    ],
)
@pytest.mark.parametrize("is_whole", [True, False])
def test_four_megabytes_of_false_marks_take_seconds_not_hours(piece: bytes, is_whole: bool) -> None:
    data = framed(b"before") + piece * (4 * 1024 * 1024 // len(piece)) + framed(b"after")
    began = perf_counter()

    found = [frame.payload for frame in frames_in(data, is_whole=is_whole)]

    assert found == [b"before", None, b"after"]
    assert perf_counter() - began < 30


def test_a_record_may_be_long_and_not_longer() -> None:
    payload = b"x" * PAYLOAD_LIMIT_BYTES

    assert _payloads(framed(payload)) == [payload]
    with pytest.raises(ValueError, match="8388608 bytes, this one has 8388609"):
        framed(payload + b"x")


def test_a_payload_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        framed(MARK)


def _record_at(payloads: list[bytes], place: int) -> int:
    for number, payload in enumerate(payloads):
        place -= HEADER_BYTES + len(payload)
        if place < 0:
            return number
    raise AssertionError(place)
