"""The thread that brings messages from the outbox to the channels of this viewer."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Final

from image_tracing.errors import ImageTracingError
from image_tracing_postgres.alerting import HistoryEntry, Message, Outbox
from image_tracing_viewer.alerts.channels import Channel, ChannelError, Picture
from image_tracing_viewer.alerts.letters import letter_from

_log = logging.getLogger("image_tracing_viewer")

# How often the outbox is asked for what other viewers put there; what this one puts there is told.
_POLL_SECONDS: Final = 5.0
# Far below the day after which a channel counts as gone.
_SEE_SECONDS: Final = 600.0
_IDLE_SECONDS: Final = 60.0
_GRACE_SECONDS: Final = 5.0
_LOOK_AGAIN_SECONDS: Final = 300.0


class Courier:
    """Claims messages, has each sent by a thread of its channel, and confirms them.

    Channels do not wait for each other, and the database never waits for a channel. A message that is being
    sent is kept claimed as long as that takes. `base` is where the links of messages lead, `draw` makes their
    charts. `problem` says what else keeps messages waiting, `problems` which channels cannot be used.
    """

    def __init__(
        self,
        outbox: Outbox,
        channels: Sequence[Channel],
        *,
        base: str,
        draw: Callable[[HistoryEntry], Picture | None],
    ) -> None:
        self.problem: str | None = None
        self.problems: dict[str, str] = {}
        self._outbox = outbox
        self._base = base
        self._draw = draw
        self.is_stopped = False
        self._lock = threading.Lock()
        self._seen: dict[str, str] = {}
        self._seen_at = 0.0
        self._events: queue.SimpleQueue[tuple[_Post, Message, ChannelError | None] | None] = (
            queue.SimpleQueue()
        )
        self._posts = [_Post(channel, self) for channel in channels]
        self._thread = threading.Thread(target=self._run, name="image-tracing-alerts-courier", daemon=True)

    def start(self) -> None:
        """Begin."""
        if self._posts:
            for post in self._posts:
                post.start()
            self._thread.start()

    def see(self) -> None:
        """Tell the database of the channels, now and then; before the first step, so that none is missed."""
        channels = {post.channel.id: post.channel.service for post in self._posts}
        with self._lock:
            if channels and (channels != self._seen or monotonic() - self._seen_at >= _SEE_SECONDS):
                self._outbox.see(channels)
                self._seen, self._seen_at = channels, monotonic()

    def wake(self) -> None:
        """There is something in the outbox."""
        self._events.put(None)

    def close(self) -> None:
        """Let what is being sent end, but not for long."""
        if not self._posts:
            return
        self.is_stopped = True
        self.wake()
        self._thread.join(_GRACE_SECONDS + 1)
        for post in self._posts:
            post.stop()

    def _run(self) -> None:
        kept_at = monotonic()
        unconfirmed: list[tuple[Message, ChannelError | None]] = []
        deadline: float | None = None
        while True:
            now = monotonic()
            if self.is_stopped:
                deadline = deadline or now + _GRACE_SECONDS
                busy = any(post.message for post in self._posts)
                if now >= deadline or not (busy or unconfirmed):
                    return
            try:
                self.see()
                if now - kept_at >= self._outbox.lease_seconds / 3:
                    self._keep([message for message, _ in unconfirmed])
                    kept_at = now
                while unconfirmed:
                    self._settle(*unconfirmed[0])
                    del unconfirmed[0]
                if not self.is_stopped:
                    self._claim()
                self.problem = None
            except ImageTracingError:
                # The database is away, or only to be read, which the evaluator tells.
                pass
            except Exception as error:  # noqa: BLE001
                # Messages that wait for ever without a word would be the worst that could happen here.
                self._say(f"messages wait: unexpected {type(error).__name__}; the log has more")
            unconfirmed += self._wait(min(_POLL_SECONDS, self._outbox.lease_seconds / 3))

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            _log.exception("the alerts that wait cannot be sent; it is tried again")
        self.problem = problem

    def _wait(self, seconds: float) -> list[tuple[Message, ChannelError | None]]:
        """What was sent, or was not, until something is to be done."""
        found = []
        try:
            event = self._events.get(timeout=0.1 if self.is_stopped else seconds)
            while True:
                if event is not None:
                    post, message, problem = event
                    post.message = None
                    found.append((message, problem))
                event = self._events.get_nowait()
        except queue.Empty:
            return found

    def _keep(self, unconfirmed: Sequence[Message]) -> None:
        """Hold on to what is being sent, and to what was sent while the database was away."""
        sending = [post.message for post in self._posts if post.message is not None]
        if ids := [message.id for message in (*sending, *unconfirmed)]:
            self._outbox.keep(ids)

    def _claim(self) -> None:
        failures = []
        for post in self._posts:
            try:
                self._claim_for(post)
            except ImageTracingError:
                raise
            except Exception as error:  # noqa: BLE001
                # The other channels do not wait for what is wrong with this one.
                failures.append(error)
        if failures:
            raise failures[0]

    def _claim_for(self, post: "_Post") -> None:
        if post.message is None and post.is_usable:
            message = self._outbox.claim(post.channel.id)
            if message is not None:
                post.give(message)
            else:
                post.channel.rest(_IDLE_SECONDS)

    def _settle(self, message: Message, problem: ChannelError | None) -> None:
        if problem is None:
            self._outbox.confirm(message.id)
        else:
            self._outbox.release(message, str(problem), is_open=problem.is_open)

    # Below: called by the threads of the channels.

    def tell(self, post: "_Post", message: Message, problem: ChannelError | None) -> None:
        """A message was sent, or was not taken."""
        self._events.put((post, message, problem))

    def send(self, channel: Channel, message: Message) -> None:
        """Send a message, with a picture where the channel takes one and one can be drawn.

        Not again with one: it may be what kept the channel from answering in time.
        """
        picture = None
        if channel.takes_pictures and not message.may_be_repeat:
            try:
                picture = self._draw(message.entry)
            except ImageTracingError as error:
                _log.warning("the chart of an alert could not be drawn: %s", error)
            except Exception:  # noqa: BLE001
                # The text comes first: whatever goes wrong with a picture must not cost it.
                _log.warning("the chart of an alert could not be drawn", exc_info=True)
        channel.send(letter_from(message, base=self._base, picture=picture))


class _Post:
    """One channel with the thread that sends through it, one message at a time."""

    def __init__(self, channel: Channel, courier: Courier) -> None:
        self.channel: Final = channel
        self.message: Message | None = None
        self.is_usable = False
        self._courier = courier
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._run, name=f"image-tracing-alerts-{channel.id[:6]}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def give(self, message: Message) -> None:
        self.message = message
        self._messages.put(message)

    def stop(self) -> None:
        self._messages.put(None)
        self.channel.kill()
        self._thread.join(1)
        self.channel.rest()

    def _run(self) -> None:
        while not self._look():
            with suppress(queue.Empty):
                # Nothing is given to a channel that cannot be used; only the end comes in here.
                self._messages.get(timeout=_LOOK_AGAIN_SECONDS)
                return
        while (message := self._messages.get()) is not None:
            problem = self._tried(partial(self._courier.send, self.channel, message))
            self._courier.tell(self, message, problem)

    def _look(self) -> bool:
        if problem := self._tried(self.channel.look):
            if self._courier.is_stopped:
                # Its process was ended from here.
                return False
            if self._courier.problems.get(self.channel.id) != str(problem):
                _log.warning("alerts cannot be sent to %s: %s", self.channel.name, problem)
            self._courier.problems[self.channel.id] = str(problem)
        else:
            self._courier.problems.pop(self.channel.id, None)
            self.is_usable = True
        self._courier.wake()
        return self.is_usable

    def _tried(self, act: Callable[[], None]) -> ChannelError | None:
        """What kept it from being done."""
        try:
            act()
        except ChannelError as error:
            return error
        except Exception as error:  # noqa: BLE001
            # A message whose thread ended would be kept from all viewers as long as this one runs.
            _log.exception("%s cannot be used; it is tried again", self.channel.name)
            return ChannelError(f"unexpected {type(error).__name__}", is_open=True)
        return None
