"""Requests that wait in a host's queue: sent by one function, their pictures fetched by another.

An attempt is recorded when its result has been fetched, and began with the submission. What is never fetched
here (a webhook has it, or another program) leaves no attempt: how it ended is not known here.
"""

import functools
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from inspect import iscoroutinefunction
from time import time_ns
from typing import Any, Final

from opentelemetry.context import attach, get_current

from image_tracing.faults import tell_once
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Begin, SdkCall, current_call
from image_tracing.tracer import current, detach

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]
_current: Final[ContextVar["Submission | None"]] = ContextVar("image_tracing_submission", default=None)


class Submission:
    """A request in the queue. `started_at`: nanoseconds, None where another program has submitted it."""

    def __init__(
        self, begin: Begin, args: tuple[Any, ...], kwargs: Mapping[str, Any], started_at: int | None
    ) -> None:
        self._begin = begin
        self.args = args
        self.kwargs = kwargs
        self._started_at = started_at
        self._context = get_current()
        self.request_id: str | None = None
        self.resends = 0
        self.is_fetched = False

    def begin(self) -> Any:
        """The recording of the attempt, at its end; None if nothing is recorded."""
        # A thread without a context of its own fetches for whoever submitted.
        token = attach(self._context) if current() is None else None
        try:
            recording = self._begin(self.args, self.kwargs, self._started_at)
        finally:
            if token is not None:
                detach(token)
        if hasattr(recording, "reply"):
            recording.tell(response_id=self.request_id)
            recording.reply.resends += self.resends
            recording.submission = self
        return recording

    def failed(self, error: BaseException) -> None:
        """Record that it never came into the queue."""
        recording = self.begin()
        if recording is not None:
            recording.failed(error)


def current_submission() -> Submission | None:
    """What this context is submitting at the moment."""
    return _current.get()


def fetched(recording: Any) -> None:
    """Note that the result of a recording's request has come: to fetch it again is no attempt."""
    submission = getattr(recording, "submission", None)
    if submission is not None:
        submission.is_fetched = True


def submitting(
    patches: Patches,
    call: SdkCall,
    keep: Callable[[Submission, Any], None],
    note: Callable[[Any, Any], None] | None = None,
) -> Wrap:
    """Record submissions that fail, and have `keep` see what others answer with.

    Within another call of the SDK they are a part of that: `note` sees its recording and the answer.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        begin = Begin(call, function, lambda: patches.is_on)

        @functools.wraps(function)
        def submit(*args: Any, **kwargs: Any) -> Any:
            if not patches.is_on or _current.get() is not None:
                return function(*args, **kwargs)
            outer = current_call()
            if outer is not None:
                answer = function(*args, **kwargs)
                _tell(note, outer, answer)
                return answer
            submission = Submission(begin, args, kwargs, time_ns())
            token = _current.set(submission)
            try:
                answer = function(*args, **kwargs)
            except BaseException as error:
                submission.failed(error)
                raise
            finally:
                _current.reset(token)
            _tell(keep, submission, answer)
            return answer

        @functools.wraps(function)
        async def submit_async(*args: Any, **kwargs: Any) -> Any:
            if not patches.is_on or _current.get() is not None:
                return await function(*args, **kwargs)
            outer = current_call()
            if outer is not None:
                answer = await function(*args, **kwargs)
                _tell(note, outer, answer)
                return answer
            submission = Submission(begin, args, kwargs, time_ns())
            token = _current.set(submission)
            try:
                answer = await function(*args, **kwargs)
            except BaseException as error:
                submission.failed(error)
                raise
            finally:
                _current.reset(token)
            _tell(keep, submission, answer)
            return answer

        return submit_async if iscoroutinefunction(function) else submit

    return wrap


def _tell(look: Callable[[Any, Any], None] | None, first: Any, answer: Any) -> None:
    try:
        if look is not None:
            look(first, answer)
    except Exception:  # noqa: BLE001 - instrumentation never hurts the host
        tell_once("look at a submission")


def answering(patches: Patches, look: Callable[[Any, tuple[Any, ...], Mapping[str, Any]], None]) -> Wrap:
    """Have `look` see each answer of a function with its arguments."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def see(answer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
            try:
                if patches.is_on:
                    look(answer, args, kwargs)
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("look at an answer")
            return answer

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return see(function(*args, **kwargs), args, kwargs)

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            return see(await function(*args, **kwargs), args, kwargs)

        return call_async if iscoroutinefunction(function) else call

    return wrap
