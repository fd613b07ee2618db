"""The `huggingface_hub` SDK: pictures by `InferenceClient`, whoever runs the model behind it."""

import functools
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from image_tracing import attributes as names
from image_tracing.attributes import ErrorClass
from image_tracing.faults import tell_once
from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Arguments, SdkCall, current_call

if TYPE_CHECKING:
    from image_tracing.instrumentors.recordings import CallRecording

_URLS: Final = ("http://", "https://")


def _model(arguments: Arguments) -> object:
    return arguments.get("model") or arguments["self"].model


def _base_url(arguments: Arguments) -> str | None:
    """Where the call will go as far as it can be told beforehand: an endpoint of one's own, or the router."""
    client, model = arguments["self"], _model(arguments)
    if isinstance(model, str) and model.startswith(_URLS):
        return model
    if client.token is not None and not str(client.token).startswith("hf_"):
        # A key of the provider behind: asked directly.
        return None
    router: str = sys.modules["huggingface_hub.constants"].INFERENCE_PROXY_TEMPLATE
    return router


def _attributes(arguments: Arguments) -> Mapping[str, Any]:
    provider = arguments["self"].provider
    return {} if provider in (None, "auto") else {names.BACKEND: provider}


def _error(recording: "CallRecording", error: BaseException) -> ErrorClass | None:
    """The class of what the client raises by itself, before anything was sent or for want of a picture."""
    recording.tell(request_id=getattr(error, "request_id", None))
    if isinstance(error, StopIteration) or isinstance(error.__cause__, StopIteration):
        # Nobody runs this model: the client takes the first of an empty list.
        return "not_found"
    if isinstance(error, (IndexError, KeyError)):
        # It takes the first picture of the provider's reply unseen.
        return "no_image"
    if type(error) is ValueError:
        text = str(error)
        if "Model " in text or "model " in text:
            return "not_found"
        return "auth" if "api_key" in text else "invalid_request"
    return None


_CALL: Final = SdkCall(
    provider="huggingface", model=_model, base_url=_base_url, attributes=_attributes, error=_error
)


def _noting_backend(function: Callable[..., Any]) -> Callable[..., Any]:
    """`get_provider_helper`, which chooses who runs the model where the caller left that open."""

    @functools.wraps(function)
    def get(*args: Any, **kwargs: Any) -> Any:
        helper = function(*args, **kwargs)
        call = current_call()
        if call is not None:
            try:
                call.note({names.BACKEND: str(helper.provider)})
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("look at a provider")
        return helper

    return get


def _noting_request(function: Callable[..., Any]) -> Callable[..., Any]:
    """`_inner_post`, which knows the address, and by which name the provider has the model."""

    @functools.wraps(function)
    def post(client: Any, request_parameters: Any, *args: Any, **kwargs: Any) -> Any:
        call = current_call()
        if call is not None:
            try:
                from image_tracing.vocabulary import add_address

                told: dict[str, Any] = {}
                add_address(request_parameters.url, told)
                call.note(told, model=request_parameters.model)
                if request_parameters.model != call.attempt.model:
                    call.tell(response_model=request_parameters.model)
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("look at a request")
        return function(client, request_parameters, *args, **kwargs)

    return post


def _patch(patches: Patches, module: ModuleType) -> None:
    patches.replace(module, "get_provider_helper", _noting_backend)
    for name in ("InferenceClient", "AsyncInferenceClient"):
        client = vars(module).get(name)
        # The asynchronous client's module also holds the other one, under the same name.
        if client is not None and client.__module__ == module.__name__:
            patches.replace(client, "_inner_post", _noting_request)
            for method in ("text_to_image", "image_to_image"):
                patches.record(client, method, _CALL)


class HuggingFaceInstrumentor(Instrumentor):
    """`InferenceClient.text_to_image` and `.image_to_image`, and their asynchronous twins."""

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {
        "huggingface_hub.inference._client": _patch,
        "huggingface_hub.inference._generated._async_client": _patch,
    }
