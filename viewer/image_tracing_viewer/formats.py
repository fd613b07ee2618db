"""How durations, sizes, times and JSON read on a page."""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

NOTHING = "–"  # noqa: RUF001 - an en dash is what a reader expects in an empty cell.
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null|NaN|-?Infinity)'
)
_JSON_COLOUR_LIMIT = 100_000
_HOST = re.compile(r"[A-Za-z0-9._:-]+")


def duration(milliseconds: float | None) -> str:
    """A length of time in the unit a reader would choose: `850 ms`, `3.5 s`, `2 min 03 s`, `1 h 05 min`."""
    if milliseconds is None:
        return NOTHING
    if milliseconds < 0:
        return "−" + duration(-milliseconds)  # noqa: RUF001 - the minus sign, as wide as a digit.
    if round(milliseconds) < 1000:
        return f"{round(milliseconds)} ms"
    tenths = round(milliseconds / 100)
    if tenths < 600:
        return f"{tenths / 10:.1f} s"
    seconds = round(milliseconds / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    minutes = seconds // 60
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = minutes // 60
    return f"{hours // 24} d {hours % 24:02d} h"


def round_duration(milliseconds: float) -> str:
    """A round length of time as short as it can be: `5 s`, not `5.0 s`; `0` for none."""
    told = duration(milliseconds) if milliseconds else "0"
    return told.replace(".0 s", " s").replace("min 00 s", "min").replace("h 00 min", "h")


def size(size_bytes: int | None) -> str:
    """Bytes in decimal units: `0 B`, `8.1 kB`, `212 kB`, `1.4 MB`."""
    if size_bytes is None:
        return NOTHING
    if size_bytes < 1000:
        return f"{size_bytes} B"
    value = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 9.95:
            return f"{value:.1f} {unit}"
        if value < 999.5:
            return f"{value:.0f} {unit}"
    return f"{value:.0f} TB"


def instant(moment: datetime | None) -> str:
    """The time to the second with its zone, always UTC: `2025-10-26 10:30:05 UTC`."""
    if moment is None:
        return NOTHING
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(moment: datetime | None) -> str:
    """ISO 8601 in UTC with `Z`, as the API writes it; empty without a time."""
    if moment is None:
        return ""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ago(moment: datetime, now: datetime) -> str:
    """How long before `now`: `just now`, `12 s ago`, `3 min ago`, `5 d ago`; from 30 days on the date."""
    seconds = int((now - moment).total_seconds())
    if seconds < -60:
        return instant(moment)
    if seconds < 5:
        return "just now"
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 86_400:
        return f"{seconds // 3600} h ago"
    if seconds < 30 * 86_400:
        return f"{seconds // 86_400} d ago"
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def elapsed(seconds: float) -> str:
    """A length of time told while it goes on, in whole units: `12 s`, `3 min`, `2 h`, `5 d`."""
    whole = max(0, int(seconds))
    for unit, least in (("d", 86_400), ("h", 3600), ("min", 60)):
        if whole >= least:
            return f"{whole // least} {unit}"
    return f"{whole} s"


def shortened(text: str | None, limit: int) -> str:
    """The text on one line, white space collapsed, at most `limit` characters with `…` where it was cut."""
    if not text:
        return ""
    # Only the head can be shown; collapsing a prompt of 64 kB for one line would be wasted work.
    head = " ".join(text[: limit * 2].split())
    if len(head) <= limit and len(text) <= limit * 2:
        return head
    # A cut inside an emoji sequence would leave a lone joiner behind.
    return head[: limit - 1].rstrip().rstrip("\u200d\ufe0f") + "…"


def counted(number: int, noun: str) -> str:
    """`1 picture`, `2 pictures`, `1,204 pictures`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def words(name: str) -> str:
    """A name of the data as words of a sentence: `rate_limited` reads `rate limited`."""
    return name.replace("_", " ")


def model_name(model: str | None) -> str:
    """The last part of a model's path, by which people call it; `unknown model` for none."""
    if not model:
        return "unknown model"
    return model.rstrip("/").rsplit("/", 1)[-1] or model


def plain(value: Any) -> str:
    """A parameter's value on one line: texts as they are, everything else as compact JSON."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "(nested too deeply to show here)"


def json_text(value: Any) -> str:
    """The value as JSON, indented by two, characters of every script as they are.

    What nests too deeply for Python to write is told in one sentence instead.
    """
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except RecursionError:
        return "(nested too deeply to show here; the JSON link has it)"


def json_html(value: Any) -> Markup:
    """`json_text` with keys, strings, numbers and words in classed spans; very long texts stay plain."""
    text = json_text(value)
    if len(text) > _JSON_COLOUR_LIMIT:
        return escape(text)
    parts: list[str] = []
    end = 0
    for token in _TOKEN.finditer(text):
        parts.append(str(escape(text[end : token.start()])))
        parts.append(f'<span class="json-{token.lastgroup}">{escape(token.group())}</span>')
        end = token.end()
    parts.append(str(escape(text[end:])))
    return Markup("".join(parts))  # noqa: S704 - every part is escaped above.


def web_link(url: str | None) -> str | None:
    """The URL if a browser may be sent there: http or https, an ASCII host, no user name.

    Everything else (`javascript:`, `data:`, `//host`, look-alike hosts) gives None and is shown as text.
    """
    if not url or len(url) > 2048 or not url.isprintable() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 - raises for a port that is no number.
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        return None
    if not host or not _HOST.fullmatch(host):
        return None
    return url
