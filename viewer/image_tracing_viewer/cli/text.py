"""Text from strangers on a terminal: control characters are shown, never obeyed."""

import re
from typing import Final

# C0 and C1 control characters, DEL, and the marks that turn the direction of text round.
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with every character that would move, colour or reorder a terminal written as an escape."""
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def cell(value: object) -> str:
    """A value as one cell of tab-separated output; nothing for None."""
    return "" if value is None else printable(str(value))


def json_line(document: str) -> str:
    """A JSON text on one line, equal to the given one, that no terminal obeys."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", document.replace("\n", " "))
