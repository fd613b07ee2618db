"""Pictures in the midst of texts, where emitters put whole requests and replies."""

import re
from typing import Final

_SHORTEST: Final = 64
# Base64 in lines has at least so many characters in each.
_LINE: Final = 60
# Longer than any word, path or hash that a prompt or an option may rightly hold.
_LONG: Final = 256
_PICTURES: Final = ("iVBORw0KGgo", "/9j/", "UklGR", "R0lGOD")
# Base64 may be broken into lines, and JSON within JSON escapes line ends and slashes, once or more. Only
# single characters repeat possessively: before Python 3.11.5 groups that do can miss their match.
_BODY: Final = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?=(?:[A-Za-z0-9+/_-]|\\{1,7}/){30})(?:[A-Za-z0-9+/_-]++|\\{1,7}/)+"
    r"(?:(?:\\{1,7}[nr/]|[\r\n]){1,8}[A-Za-z0-9+/_-]++)*(?:=|\\u003[dD]){0,2}"
)


def without_bodies(text: str) -> str:
    """The text with sizes in place of pictures in base64, and of whatever else is as long without a blank."""
    if len(text) < _SHORTEST or max(map(len, text.split()), default=0) < _LINE:
        return text
    return _BODY.sub(_told, text)


def _told(found: re.Match[str]) -> str:
    body = found[0]
    if len(body) < (_SHORTEST if body.startswith(_PICTURES) else _LONG):
        return body
    return f"<base64: {len(body) * 3 // 4} bytes>"
