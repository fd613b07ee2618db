"""Search terms: hashes of what a trace is to be found by, kept in `image_traces.search_terms`.

A hash may stand for two words, so a search by terms has to be followed by an exact look at what it found.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final
from zlib import crc32

_WORD: Final = re.compile(r"\w+")
# Beyond this many characters the words of a text are not searchable.
_SEARCHED_CHARACTERS: Final = 65_536
_VOCABULARY: Final = 100_000

MODEL: Final = "m:"
SERVED_BY: Final = "u:"
PROVIDER: Final = "p:"
SERVICE: Final = "s:"
ERROR_CLASS: Final = "e:"
OUTCOME: Final = "o:"


class _Hashes(dict[str, int]):
    """Hash of a word, computed once; bounded, since words come from the outside."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _VOCABULARY:
            self.clear()
        value = self[word] = _hash("w:" + word)
        return value


def _hash(text: str) -> int:
    return (crc32(text.encode("utf-8", "replace")) ^ 0x80000000) - 0x80000000


_hashes: Final = _Hashes()


@lru_cache(maxsize=4096)
def term(prefix: str, value: str) -> int:
    """The term of one whole value: `term(MODEL, "flux")`."""
    return _hash(prefix + value)


def words(text: str) -> list[str]:
    """The words of a text, each once, in order, in the form in which they are compared."""
    text = text[:_SEARCHED_CHARACTERS]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return list(dict.fromkeys(_WORD.findall(text.casefold())))


def word_terms(text: str) -> frozenset[int]:
    """The terms of all words of a text."""
    # The attempts of a generation mostly share their prompt.
    return _cached_word_terms(text) if len(text) <= 4096 else _word_terms(text)


def _word_terms(text: str) -> frozenset[int]:
    return frozenset(map(_hashes.__getitem__, words(text)))


_cached_word_terms: Final = lru_cache(maxsize=1024)(_word_terms)
