"""How records lie in a segment file: `[mark 4 B][length 4 B][CRC-32 4 B][payload]`, one after the other.

The checksum is over length and payload, so that a flipped bit anywhere is seen. After damage the reader
looks for the next mark whose record is whole. The first byte of a mark occurs in no UTF-8 text, and payloads
are UTF-8: what has one inside is damaged, and no byte is looked at more than a few times.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

MARK: Final = b"\xf9IT\x01"
HEADER_BYTES: Final = 12
# Spans are cut to 256 kB long before; what claims more is damage.
PAYLOAD_LIMIT_BYTES: Final = 8 * 1024 * 1024

_FIRST: Final = MARK[:1]
_pack: Final = struct.Struct("<II").pack
_unpack: Final = struct.Struct("<II").unpack_from
_length_of: Final = struct.Struct("<I").pack


class Frame(NamedTuple):
    """One record: where it begins and ends in the file, in bytes; `payload` None for a damaged stretch."""

    start: int
    end: int
    payload: bytes | None


def framed(payload: bytes) -> bytes:
    """The record of a payload as it is written. ValueError if it is over the limit, or no UTF-8."""
    length = len(payload)
    if length > PAYLOAD_LIMIT_BYTES:
        raise ValueError(f"a record may have {PAYLOAD_LIMIT_BYTES} bytes, this one has {length}")
    if _FIRST in payload:
        raise ValueError("a record should be UTF-8, and has a byte that is in none")
    return MARK + _pack(length, _checksum(length, payload)) + payload


def frames_in(data: bytes, *, offset: int = 0, is_whole: bool) -> Iterator[Frame]:
    """The records in `data`, which begins at `offset` of its file, in order; never raises.

    `is_whole` says that the file ends where `data` ends: a record cut off there is damage. Otherwise it is
    left for the next read, with all that follows.
    """
    place, size = 0, len(data)
    while place < size:
        end = _end_of(data, place)
        if end is not None and end <= size:
            yield Frame(offset + place, offset + end, data[place + HEADER_BYTES : end])
            place = end
            continue
        following = _next_whole(data, place + 1)
        if following is None:
            if is_whole:
                yield Frame(offset + place, offset + size, None)
                return
            # What is not damage for certain may go on behind the data; what is, ends at the last mark.
            kept = place if end is not None else _last_mark(data, place)
            if kept > place:
                yield Frame(offset + place, offset + kept, None)
            return
        yield Frame(offset + place, offset + following, None)
        place = following


def _end_of(data: bytes, place: int) -> int | None:
    """Where the record at `place` ends, maybe behind the data; None if there is none or it is damaged."""
    head = data[place : place + 4]
    if head != MARK:
        return place + HEADER_BYTES if len(head) < 4 and MARK.startswith(head) else None
    if place + HEADER_BYTES > len(data):
        return place + HEADER_BYTES
    length, checksum = _unpack(data, place + 4)
    if length > PAYLOAD_LIMIT_BYTES:
        return None
    end: int = place + HEADER_BYTES + length
    if data.find(_FIRST, place + HEADER_BYTES, end) >= 0:
        return None
    if end <= len(data) and checksum != _checksum(length, data[place + HEADER_BYTES : end]):
        return None
    return end


def _next_whole(data: bytes, place: int) -> int | None:
    while (place := data.find(MARK, place)) >= 0:
        end = _end_of(data, place)
        if end is not None and place + HEADER_BYTES <= end <= len(data):
            return place
        place += 1
    return None


def _last_mark(data: bytes, place: int) -> int:
    """Where a record that is not whole yet may begin at the end of the data."""
    found = data.find(MARK, place + 1)
    while found >= 0:
        if _end_of(data, found) is not None:
            return found
        found = data.find(MARK, found + 1)
    for tail in (3, 2, 1):
        if len(data) - tail > place and data.endswith(MARK[:tail]):
            return len(data) - tail
    return len(data)


def _checksum(length: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_length_of(length)))
