"""A process that sends through one channel of Apprise. Run as a program: it imports nothing of this project.

Lines of JSON come in and go out. The first has the address, `{"url": …}`, and is answered by what the channel
is: `{"service": "Slack", "takes_pictures": true}`. Each further one is a message, answered by
`{"problem": null}` or by why it was not taken. No answer holds anything of the address. Ends with its input.
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
    logger.setLevel(logging.WARNING)
    for request in requests:
        notes.texts.clear()
        answer({"problem": None if _is_sent(apprise, url, request) else notes.reason()})
    return 0


def _is_sent(apprise: Any, url: str, request: dict[str, Any]) -> bool:
    """Whether the channel took it, without the picture if need be."""
    channel = apprise.Apprise.instantiate(_with_fields(url, request["key"], request["fields"]))
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
        # The text comes first: better twice than never, should only the picture have been refused.
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
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())

    def reason(self) -> str:
        text = " ".join(self.texts)
        if match := re.search(r"error=(\d{3})\b", text):
            return f"it answered with status {match[1]}"
        if re.search(r"(?i)connection error|timed? ?out|socket|refused|unreachable", text):
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
