"""What `fal-client` does out of sight: handles of requests in the queue, and tries that it makes again."""

import functools
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any, Final
from weakref import WeakValueDictionary

from image_tracing.faults import tell_once
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Begin, SdkCall, current_call
from image_tracing.instrumentors.submissions import Submission, Wrap, answering, current_submission
from image_tracing.wrapping import wrapped

_REQUEST_ID: Final = "x-fal-request-id"
_SUBMISSION: Final = "_image_tracing_submission"
# By the ids of the requests, as long as somebody holds one of their handles.
_submissions: Final[WeakValueDictionary[str, Submission]] = WeakValueDictionary()


def keep(submission: Submission, handle: Any) -> None:
    """Let `handle` know its submission."""
    submission.request_id = handle.request_id
    vars(handle)[_SUBMISSION] = submission
    _submissions[handle.request_id] = submission


def note(recording: Any, handle: Any) -> None:
    """Note the id of a request that `subscribe` has submitted."""
    recording.tell(response_id=handle.request_id)


def finding(patches: Patches, call: SdkCall) -> Wrap:
    """Let a handle made from a request's id know the submission, if it was made here."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        begin = Begin(call, function, lambda: patches.is_on)

        def look(handle: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
            keep(_submissions.get(handle.request_id) or Submission(begin, args, kwargs, None), handle)

        return answering(patches, look)(function)

    return wrap


def fetching(patches: Patches) -> Wrap:
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
        self._holder: Any = self._call or current_submission()
        self.response: Any = None

    def __enter__(self) -> "_Look":
        if self._holder is not None and getattr(self._holder, "failed_request", None) == self._asked:
            if self._call is not None:
                self._call.reply.resends += 1
            else:
                self._holder.resends += 1
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if self._holder is not None:
            self._holder.failed_request = None if error is None else self._asked
        if self._call is not None and self.response is not None:
            try:
                self._call.tell(status_code=self.response.status_code)
                if self._asked[:1] != ("GET",):
                    self._call.tell(response_id=self.response.headers.get(_REQUEST_ID))
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("look at a response")
