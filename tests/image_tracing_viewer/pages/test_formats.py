"""How durations, sizes, times, names, JSON and addresses read."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from image_tracing_viewer import formats

NOON = datetime(2025, 10, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, formats.NOTHING),
        (0, "0 ms"),
        (999, "999 ms"),
        (999.7, "1.0 s"),
        (3_542, "3.5 s"),
        (59_940, "59.9 s"),
        (59_960, "1 min 00 s"),
        (123_000, "2 min 03 s"),
        (3_599_600, "1 h 00 min"),
        (3_900_000, "1 h 05 min"),
        (277_200_000, "3 d 05 h"),
        (-1_500, "\N{MINUS SIGN}1.5 s"),
    ],
)
def test_a_duration_has_the_unit_a_reader_would_choose(milliseconds: float | None, text: str) -> None:
    assert formats.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, formats.NOTHING),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (8_149, "8.1 kB"),
        (9_960, "10 kB"),
        (212_272, "212 kB"),
        (999_700, "1.0 MB"),
        (1_400_000, "1.4 MB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_a_size_has_two_or_three_digits(size_bytes: int | None, text: str) -> None:
    assert formats.size(size_bytes) == text


def test_an_instant_names_its_zone() -> None:
    assert formats.instant(NOON.astimezone(timezone(timedelta(hours=2)))) == "2025-10-26 12:00:00 UTC"
    assert formats.instant(None) == formats.NOTHING


def test_a_machine_reads_the_instant_as_the_api_writes_it() -> None:
    assert formats.iso(NOON) == "2025-10-26T12:00:00Z"
    assert formats.iso(None) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3_600, "2025-10-26 13:00:00 UTC"),
        (-30, "just now"),
        (0, "just now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7_199, "1 h ago"),
        (86_400 * 5, "5 d ago"),
        (86_400 * 40, "2025-09-16"),
    ],
)
def test_a_time_is_told_from_now(seconds: int, text: str) -> None:
    assert formats.ago(NOON - timedelta(seconds=seconds), NOON) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (3_600, "1 h"), (86_399, "23 h"), (86_400 * 40, "40 d")],
)
def test_what_goes_on_is_told_in_whole_units(seconds: float, text: str) -> None:
    assert formats.elapsed(seconds) == text


def test_a_long_text_is_cut_visibly_on_one_line() -> None:
    assert formats.shortened("a fox\n\n  in   snow", 40) == "a fox in snow"
    assert formats.shortened("x" * 100, 10) == "x" * 9 + "…"
    assert formats.shortened(None, 10) == ""


def test_a_cut_leaves_no_half_of_an_emoji_sequence() -> None:
    family = "👩\u200d👩\u200d👧"

    assert formats.shortened(family * 9, 7) == family + "👩…"


def test_white_space_alone_does_not_hide_that_text_was_cut() -> None:
    assert formats.shortened("fox" + " " * 100 + "tail", 10) == "fox…"


def test_counts_take_the_plural() -> None:
    assert formats.counted(1, "picture") == "1 picture"
    assert formats.counted(0, "picture") == "0 pictures"
    assert formats.counted(1204, "picture") == "1,204 pictures"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("black-forest-labs/FLUX.1-dev", "FLUX.1-dev"),
        ("dall-e-3", "dall-e-3"),
        ("a/", "a"),
        ("/", "/"),
        (None, "unknown model"),
    ],
)
def test_a_model_is_called_by_the_end_of_its_path(model: str | None, text: str) -> None:
    assert formats.model_name(model) == text


def test_json_is_indented_and_keeps_its_script() -> None:
    assert formats.json_text({"prompt": "狐"}) == '{\n  "prompt": "狐"\n}'


def test_json_on_a_page_is_escaped_within_its_colours() -> None:
    html = str(formats.json_html({"<b>": '</pre><script>"&', "n": [1.5, None]}))

    assert '<span class="json-key">&#34;&lt;b&gt;&#34;</span>' in html
    assert "<script" not in html
    assert "</pre" not in html
    assert '<span class="json-number">1.5</span>' in html
    assert '<span class="json-word">null</span>' in html


@pytest.mark.parametrize(
    "value", ['"\\', "a:b", '{"x": 1}', "\\\\", "é\u202e\u2028", "__proto__", -1e-7, [], {}, True]
)
def test_colours_change_no_character_of_the_json(value: Any) -> None:
    html = formats.json_html({"key": value})

    assert html.striptags() == " ".join(formats.json_text({"key": value}).split())
    assert html.unescape().count("\n") == formats.json_text({"key": value}).count("\n")


def test_json_beyond_all_depth_is_told_in_words() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]

    assert "nested too deeply" in formats.json_text(nested)
    assert "nested too deeply" in formats.plain(nested)


def test_parameters_read_as_they_were_given() -> None:
    assert formats.plain("1:1") == "1:1"
    assert formats.plain(7.5) == "7.5"
    assert formats.plain(None) == "null"
    assert formats.plain({"a": [1, 2]}) == '{"a": [1, 2]}'


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.org/1.png",
        "http://127.0.0.1:8000/a?b=c#d",
        "HTTPS://EXAMPLE.ORG/%20x",
        "https://[::1]/x",
    ],
)
def test_web_addresses_are_links(url: str) -> None:
    assert formats.web_link(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "ftp://example.org/a",
        "//example.org/a",
        "/relative",
        "https:///nohost",
        "https://user:password@example.org/",
        "https://example.org@evil.example/",
        "https://exаmple.org/",  # noqa: RUF001 - a Cyrillic letter, to look like another host.
        "https://example.org\\@evil.example/",
        "https://example.org:port/",
        "https://[bad/",
        "https://example.org/\u202egnp.exe",
        "https://example.org/" + "a" * 3_000,
    ],
)
def test_what_is_no_plain_web_address_is_no_link(url: str | None) -> None:
    assert formats.web_link(url) is None
