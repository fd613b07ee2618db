"""Search terms: hashes of what a trace is to be found by, kept in `image_traces.search_terms`.

A hash may stand for two words, so a search by terms has to be followed by an exact look at what it found.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final
from zlib import crc32

_WORD: Final = re.compile(r"\w+")
# ASCII in lower case, with a blank for what belongs to no word.
_ASCII: Final = bytes(
    ord(chr(code).lower()) if code < 128 and _WORD.fullmatch(chr(code)) else 32 for code in range(256)
)
# Beyond this many characters the words of a text are not searchable.
_SEARCHED_CHARACTERS: Final = 65_536
_VOCABULARY: Final = 100_000

MODEL: Final = "m:"
SERVED_BY: Final = "u:"
PROVIDER: Final = "p:"
SERVICE: Final = "s:"
ERROR_CLASS: Final = "e:"
OUTCOME: Final = "o:"


class _Hashes(dict[bytes, str]):
    """Hash of a word, computed once; bounded, since words come from the outside."""

    def __missing__(self, word: bytes) -> str:
        if len(self) >= _VOCABULARY:
            self.clear()
        value = self[word] = _hash(b"w:" + word)
        return value


def _hash(text: bytes) -> str:
    return str((crc32(text) ^ 0x80000000) - 0x80000000)


_hashes: Final = _Hashes()


@lru_cache(maxsize=4096)
def term(prefix: str, value: str) -> str:
    """The term of one whole value: `term(MODEL, "flux")`. Terms are texts of 32-bit integers."""
    return _hash((prefix + value).encode("utf-8", "replace"))


def words(text: str) -> list[str]:
    """The words of a text, each once, in order, in the form in which they are compared."""
    return [word.decode() for word in dict.fromkeys(_words(text))]


def word_terms(text: str) -> frozenset[str]:
    """The terms of all words of a text."""
    # The attempts of a generation mostly share their prompt.
    return _cached_word_terms(text) if len(text) <= 4096 else _word_terms(text)


def _word_terms(text: str) -> frozenset[str]:
    return frozenset(map(_hashes.__getitem__, set(_words(text))))


def _words(text: str) -> list[bytes]:
    text = text[:_SEARCHED_CHARACTERS]
    if text.isascii():
        # The same as below, in a fifth of the time.
        return text.encode().translate(_ASCII).split()
    folded = unicodedata.normalize("NFC", text).casefold()
    return [word.encode("utf-8", "replace") for word in _WORD.findall(folded)]


_cached_word_terms: Final = lru_cache(maxsize=1024)(_word_terms)


@lru_cache(maxsize=4096)
def attempt_terms(
    model: str | None, provider: str | None, outcome: str, error_class: str | None
) -> frozenset[str]:
    """The terms of an attempt beside its words; `error_class` is None for a successful one."""
    found = {term(OUTCOME, outcome)}
    if error_class is not None:
        found.add(term(ERROR_CLASS, error_class))
    if provider is not None:
        found.add(term(PROVIDER, provider))
    if model is not None:
        found.add(term(MODEL, model))
        if error_class is None:
            found.add(term(SERVED_BY, model))
    return frozenset(found)


class Terms:
    """The terms of one trace: those of words, and the others."""

    __slots__ = ("others", "words")

    def __init__(self) -> None:
        self.others: set[str] = set()
        self.words: frozenset[str] = frozenset()

    def add_words(self, text: str) -> None:
        """The terms of all words of a text."""
        words = word_terms(text)
        # Mostly the prompt that was there before.
        if words is not self.words:
            self.words = self.words | words if self.words else words

    def in_order(self) -> list[str]:
        """Each once; the order is that of the function `image_terms_of_both`."""
        if self.others.isdisjoint(self.words):
            return sorted((*self.words, *self.others))
        return sorted(self.words | self.others)
