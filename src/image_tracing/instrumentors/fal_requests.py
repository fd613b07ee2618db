"""What `fal-client` asks in secret: tries it makes again, and requests that wait in fal's queue.

`submit` answers with a handle as soon as a request has its place in the queue; the picture comes with the
handle's `get`. An attempt is recorded when that returns or raises, and began with the submission. What is
never fetched here (a webhook has it, or another program) leaves no attempt: how it ended is not known here.
"""

import functools
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from inspect import iscoroutinefunction
from time import time_ns
from typing import Any, Final
from weakref import WeakValueDictionary

from opentelemetry.context import attach, get_current

from image_tracing.faults import tell_once
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Begin, SdkCall, current_call
from image_tracing.tracer import current, detach
from image_tracing.wrapping import wrapped

_REQUEST_ID: Final = "x-fal-request-id"
_SUBMISSION: Final = "_image_tracing_submission"
# By the ids of the requests, as long as somebody holds one of their handles.
_submissions: Final[WeakValueDictionary[str, "Submission"]] = WeakValueDictionary()
_submitting: Final[ContextVar["Submission | None"]] = ContextVar("image_tracing_fal", default=None)


class Submission:
    """A request in the queue. `started_at`: nanoseconds, None where another program has submitted it."""

    def __init__(
        self, begin: Begin, args: tuple[Any, ...], kwargs: Mapping[str, Any], started_at: int | None
    ) -> None:
        self._begin = begin
        self._args = args
        self._kwargs = kwargs
        self._started_at = started_at
        self._context = get_current()
        self.request_id: str | None = None
        self.failed_request: tuple[Any, ...] | None = None
        self.resends = 0
        self.is_fetched = False

    def begin(self) -> Any:
        """The recording of the attempt, at its end; None if nothing is recorded."""
        # A thread without a context of its own fetches for whoever submitted.
        token = attach(self._context) if current() is None else None
        try:
            recording = self._begin(self._args, self._kwargs, self._started_at)
        finally:
            if token is not None:
                detach(token)
        if hasattr(recording, "reply"):
            recording.tell(response_id=self.request_id)
            recording.reply.resends += self.resends
            recording.submission = self
        return recording

    def failed(self, error: BaseException) -> None:
        recording = self.begin()
        if recording is not None:
            recording.failed(error)

    def keep(self, handle: Any) -> None:
        """Let `handle` know its submission."""
        try:
            self.request_id = handle.request_id
            vars(handle)[_SUBMISSION] = self
            _submissions[handle.request_id] = self
        except Exception:  # noqa: BLE001 - instrumentation never hurts the host
            tell_once("look at a handle")


def fetched(recording: Any) -> None:
    """Note that the result of a recording's request has come: to fetch it again is no attempt."""
    submission = getattr(recording, "submission", None)
    if submission is not None:
        submission.is_fetched = True


def submitting(patches: Patches, call: SdkCall) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Remember each submission, or record that it failed."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        begin = Begin(call, function, lambda: patches.is_on)

        @functools.wraps(function)
        def submit(*args: Any, **kwargs: Any) -> Any:
            submission = Submission(begin, args, kwargs, time_ns())
            token = _submitting.set(submission)
            try:
                handle = function(*args, **kwargs)
            except BaseException as error:
                submission.failed(error)
                raise
            finally:
                _submitting.reset(token)
            submission.keep(handle)
            return handle

        @functools.wraps(function)
        async def submit_async(*args: Any, **kwargs: Any) -> Any:
            submission = Submission(begin, args, kwargs, time_ns())
            token = _submitting.set(submission)
            try:
                handle = await function(*args, **kwargs)
            except BaseException as error:
                submission.failed(error)
                raise
            finally:
                _submitting.reset(token)
            submission.keep(handle)
            return handle

        return submit_async if iscoroutinefunction(function) else submit

    return wrap


def finding(patches: Patches, call: SdkCall) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a handle made from a request's id know the submission, if it was made here."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        begin = Begin(call, function, lambda: patches.is_on)

        def found(handle: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
            known = _submissions.get(getattr(handle, "request_id", ""))
            (known or Submission(begin, args, kwargs, None)).keep(handle)
            return handle

        @functools.wraps(function)
        def get_handle(*args: Any, **kwargs: Any) -> Any:
            return found(function(*args, **kwargs), args, kwargs)

        @functools.wraps(function)
        async def get_handle_async(*args: Any, **kwargs: Any) -> Any:
            return found(await function(*args, **kwargs), args, kwargs)

        return get_handle_async if iscoroutinefunction(function) else get_handle

    return wrap


def fetching(patches: Patches) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Record the end of a submission."""

    def begin(args: tuple[Any, ...], _: Mapping[str, Any]) -> Any:
        submission = vars(args[0]).get(_SUBMISSION) if patches.is_on else None
        return None if submission is None or submission.is_fetched else submission.begin()

    return lambda function: wrapped(function, begin)


def looking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Count requests that are sent again after a failure, and note the ids of those that are answered."""

    @functools.wraps(function)
    def request(*args: Any, **kwargs: Any) -> Any:
        with _Look(args) as look:
            look.response = function(*args, **kwargs)
            return look.response

    @functools.wraps(function)
    async def request_async(*args: Any, **kwargs: Any) -> Any:
        with _Look(args) as look:
            look.response = await function(*args, **kwargs)
            return look.response

    return request_async if iscoroutinefunction(function) else request


class _Look:
    """One try of one request, for the call or the submission that goes on. Never raises."""

    def __init__(self, args: tuple[Any, ...]) -> None:
        self._asked = args[1:3]
        self._call: Any = current_call()
        self._submission = _submitting.get()
        self.response: Any = None

    def __enter__(self) -> "_Look":
        holder = self._call or self._submission
        if holder is not None and getattr(holder, "failed_request", None) == self._asked:
            if self._call is not None:
                self._call.reply.resends += 1
            else:
                holder.resends += 1
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        holder = self._call or self._submission
        if holder is not None:
            holder.failed_request = None if error is None else self._asked
        if self._call is not None and self.response is not None:
            try:
                self._call.tell(
                    response_id=self.response.headers.get(_REQUEST_ID),
                    status_code=self.response.status_code,
                )
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("look at a response")
