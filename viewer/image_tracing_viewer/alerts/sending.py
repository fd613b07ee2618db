"""A process that sends through one channel of Apprise. Run as a program: it imports nothing of this project.

Lines of JSON come in and go out. The first has the address, `{"url": …}`, and is answered by what the channel
is: `{"service": "Slack", "takes_pictures": true}`. Each further one is a message, answered by
`{"problem": null}`, or by why it was not taken and whether it may have arrived all the same:
`{"problem": "no connection to it, or no answer in time", "is_open": true}`. No answer holds anything of the
address. Ends with its input.
"""

import base64
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

# Plain web hooks: what takes a message there can look at fields, and at a key for repeats.
_HOOKS: Final = frozenset({"json", "jsons", "form", "forms", "xml", "xmls"})

# Apprise gives a channel 4 s to answer, and what took a message and answers later would get it again.
_ANSWER_SECONDS: Final = 25.0


def main() -> int:
    """0 when the input ended; 2 for an address that is no channel."""
    answer = _answers()
    requests = _requests()
    try:
        import apprise
    except ImportError:
        answer({"problem": "sending needs Apprise; install it with: pip install 'image-tracing[alerts]'"})
        return 2
    url = next(requests, {}).get("url", "")
    channel = apprise.Apprise.instantiate(url)
    if not isinstance(channel, apprise.NotifyBase):
        answer({"problem": "Apprise cannot read this address; compare it with its documentation"})
        return 2
    answer({"service": str(channel.service_name), "takes_pictures": bool(channel.attachment_support)})
    notes = _Notes()
    logger = logging.getLogger("apprise")
    logger.addHandler(notes)
    # What was wrong with a connection, it tells only there.
    logger.setLevel(logging.DEBUG)
    for request in requests:
        if _is_sent(apprise, url, request, notes):
            answer({"problem": None})
        else:
            answer({"problem": notes.reason(), "is_open": notes.is_open()})
    return 0


def _is_sent(apprise: Any, url: str, request: dict[str, Any], notes: "_Notes") -> bool:
    """Whether the channel took it, without the picture where it refused that."""
    channel = apprise.Apprise.instantiate(_with_fields(url, request["key"], request["fields"]))
    if "socket_read_timeout" not in vars(channel):
        # The address says nothing of it.
        channel.socket_read_timeout = max(channel.socket_read_timeout, _ANSWER_SECONDS)
    notes.clear()
    message = {
        "title": request["title"],
        "body": request["body"],
        "notify_type": request["type"],
        "body_format": apprise.NotifyFormat.TEXT,
    }
    picture = request.get("picture")
    if picture is not None and channel.attachment_support:
        attached = apprise.AppriseAttachment()
        attached.add(_attachment(picture))
        if channel.notify(**message, attach=attached):
            return True
        if notes.status() is None or notes.is_open():
            # It may have arrived: the text goes alone later, and says that it may be a repeat.
            return False
        notes.clear()
    return bool(channel.notify(**message))


def _attachment(picture: dict[str, str]) -> Any:
    from apprise.attachment import memory

    untyped: Any = memory
    return untyped.AttachMemory(
        content=base64.b64decode(picture["data"]), name=picture["name"], mimetype="image/png"
    )


def _with_fields(url: str, key: str, fields: dict[str, str]) -> str:
    if url.partition("://")[0].lower() not in _HOOKS:
        return url
    pairs = [f"%2BIdempotency-Key={quote(key)}"]
    # Apprise decodes values twice.
    pairs += [f"%3A{name}={quote(quote(value, safe=''))}" for name, value in fields.items()]
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(pairs)}"


class _Notes(logging.Handler):
    """What Apprise says while it sends. Its texts may hold parts of the address: none of them leaves here."""

    def __init__(self) -> None:
        super().__init__()
        self._warnings: list[str] = []
        self._failures: list[str] = []
        self._is_taken_in_part = False

    def clear(self) -> None:
        self._warnings.clear()
        self._failures.clear()
        self._is_taken_in_part = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.WARNING:
            self._warnings.append(text)
        elif text.startswith("Socket Exception"):
            self._failures.append(text)
        elif text.startswith("Sent "):
            # One of several receivers, or the text before its picture.
            self._is_taken_in_part = True

    def status(self) -> str | None:
        """What it answered: a status of HTTP or of SMTP, each of which says that it did not take it."""
        http = re.search(r"error=(\d{3})\b", " ".join(self._warnings))
        found = http or re.search(r"\(([45]\d\d), b['\"]", " ".join(self._failures))
        return found[1] if found else None

    def is_open(self) -> bool:
        """Whether it may have arrived: only a status, or no connection at all, says that it did not."""
        if self._is_taken_in_part:
            return True
        return self.status() is None and not re.search(
            r"Max retries exceeded|refused|unreachable|No route|getaddrinfo|Name or service|name resolution",
            " ".join(self._failures),
        )

    def reason(self) -> str:
        if status := self.status():
            return f"it answered with status {status}"
        if self._failures or re.search(
            r"(?i)connection error|timed? ?out|socket|refused|unreachable", " ".join(self._warnings)
        ):
            return "no connection to it, or no answer in time"
        return "it did not take the message"


def _requests() -> Iterator[dict[str, Any]]:
    for line in sys.stdin.buffer:
        yield json.loads(line)


def _answers() -> Callable[[dict[str, Any]], None]:
    """Where answers go; whatever else writes to the outputs from now on is lost."""
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)

    def answer(document: dict[str, Any]) -> None:
        answers.write(json.dumps(document).encode() + b"\n")
        answers.flush()

    return answer


if __name__ == "__main__":
    sys.exit(main())
