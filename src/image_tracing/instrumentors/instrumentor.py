"""What instruments one SDK, as opentelemetry-instrumentation wants it, without needing that package."""

from collections.abc import Callable, Collection, Mapping
from threading import RLock
from types import ModuleType
from typing import Any, ClassVar, Self

from image_tracing.faults import tell_once
from image_tracing.instrumentors.imports import Hook, after_import, forget
from image_tracing.instrumentors.patches import Patches


class Instrumentor:
    """One SDK's instrumentation; a singleton of each subclass, like opentelemetry's `BaseInstrumentor`.

    A subclass has `hooks`: for each module of the SDK what to patch when it is imported, a function of the
    patches and the module. Nothing is imported for it. An SDK that is absent, or that lacks what a hook looks
    for, is no error.
    """

    hooks: ClassVar[Mapping[str, Callable[[Patches, ModuleType], None]]] = {}
    _instance: ClassVar["Instrumentor | None"] = None

    def __new__(cls, *_: Any, **__: Any) -> Self:
        instance = vars(cls).get("_instance")
        if instance is None:
            instance = super().__new__(cls)
            instance._patches = Patches()
            instance._lock = RLock()
            instance._waiting = []
            cls._instance = instance
        found: Self = instance
        return found

    _patches: Patches
    _lock: Any
    _waiting: list[Hook]

    @property
    def is_instrumented_by_opentelemetry(self) -> bool:
        """Whether it is switched on; the name is opentelemetry's."""
        return self._patches.is_on

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: an SDK that comes later is instrumented when it is imported."""
        return ()

    def instrument(self, **_: Any) -> None:
        """Record the SDK's calls from now on; a second time does nothing. Never raises.

        The tracer is that of the global provider at each call: `tracer_provider` is not looked at.
        """
        with self._lock:
            if self._patches.is_on:
                return
            self._patches.is_on = True
            hooks = {name: self._hook(patch) for name, patch in self.hooks.items()}
            self._waiting.extend(hooks.values())
        # Without the lock: a thread that is waited for, importing the SDK, may have to switch this on itself.
        for name, hook in hooks.items():
            try:
                after_import(name, hook)
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once(f"instrument {name}")

    def uninstrument(self, **_: Any) -> None:
        """Put everything back as it was; without effect if it is not switched on. Never raises."""
        with self._lock:
            if not self._patches.is_on:
                return
            self._patches.is_on = False
            waiting, self._waiting = self._waiting, []
            try:
                for hook in waiting:
                    forget(hook)
                self._patches.restore()
            except Exception:  # noqa: BLE001 - instrumentation never hurts the host
                tell_once("uninstrument")

    def _hook(self, patch: Callable[[Patches, ModuleType], None]) -> Hook:
        return lambda module: patch(self._patches, module)
