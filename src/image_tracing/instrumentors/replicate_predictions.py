"""Predictions of `replicate`: created, then asked for until they have ended."""

import functools
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final

from image_tracing.instrumentors.sdk_calls import current_call
from image_tracing.instrumentors.submissions import Submission, current_submission

_ENDS: Final = frozenset({"succeeded", "failed", "canceled", "aborted"})
# Nothing can be written into a prediction that would not show, nor be tied to its life. Those that a webhook
# tells of are never asked for again: beyond this many the oldest are forgotten.
_LIMIT: Final = 1_000
_lock: Final = Lock()
_submissions: Final[dict[str, Submission]] = {}


def keep(errors: Any, submission: Submission, prediction: Any) -> None:
    """Remember a prediction until it ends, or record it if it has: `create` can be told to wait."""
    submission.request_id = prediction.id
    model = getattr(prediction, "model", None)
    if isinstance(model, str) and "/" in model:
        submission.kwargs = {**submission.kwargs, "model": model}
    if prediction.output is not None or prediction.status in _ENDS:
        _end(errors, submission, prediction)
        return
    _lighten(submission)
    with _lock:
        _submissions[prediction.id] = submission
        if len(_submissions) > _LIMIT:
            del _submissions[next(iter(_submissions))]


def note(recording: Any, prediction: Any) -> None:
    """Note the prediction that `run` has created."""
    recording.tell(response_id=prediction.id, response_model=_model_of(prediction))


def look(errors: Any, answer: Any, args: tuple[Any, ...], _: Mapping[str, Any]) -> None:
    """Record a prediction that was found to have ended; `reload` changes its own, `get` answers with one."""
    prediction = args[0] if answer is None else answer
    if prediction.status in _ENDS:
        with _lock:
            submission = _submissions.pop(prediction.id, None)
        if submission is not None:
            _end(errors, submission, prediction)


def counting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Count requests that are sent again: each sleeps before."""

    @functools.wraps(function)
    def calculate_sleep(*args: Any, **kwargs: Any) -> Any:
        call, submission = current_call(), current_submission()
        if call is not None:
            call.reply.resends += 1
        elif submission is not None:
            submission.resends += 1
        return function(*args, **kwargs)

    return calculate_sleep


def _end(errors: Any, submission: Submission, prediction: Any) -> None:
    recording = submission.begin()
    if not hasattr(recording, "reply"):
        return
    recording.tell(response_model=_model_of(prediction))
    if prediction.status == "failed":
        # What `run` raises in this case, so that both are told in the same words.
        recording.failed(errors.ModelError(prediction))
    elif prediction.status in ("canceled", "aborted"):
        recording.closed()
    else:
        recording.ended(prediction.output)


def _model_of(prediction: Any) -> str | None:
    """The model with its version; of those that are Replicate's own that is "hidden"."""
    model, version = getattr(prediction, "model", None), getattr(prediction, "version", None)
    if not isinstance(model, str):
        return None
    return f"{model}:{version}" if isinstance(version, str) and version != "hidden" else model


def _lighten(submission: Submission) -> None:
    """Keep what will be recorded of the inputs, not the files among them."""
    from image_tracing.content import clean_tree

    submission.args = tuple(
        clean_tree(value) if isinstance(value, dict) else value for value in submission.args
    )
    submission.kwargs = {
        name: clean_tree(value) if isinstance(value, dict) else value
        for name, value in submission.kwargs.items()
    }
