"""The `litellm` SDK: pictures by the models of many providers, in the words of one."""

import functools
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from types import ModuleType
from typing import Any, ClassVar, Final

from image_tracing.attributes import ErrorClass
from image_tracing.error_classes import error_class_of, status_code_of
from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Arguments, SdkCall
from image_tracing.parameters import is_given
from image_tracing.tracer import current

_CHAIN_LIMIT: Final = 8
# Classes by a status alone, or by nothing.
_GENERAL: Final[frozenset[ErrorClass]] = frozenset({"invalid_request", "server_error", "unknown"})
_FUNCTIONS: Final = ("image_generation", "aimage_generation", "image_edit", "aimage_edit")
# LiteLLM's names of providers that have others in the conventions, or elsewhere in this project.
_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "stability": "stability_ai",
    "vertex_ai": "gcp.vertex_ai",
    "xai": "x_ai",
}
# What tells how a call is made, by whom and for whose account, not what is asked for.
_INTERNAL: Final = frozenset({
    "aimg_generation", "api_base", "api_key", "api_version", "args", "async_call",
    "attempted_fallbacks", "attempted_retries", "azure_ad_token", "azure_ad_token_provider",
    "base_url", "cache", "caching", "client", "context_window_fallback_dict", "custom_llm_provider",
    "default_headers", "extra_headers", "extra_query", "fallbacks", "headers", "kwargs",
    "logger_fn", "max_fallbacks", "max_retries", "metadata", "mock_response",
    "mock_testing_fallbacks", "model", "model_group", "model_info", "model_list", "negative_prompt",
    "num_retries", "organization", "original_function", "original_generic_function", "prompt",
    "proxy_server_request", "request_timeout", "retry_policy", "rpm", "specific_deployment", "tags",
    "timeout", "tpm", "use_in_pass_through", "use_litellm_proxy", "user_continue_message",
})  # fmt: skip


def _provider(module: ModuleType, arguments: Arguments) -> str | None:
    """The provider told beside the model or before it (`vertex_ai/imagen-4`), else by the price list."""
    provider = arguments.get("custom_llm_provider")
    model = arguments.get("model")
    if provider is None and isinstance(model, str):
        provider, mark, _ = model.partition("/")
        if not mark:
            # Not by its own function, which prints advice where it finds none.
            provider = (vars(module).get("model_cost") or {}).get(model, {}).get("litellm_provider")
    if not isinstance(provider, str):
        return None
    # Members of an enumeration are texts as well.
    name = str.__str__(getattr(provider, "value", provider))
    return _PROVIDERS.get(name, name)


def _request(arguments: Arguments) -> Mapping[str, Any]:
    return {
        name: value
        for name, value in arguments.items()
        if value is not None
        and is_given(value)
        and name not in _INTERNAL
        and not name.startswith(("litellm_", "_", "mock_"))
    }


def _read_result(recording: Any, result: Any) -> object:
    """The id of the request is kept beside the reply."""
    hidden = getattr(result, "_hidden_params", None)
    if isinstance(hidden, dict):
        headers = hidden.get("additional_headers")
        if isinstance(headers, dict):
            recording.tell(response_id=headers.get("llm_provider-x-request-id"))
    return result


def _read_error(_: Any, error: BaseException) -> ErrorClass | None:
    """What a failure was below LiteLLM, which gives it another status: 500 for no answer, 400 in edits."""
    own = error_class_of(error)
    if own not in _GENERAL:
        return None
    is_servers = False
    link = error.__context__
    for _step in range(_CHAIN_LIMIT):
        if link is None:
            break
        error_class = error_class_of(link)
        if error_class not in _GENERAL:
            return error_class
        if error_class == "server_error" and (own == "unknown" or (status_code_of(link) or 0) >= 500):
            is_servers = True
        link = link.__context__
    return "server_error" if is_servers else None


_CALL: Final = SdkCall(
    # Told for each module that is patched.
    provider=None,
    request=_request,
    base_url=lambda arguments: arguments.get("api_base") or arguments.get("base_url"),
    result=_read_result,
    error=_read_error,
)


def _patch(patches: Patches, module: ModuleType) -> None:
    call = _CALL._replace(provider=functools.partial(_provider, module))
    for name in _FUNCTIONS:
        patches.record(module, name, call)


def _patch_router(patches: Patches, module: ModuleType) -> None:
    """A call of a router is a generation: each model that it tries in turn is an attempt."""
    for owner in (vars(module).get("PythonCore"), vars(module).get("Router")):
        if owner is not None:
            for name in ("image_generation", "aimage_generation"):
                patches.replace(owner, name, functools.partial(_generating, patches))


def _generating(patches: Patches, function: Callable[..., Any]) -> Callable[..., Any]:
    made: list[Callable[..., Any]] = []

    def chosen() -> Callable[..., Any]:
        if not patches.is_on or current() is not None:
            return function
        if not made:
            from image_tracing.decorators import generation

            made.append(
                generation(name=f"Router.{function.__name__}", ignore=_INTERNAL - {"prompt", "model"})(
                    function
                )
            )
        return made[0]

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return chosen()(*args, **kwargs)

    @functools.wraps(function)
    async def call_async(*args: Any, **kwargs: Any) -> Any:
        return await chosen()(*args, **kwargs)

    return call_async if iscoroutinefunction(function) else call


class LiteLLMInstrumentor(Instrumentor):
    """`image_generation`, `image_edit` and their asynchronous twins, also behind a `Router`."""

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {
        "litellm": _patch,
        "litellm.router": _patch_router,
        "litellm.router_python_core": _patch_router,
    }
