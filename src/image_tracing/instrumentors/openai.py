"""The `openai` SDK: pictures made, edited and varied, as a whole or in a stream of partial pictures."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import ClassVar, Final

from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Arguments, SdkCall
from image_tracing.instrumentors.stainless import (
    TRANSPORT,
    base_url,
    patch_client,
    read_error,
    read_result,
)

# Other providers whose servers speak this protocol, by the ends of their names.
_PROVIDERS: Final = {
    ".azure.com": "azure.ai.openai",
    ".googleapis.com": "gcp.gemini",
    ".huggingface.co": "huggingface",
    ".together.ai": "together_ai",
    ".together.xyz": "together_ai",
    ".x.ai": "x_ai",
}


def _provider(arguments: Arguments) -> str:
    if "Azure" in type(arguments["self"]._client).__name__:
        return "azure.ai.openai"
    host = f".{base_url(arguments).host}"  # type: ignore[attr-defined]
    return next((provider for end, provider in _PROVIDERS.items() if host.endswith(end)), "openai")


_CALL: Final = SdkCall(
    provider=_provider, ignore=TRANSPORT, base_url=base_url, result=read_result, error=read_error
)


def _patch_images(patches: Patches, module: ModuleType) -> None:
    for owner in (getattr(module, "Images", None), getattr(module, "AsyncImages", None)):
        if owner is not None:
            for name in ("generate", "edit", "create_variation"):
                patches.record(owner, name, _CALL)


class OpenAIInstrumentor(Instrumentor):
    """`images.generate`, `.edit` and `.create_variation` of `OpenAI`, `AsyncOpenAI` and the Azure clients."""

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {
        "openai.resources.images": _patch_images,
        "openai._base_client": patch_client,
    }
