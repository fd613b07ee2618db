"""The channels of a viewer: the Apprise addresses of its settings, each with a process that sends."""

import base64
import hashlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any, Final

_PROGRAM: Final = Path(__file__).with_name("sending.py")
# Apprise and its hundred services take seconds to import on a slow machine.
_START_SECONDS: Final = 60.0
_SEND_SECONDS: Final = 30.0
# Of Windows alone.
_NEW_GROUP: Final[int] = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)

Picture = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent: text first; `picture` is a name and a PNG. `key`: the same for a repeat of the same."""

    key: str
    title: str
    body: str
    type: str
    fields: Mapping[str, str]
    picture: Picture | None = None


class ChannelError(Exception):
    """The channel did not take a message. The text says why, and holds nothing of its address.

    `is_open`: the message may have arrived all the same.
    """

    def __init__(self, problem: str, *, is_open: bool = False) -> None:
        super().__init__(problem)
        self.is_open: Final = is_open


class Channel:
    """One address. `id` tells it from others in tables and on pages, `service` says what it is.

    The process that sends is started at need and ended by `rest`. Apprise is imported there and only there:
    what it and the libraries below it write to logs holds addresses, a service that hangs can be ended from
    outside, and the viewer does not carry them in its memory. One thread at a time may send.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self.id: Final = _fingerprint(url)
        self.service = url.partition("://")[0]
        self.takes_pictures = False
        self.used_at = monotonic()

    def __repr__(self) -> str:
        return f"Channel({self.id!r}, service={self.service!r})"

    @property
    def name(self) -> str:
        """As people tell it from others: `Slack 3f9a2c`."""
        return f"{self.service} {self.id[:6]}"

    def look(self) -> None:
        """Find out what it is. Raises ChannelError where it cannot be used."""
        with self._lock:
            self._started()

    def send(self, letter: Letter) -> None:
        """Send it, within half a minute. Raises ChannelError where it was not taken."""
        picture = letter.picture if self.takes_pictures else None
        request: dict[str, Any] = {
            "key": letter.key,
            "title": letter.title,
            "body": letter.body,
            "type": letter.type,
            "fields": dict(letter.fields),
            "picture": picture and {"name": picture[0], "data": base64.b64encode(picture[1]).decode("ascii")},
        }
        with self._lock:
            process = self._started()
            answer = self._answer(process, request, _SEND_SECONDS)
        if problem := answer.get("problem"):
            raise ChannelError(problem, is_open=bool(answer.get("is_open")))

    def rest(self, idle_seconds: float = 0) -> None:
        """End the process if it was not used for so long."""
        if monotonic() - self.used_at >= idle_seconds and self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def kill(self) -> None:
        """End the process even while it sends."""
        if self._process is not None:
            self._process.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        try:
            # Not the folder of the program: its neighbours must not hide modules of the same names.
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-P", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Ctrl-C goes to a viewer and all that it has begun, and must not end a message halfway.
                start_new_session=True,
                creationflags=_NEW_GROUP,
            )
            self._lines = queue.SimpleQueue()
            threading.Thread(target=_read, args=(self._process, self._lines), daemon=True).start()
        except OSError as error:
            raise ChannelError(f"the process that sends cannot be started: {error.strerror}") from None
        except RuntimeError as error:
            # Under a limit of threads; without one that reads, its answers would be waited for in vain.
            self._end()
            raise ChannelError(f"the process that sends cannot be used: {error}") from None
        try:
            found = self._answer(self._process, {"url": self._url}, _START_SECONDS)
        except ChannelError as error:
            # No message was given to it yet.
            raise ChannelError(str(error)) from None
        if problem := found.get("problem"):
            self._end()
            raise ChannelError(problem)
        self.service, self.takes_pictures = found["service"], found["takes_pictures"]
        return self._process

    def _answer(
        self, process: subprocess.Popen[bytes], request: Mapping[str, Any], seconds: float
    ) -> dict[str, Any]:
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for.
        self.used_at = monotonic()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = self._lines.get(timeout=seconds)
            found: dict[str, Any] = json.loads(line)
        except queue.Empty:
            self._end()
            raise ChannelError(f"it did not answer within {seconds:g} s", is_open=True) from None
        except (OSError, ValueError):
            self._end()
            raise ChannelError("the process that sends ended", is_open=True) from None
        self.used_at = monotonic()
        return found

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What was not written is lost with the process.
                with suppress(OSError):
                    pipe.close()


def _read(process: subprocess.Popen[bytes], lines: "queue.SimpleQueue[bytes]") -> None:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for.
    # Closed meanwhile.
    with suppress(ValueError):
        for line in process.stdout:
            lines.put(line)
    # No JSON: whoever waits learns that the process ended.
    lines.put(b"")


@lru_cache(maxsize=64)
def _fingerprint(url: str) -> str:
    """16 hexadecimal digits by which viewers know the same address; slow, so that no password is guessed."""
    found = hashlib.scrypt(url.encode(), salt=b"image-tracing alert channel", n=2**14, r=8, p=1, dklen=8)
    return found.hex()
