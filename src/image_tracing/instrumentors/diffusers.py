"""The `diffusers` SDK: pipelines of every class that gives pictures; their models run in this process.

The base of all pipelines cannot be called, each class has a `__call__` of its own. Those of the classes that
exist are patched at once, those of others when they are used for the first time.
"""

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from inspect import unwrap
from types import ModuleType
from typing import Any, ClassVar, Final

from image_tracing import attributes as names
from image_tracing.faults import tell_once
from image_tracing.fields import Fields, first
from image_tracing.images import Image
from image_tracing.instrumentors.instrumentor import Instrumentor
from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import Arguments, SdkCall

# Recorded in a place of their own, or how the result is handed over.
_APART: Final = frozenset({
    "generator", "kwargs", "negative_prompt", "output", "prompt", "return_dict", "self", "state",
})  # fmt: skip
_PICTURES: Final = ("images", "image", "rgb")
_FLAGS: Final = ("nsfw_content_detected", "nsfw_detected")


def _model(arguments: Arguments) -> str:
    pipeline = arguments["self"]
    name = getattr(pipeline, "name_or_path", None)
    name = name or getattr(pipeline, "_pretrained_model_name_or_path", None)
    return _name_of(os.fspath(name)) if name else type(pipeline).__name__


def _name_of(name_or_path: str) -> str:
    """The name of a model on the Hub, also if it was loaded from the Hub's cache; of a path the last part."""
    parts = name_or_path.replace("\\", "/").rstrip("/").split("/")
    for part in parts:
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/", 1)
    is_path = len(parts) > 2 or parts[0] in ("", ".", "..", "~") or os.path.exists(name_or_path)
    return parts[-1] if is_path else name_or_path


def _request(arguments: Arguments) -> Mapping[str, Any]:
    options = {
        name: value
        for name, value in arguments.items()
        if value is not None and name not in _APART and not name.startswith("callback")
    }
    seed = _seed(arguments.get("generator"))
    return options if seed is None else {**options, "seed": seed}


def _seed(generator: Any) -> int | list[int | None] | None:
    """That of a generator of torch; of a list of them, one for each picture, all."""
    if isinstance(generator, (list, tuple)):
        seeds = [_seed_of(each) for each in generator]
        return seeds[0] if len(seeds) == 1 else seeds
    return _seed_of(generator)


def _seed_of(generator: Any) -> int | None:
    return int(generator.initial_seed()) if hasattr(generator, "initial_seed") else None


def _scheduler(arguments: Arguments) -> Mapping[str, Any]:
    scheduler = getattr(arguments["self"], "scheduler", None)
    return {} if scheduler is None else {names.SCHEDULER: type(scheduler).__name__}


def _has_pictures(arguments: Arguments) -> bool:
    """Whether a modular pipeline, of which any step may be one, is asked for pictures."""
    asked = arguments.get("output")
    if asked is None:
        asked = [output.name for output in arguments["self"]._blocks.outputs]
    return any(name in _PICTURES for name in ([asked] if isinstance(asked, str) else asked))


def _result(recording: Any, result: Any) -> object:
    """The pictures in what a pipeline returned, and which of them its safety checker made black."""
    pictures, flags = _pictures_and_flags(result)
    if type(pictures).__module__.startswith("torch") and not _is_of_pixels(pictures):
        # What another pipeline makes a picture of: of that picture's measures it tells nothing.
        recording.reply.images.extend(Image() for _ in range(int(pictures.shape[0])))
        return None
    is_told = isinstance(flags, (list, tuple)) and not any(hasattr(flag, "shape") for flag in flags)
    return {"images": pictures, "nsfw_content_detected": list(map(bool, flags)) if is_told else None}


def _pictures_and_flags(result: Any) -> tuple[Any, Any]:
    if isinstance(result, tuple):
        return (*result, None, None)[:2]
    fields = Fields.of(result)
    # The state of a modular pipeline holds all that its steps made.
    state = fields.get("values")
    if isinstance(state, dict):
        return first(state, _PICTURES), None
    pictures = first(fields, _PICTURES)
    return result if pictures is None else pictures, first(fields, _FLAGS)


def _is_of_pixels(tensor: Any) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[1] in (1, 3)


_CALL: Final = SdkCall(
    provider="diffusers", model=_model, request=_request, attributes=_scheduler, result=_result
)
_MODULAR_CALL: Final = SdkCall(
    provider="diffusers",
    model=_model,
    request=_request,
    attributes=_scheduler,
    is_wanted=_has_pictures,
    result=_result,
)


def _patch_pipelines(patches: Patches, module: ModuleType) -> None:
    def record(pipeline: type) -> None:
        owner = next((base for base in pipeline.__mro__ if "__call__" in vars(base)), None)
        if owner is not None and gives_pictures(vars(owner)["__call__"]):
            patches.record(owner, "__call__", _CALL)

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def register_modules(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                record(type(self))
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("look at a pipeline")
            return function(self, *args, **kwargs)

        return register_modules

    base = module.DiffusionPipeline
    # Every pipeline calls it while it is made.
    patches.replace(base, "register_modules", noting)
    for pipeline in set(_descendants(base)):
        record(pipeline)


def _patch_modular(patches: Patches, module: ModuleType) -> None:
    pipeline = getattr(module, "ModularPipeline", None)
    if pipeline is not None:
        patches.record(pipeline, "__call__", _MODULAR_CALL)


def _descendants(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def gives_pictures(call: Callable[..., Any]) -> bool:
    """Whether a pipeline's `__call__` gives pictures, and no films, sounds or embeddings.

    Told by the fields of the class of output that it names; where it names none, it passes on what another
    pipeline gives, or is somebody's own, and the answer is yes.
    """
    function = unwrap(call)
    code = getattr(function, "__code__", None)
    if code is None:
        return True
    known = function.__globals__
    outputs = [
        set(known[name].__dataclass_fields__)
        for name in code.co_names
        if name.endswith("Output") and hasattr(known.get(name), "__dataclass_fields__")
    ]
    return not outputs or any(not output.isdisjoint(_PICTURES) for output in outputs)


class DiffusersInstrumentor(Instrumentor):
    """`__call__` of every pipeline that gives pictures, and of `ModularPipeline`."""

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {
        "diffusers.modular_pipelines.modular_pipeline": _patch_modular,
        "diffusers.pipelines.pipeline_utils": _patch_pipelines,
    }
