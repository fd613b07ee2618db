"""The `together` SDK: pictures by the models that Together AI hosts."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import SdkCall
from image_tracing.instrumentors.stainless import (
    TRANSPORT,
    base_url,
    patch_client,
    read_error,
    read_result,
)


def _read_error(recording: Any, error: BaseException) -> None:
    """Exceptions of version 1 tell the id themselves, since 2.0 it is among the headers."""
    recording.tell(response_id=getattr(error, "request_id", None))
    read_error(recording, error)


_CALL: Final = SdkCall(
    provider="together_ai", ignore=TRANSPORT, base_url=base_url, result=read_result, error=_read_error
)


def _patch_images(patches: Patches, module: ModuleType) -> None:
    # The first two are of version 1.
    for name in ("Images", "AsyncImages", "ImagesResource", "AsyncImagesResource"):
        owner = getattr(module, name, None)
        if owner is not None:
            patches.record(owner, "generate", _CALL)


class TogetherInstrumentor(Instrumentor):
    """`images.generate` of `Together` and `AsyncTogether`."""

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {
        "together.resources.images": _patch_images,
        "together._base_client": patch_client,
    }
