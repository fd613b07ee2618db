"""The `google-genai` SDK: pictures of Gemini, whole or in a stream, and of Imagen.

`generate_content` makes texts as well as pictures. Whether a call is about pictures has to be known before it
begins: the modalities asked for decide; where none are, an `image_config` or the name of the model.
"""

import functools
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from inspect import iscoroutinefunction, isgeneratorfunction, unwrap
from types import AsyncGeneratorType, ModuleType
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

from image_tracing import attributes as names
from image_tracing.faults import tell_once
from image_tracing.instrumentors.google_contents import option, options, prompt
from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Arguments, Begin, SdkCall, current_call
from image_tracing.wrapping import wrapped

# Recorded in a place of their own; and how a call is sent, headers with keys among it.
_APART: Final = frozenset({"config", "contents", "model", "prompt", "self"})
_CONFIG_APART: Final = frozenset({"http_options", "httpOptions", "negative_prompt", "negativePrompt"})


def _is_about_pictures(arguments: Arguments) -> bool:
    config = arguments.get("config")
    modalities = option(config, "response_modalities")
    if modalities:
        listed = modalities if isinstance(modalities, (list, tuple)) else (modalities,)
        return any(str(getattr(each, "value", each)).upper() == "IMAGE" for each in listed)
    return option(config, "image_config") is not None or _is_of_pictures(arguments["model"])


def _is_of_pictures(model: object) -> bool:
    """By its name: `gemini-2.5-flash-image`, `publishers/google/models/gemini-3-pro-image-preview`."""
    name = str(model).rpartition("/")[2].lower()
    return "image" in name.split("-") or name.startswith("nano-banana")


def _provider(arguments: Arguments) -> str:
    return "gcp.vertex_ai" if arguments["self"]._api_client.vertexai else "gcp.gemini"


def _base_url(arguments: Arguments) -> object:
    asked = option(option(arguments.get("config"), "http_options"), "base_url")
    return asked or option(arguments["self"]._api_client._http_options, "base_url")


def _request(arguments: Arguments) -> Mapping[str, Any]:
    """The other arguments, and what the config holds, which are options like them."""
    asked = {name: value for name, value in arguments.items() if name not in _APART}
    return {**options(asked), **options(arguments.get("config"), ignore=_CONFIG_APART)}


def _negative_prompt(arguments: Arguments) -> object:
    return option(arguments.get("config"), "negative_prompt")


def _streaming(_: Arguments) -> Mapping[str, Any]:
    return {names.REQUEST_STREAM: True}


def _contents(arguments: Arguments) -> object:
    return prompt(arguments.get("contents"))


_CONTENT: Final = SdkCall(
    provider=_provider,
    prompt=_contents,
    request=_request,
    base_url=_base_url,
    is_wanted=_is_about_pictures,
)
_STREAM: Final = SdkCall(
    provider=_provider,
    prompt=_contents,
    request=_request,
    base_url=_base_url,
    attributes=_streaming,
    is_wanted=_is_about_pictures,
)
_IMAGES: Final = SdkCall(
    provider=_provider, negative_prompt=_negative_prompt, request=_request, base_url=_base_url
)


def _patch_models(patches: Patches, module: ModuleType) -> None:
    def stream(function: Callable[..., Any]) -> Callable[..., Any]:
        return wrapped(_generating(function), Begin(_STREAM, function, lambda: patches.is_on))

    for owner in (getattr(module, "Models", None), getattr(module, "AsyncModels", None)):
        if owner is not None:
            patches.record(owner, "generate_content", _CONTENT)
            patches.replace(owner, "generate_content_stream", stream)
            for name in ("generate_images", "edit_image", "upscale_image"):
                patches.record(owner, name, _IMAGES)


def _generating(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, giving generators as the SDK's own does: another tool's wrapper gives proxies."""
    if isgeneratorfunction(function) or unwrap(function) is function:
        return function

    @functools.wraps(function)
    def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        return (yield from function(*args, **kwargs))

    @functools.wraps(function)
    async def generate_async(*args: Any, **kwargs: Any) -> Any:
        stream = await function(*args, **kwargs)
        # Not isasyncgen: the proxies of wrapt pass for generators.
        return stream if type(stream) is AsyncGeneratorType else _items(stream)

    return generate_async if iscoroutinefunction(unwrap(function)) else generate


async def _items(stream: Any) -> AsyncIterator[Any]:
    try:
        async for item in stream:
            yield item
    finally:
        close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        if close is not None:
            await close()


def _patch_client(patches: Patches, module: ModuleType) -> None:
    """There alone it can be seen how often a request was sent."""
    client = getattr(module, "BaseApiClient", None) or getattr(module, "ApiClient", None)
    if client is None:
        return
    # The first versions send nothing again.
    sending = "_request_once" if hasattr(client, "_request_once") else "_request"
    patches.replace(client, sending, _noting)
    patches.replace(client, sending.replace("_", "_async_", 1), _noting_async)


# The request that a call is at: sent anew it is the same object.
_requests: Final[WeakKeyDictionary[Any, object]] = WeakKeyDictionary()


def _noting(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def send(self: Any, http_request: Any, *args: Any, **kwargs: Any) -> Any:
        call = _sent(http_request)
        response = function(self, http_request, *args, **kwargs)
        if call is not None:
            call.tell(status_code=200)
        return response

    return send


def _noting_async(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def send(self: Any, http_request: Any, *args: Any, **kwargs: Any) -> Any:
        call = _sent(http_request)
        response = await function(self, http_request, *args, **kwargs)
        if call is not None:
            call.tell(status_code=200)
        return response

    return send


def _sent(http_request: object) -> Any:
    """The call that sends a request at this moment. Any answer but 200 will raise."""
    call = current_call()
    try:
        if call is not None:
            if _requests.get(call) is http_request:
                call.tell(resends=call.reply.resends + 1)
            _requests[call] = http_request
    except Exception:  # noqa: BLE001 - instrumentation never hurts the host
        tell_once("look at a request")
    return call


class GoogleGenAIInstrumentor(Instrumentor):
    """`models.generate_content` and `generate_content_stream` where they are to give pictures,
    `generate_images`, `edit_image` and `upscale_image`; of `Client` and `Client.aio`. Chats call them.
    """

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {
        "google.genai.models": _patch_models,
        "google.genai._api_client": _patch_client,
    }
