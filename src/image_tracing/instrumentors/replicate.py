"""The `replicate` SDK: models that make pictures, run to their end or as predictions that are fetched."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any, ClassVar, Final

from image_tracing.error_classes import error_class_of
from image_tracing.instrumentors.hosted_models import makes_pictures
from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.replicate_predictions import counting, keep, look, note
from image_tracing.instrumentors.sdk_calls import Arguments, SdkCall
from image_tracing.instrumentors.submissions import answering, submitting

_PROMPTS: Final = ("prompt", "negative_prompt")
_URL: Final = "https://api.replicate.com"
_OWNERS: Final = ("Predictions", "ModelsPredictions", "DeploymentPredictions", "DeploymentsPredictions")


def _reference(arguments: Arguments) -> object:
    """What was asked for: a name, with a version or without, or an object that stands for one."""
    for name in ("ref", "model_version", "model", "deployment", "version"):
        if arguments.get(name) is not None:
            return arguments[name]
    positions = arguments.get("args")
    return positions[0] if isinstance(positions, tuple) and positions else None


def _model(arguments: Arguments) -> str | None:
    """`owner/name`: a model is the same in each of its versions."""
    reference = _reference(arguments)
    if isinstance(reference, str):
        return reference.partition(":")[0]
    if isinstance(reference, tuple):
        return "/".join(str(part) for part in reference[:2])
    owner, name = getattr(reference, "owner", None), getattr(reference, "name", None)
    return f"{owner}/{name}" if owner and name else getattr(reference, "id", None)


def _version(arguments: Arguments) -> str | None:
    reference = arguments.get("version") or _reference(arguments)
    if isinstance(reference, str):
        return reference.rpartition(":")[2] if ":" in reference or "/" not in reference else None
    if isinstance(reference, tuple):
        return reference[2] if len(reference) > 2 else None
    return None if hasattr(reference, "owner") else getattr(reference, "id", None)


def _input(arguments: Arguments) -> Mapping[str, Any]:
    positions = arguments.get("args")
    given = arguments.get("input")
    if given is None and isinstance(positions, tuple) and len(positions) > 1:
        given = positions[1]
    return given if isinstance(given, dict) else {}


def _request(arguments: Arguments) -> Mapping[str, Any]:
    request = {name: value for name, value in _input(arguments).items() if name not in _PROMPTS}
    version = _version(arguments)
    return request if version is None else {"version": version, **request}


def _base_url(client: object, arguments: Arguments) -> object:
    """The address of the server; of `client` where a function of the package was called."""
    owner = arguments.get("self")
    owner = client if owner is None else owner
    if not hasattr(type(owner), "predictions"):
        owner = getattr(owner, "_client", None)
    for name in ("_base_url", "base_url"):
        url = vars(owner).get(name)
        if url:
            return url
    return os.environ.get("REPLICATE_BASE_URL") or _URL


def _read_error(recording: Any, error: BaseException) -> Any:
    """The id of a failed prediction; without a reason it is the server's fault, like a reply that is none."""
    prediction = getattr(error, "prediction", None)
    recording.tell(response_id=getattr(prediction, "id", None))
    is_servers = prediction is not None or type(error).__name__ == "ValidationError"
    return "server_error" if is_servers and error_class_of(error) == "unknown" else None


def _patch(patches: Patches, module: ModuleType) -> None:
    default = getattr(module, "default_client", None)
    call = SdkCall(
        provider="replicate",
        model=_model,
        prompt=lambda arguments: _input(arguments).get("prompt"),
        negative_prompt=lambda arguments: _input(arguments).get("negative_prompt"),
        request=_request,
        base_url=partial(_base_url, default),
        is_wanted=lambda arguments: makes_pictures(_model(arguments)),
        error=_read_error,
    )
    # The methods of the default client, bound before its class was patched, and those of the class.
    for owner in (module, getattr(module, "Client", None)):
        if owner is not None:
            patches.record(owner, "run", call)
            patches.record(owner, "async_run", call)
    errors = getattr(module, "exceptions", None)
    for place in ("prediction", "model", "deployment"):
        for name in _OWNERS:
            owner = getattr(getattr(module, place, None), name, None)
            # Some of these modules import the classes of others.
            if owner is not None and owner.__module__ == f"{module.__name__}.{place}":
                for create in ("create", "async_create"):
                    patches.replace(owner, create, submitting(patches, call, partial(keep, errors), note))
    predictions = getattr(module, "prediction", None)
    for owner, names in (
        (getattr(predictions, "Prediction", None), ("reload", "async_reload", "cancel", "async_cancel")),
        (getattr(predictions, "Predictions", None), ("get", "async_get")),
    ):
        for name in names if owner is not None else ():
            patches.replace(owner, name, answering(patches, partial(look, errors)))
    transport = getattr(getattr(module, "client", None), "RetryTransport", None)
    if transport is not None:
        patches.replace(transport, "_calculate_sleep", counting)


class ReplicateInstrumentor(Instrumentor):
    """`run` of clients and of the package, and predictions that are created and fetched."""

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {"replicate": _patch}
