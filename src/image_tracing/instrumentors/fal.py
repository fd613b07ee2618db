"""The `fal-client` SDK: applications that make pictures, run at once or by way of fal's queue."""

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

from image_tracing.instrumentors.fal_requests import fetching, finding, keep, looking, note
from image_tracing.instrumentors.hosted_models import makes_pictures
from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Arguments, SdkCall, current_call
from image_tracing.instrumentors.submissions import fetched, submitting
from image_tracing.propagation import in_context

_PROMPTS: Final = ("prompt", "negative_prompt")


def _application(arguments: Arguments) -> str | None:
    application, path = arguments.get("application"), arguments.get("path")
    if not isinstance(application, str):
        return None
    return f"{application}/{path.strip('/')}" if isinstance(path, str) and path.strip("/") else application


def _input(arguments: Arguments) -> Mapping[str, Any]:
    given = arguments.get("arguments")
    return given if isinstance(given, dict) else {}


def _read_result(recording: Any, result: object) -> object:
    fetched(recording)
    return result


def _read_error(recording: Any, error: BaseException) -> None:
    """The id of a failed request: of a time-out in its attribute, of others among their headers."""
    headers = getattr(error, "response_headers", None)
    recording.tell(
        response_id=getattr(error, "request_id", None)
        or (headers.get("x-fal-request-id") if isinstance(headers, dict) else None),
        # Before version 0.8 the exception itself tells no status.
        status_code=getattr(getattr(error.__cause__, "response", None), "status_code", None),
    )


_CALL: Final = SdkCall(
    provider="fal_ai",
    model=_application,
    prompt=lambda arguments: _input(arguments).get("prompt"),
    negative_prompt=lambda arguments: _input(arguments).get("negative_prompt"),
    request=lambda arguments: {
        name: value for name, value in _input(arguments).items() if name not in _PROMPTS
    },
    is_wanted=lambda arguments: makes_pictures(_application(arguments)),
    result=_read_result,
    error=_read_error,
)


def _carrying(executor: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`subscribe` with a time limit works in a thread, which has to know the call that it belongs to."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def submit(work: Any, /, *args: Any, **kwargs: Any) -> Any:
            if current_call() is not None:
                work = in_context(work)
            return function(executor, work, *args, **kwargs)

        return submit

    return wrap


def _patch(patches: Patches, module: ModuleType) -> None:
    client = module.client
    # Tests and proxies change where these lead to.
    at_once = _CALL._replace(base_url=lambda _: getattr(client, "RUN_URL_FORMAT", None))
    queued = _CALL._replace(base_url=lambda _: getattr(client, "QUEUE_URL_FORMAT", None))
    for owner in (getattr(client, "SyncClient", None), getattr(client, "AsyncClient", None)):
        if owner is not None:
            patches.record(owner, "run", at_once)
            patches.record(owner, "subscribe", queued)
            patches.replace(owner, "submit", submitting(patches, queued, keep, note))
            patches.replace(owner, "get_handle", finding(patches, queued))
    for handle in (getattr(client, "SyncRequestHandle", None), getattr(client, "AsyncRequestHandle", None)):
        if handle is not None:
            patches.replace(handle, "get", fetching(patches))
    for name in ("_request", "_async_request"):
        patches.replace(client, name, looking)
    executor = getattr(client, "EXECUTOR", None)
    if executor is not None:
        patches.replace(executor, "submit", _carrying(executor))
    # Methods of clients of the package's own, bound before their classes were patched.
    for suffix in ("", "_async"):
        patches.record(module, f"run{suffix}", at_once)
        patches.record(module, f"subscribe{suffix}", queued)
        patches.replace(module, f"submit{suffix}", submitting(patches, queued, keep, note))


class FalInstrumentor(Instrumentor):
    """`run`, `subscribe`, `submit` and what fetches its result, of both clients and of the package."""

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {"fal_client": _patch}
