import pytest

from image_tracing_viewer.otlp.texts import SPAN_TEXT_BYTES, TextRoom, marked

MIB = 1024 * 1024


def kept(text: str) -> str | None:
    head = TextRoom().kept(memoryview(text.encode()))
    return None if head is None else head.decode()


@pytest.mark.parametrize("text", ["", "a fjord", "é" * 100_000, "a fjord " * MIB, "A" * (8 * MIB)])
def test_a_text_within_the_room_is_kept(text: str) -> None:
    assert kept(text) is None


@pytest.mark.parametrize("text", ["a fjord " * (MIB + 1), "éé " * MIB])
def test_of_a_longer_one_the_beginning_is_kept(text: str) -> None:
    head = kept(text)

    assert head is not None
    assert text.startswith(head)
    assert 96_000 < len(head.encode()) < 99_000


def test_no_character_is_cut_in_two() -> None:
    assert kept("a" + "🌅" * 3 * MIB) == "a" + "🌅" * (96 * 1024 // 4 - 1)


@pytest.mark.parametrize("beginning", ["", "data:image/png;base64,"])
def test_nothing_is_kept_of_a_picture_that_is_too_large(beginning: str) -> None:
    assert kept(beginning + "iVBORw0KGgo" * MIB) == ""


def test_when_there_is_no_room_left_short_texts_are_kept() -> None:
    room = TextRoom()
    assert room.kept(memoryview(b"a" * SPAN_TEXT_BYTES)) is None

    assert room.kept(memoryview(b"a" * 256)) is None
    assert room.kept(memoryview(b"a b" * 100)) == b"a b" * 85 + b"a"


def test_the_mark_tells_the_size() -> None:
    assert marked(b"a f", 67_108_864).decode() == "a f… [cut: 67108864 bytes in all]"
