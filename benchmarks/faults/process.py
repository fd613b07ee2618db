"""A child process of the bench: what it says, what it uses, how it ends."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from faults.waiting import TooSlowError

_BENCHMARKS: Final = Path(__file__).resolve().parents[1]


class Vitals(NamedTuple):
    """What a process uses now."""

    rss_bytes: int
    threads: int
    descriptors: int


class ChildFailedError(Exception):
    """A process of the bench's own ended where it should not."""


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """What children inherit: nothing of OpenTelemetry's or ours that a shell may have set."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "IMAGE_TRACING_"))
    }
    path = os.pathsep.join(filter(None, [str(_BENCHMARKS), os.environ.get("PYTHONPATH")]))
    return {**kept, "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1", "PYTHONUNBUFFERED": "1", **more}


class Child:
    """A running process whose lines of JSON can be waited for; `log` gets what it says beside."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        more: Mapping[str, str] | None = None,
        has_group: bool = False,
    ) -> None:
        self._log = log
        self._name = " ".join(word for word in arguments[1:] if not word.startswith("{"))
        self._has_group = has_group
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                list(arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(more or {}),
                text=True,
                start_new_session=has_group,
            )
        self.ended_at: float | None = None
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    @classmethod
    def python(
        cls, module: str, *arguments: str, log: Path, more: Mapping[str, str] | None = None
    ) -> "Child":
        """A module of this package in an interpreter of its own."""
        return cls([sys.executable, "-m", f"faults.{module}", *arguments], log=log, more=more)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self._events.put(json.loads(line))
        self._process.wait()
        self.ended_at = time.monotonic()
        self._events.put(None)

    def event(self, name: str, *, seconds: float = 60) -> dict[str, Any]:
        """The next event of this name; others before it are passed over.

        Raises:
            ChildFailedError: the process ended first.
            TooSlowError: it did not come in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise TooSlowError(
                    f"{name!r} was wanted from {self._name} within {seconds:g} s, "
                    f"and it said: {self.stacks()[-6_000:]}"
                ) from None
            if found is None:
                raise ChildFailedError(
                    f"{name!r} was wanted from {self._name}, which ended with "
                    f"{self._process.poll()} and said: {self.said()[-2_000:]}"
                )
            if found.get("event") == name:
                return found

    def said(self) -> str:
        """What it wrote to its standard error, with others that share the log."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def stacks(self) -> str:
        """End it, and what it said, last of all where its threads were."""
        self.kill(signal.SIGABRT)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        return self.said()

    def go_on(self) -> None:
        """Answer a load that has paused."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, if it still runs; one that kills goes to its whole group, where it has one."""
        try:
            if self._has_group and number in (signal.SIGKILL, signal.SIGABRT):
                os.killpg(self._process.pid, number)
            elif self._process.poll() is None:
                self._process.send_signal(number)
        except ProcessLookupError:
            return

    def wait(self, *, seconds: float = 90) -> float:
        """Wait for its end; monotonic seconds of it. Raises TooSlowError."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TooSlowError(
                f"{self._name} was to end within {seconds:g} s, and it said: {self.stacks()[-6_000:]}"
            ) from None
        deadline = time.monotonic() + 5
        while self.ended_at is None and time.monotonic() < deadline:
            time.sleep(0.001)
        return time.monotonic() if self.ended_at is None else self.ended_at

    def vitals(self) -> Vitals:
        """Its memory, threads and descriptors. Raises OSError when it is gone."""
        return vitals(self._process.pid)

    def close(self) -> None:
        """Make sure it is gone."""
        self.kill(signal.SIGKILL)
        self._process.wait(30)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and stream is not self._process.stdout:
                try:
                    stream.close()
                except OSError:
                    continue


def vitals(pid: int) -> Vitals:
    """Memory, threads and descriptors of a process, from /proc."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    )
    return Vitals(
        rss_bytes=int(status["VmRSS"].split()[0]) * 1024,
        threads=int(status["Threads"]),
        descriptors=len(os.listdir(f"/proc/{pid}/fd")),
    )
