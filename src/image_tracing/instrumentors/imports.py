"""What is to be done when a module is imported, without importing it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from threading import RLock, local
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from image_tracing.faults import tell_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

Hook: TypeAlias = Callable[[ModuleType], None]

_lock: Final = RLock()
_hooks: Final[dict[str, list[Hook]]] = {}
_looking: Final = local()


def after_import(name: str, hook: Hook) -> None:
    """Call `hook` with the module `name`: now if it is imported already, else right after its import."""
    with _lock:
        _hooks.setdefault(name, []).append(hook)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)
    module = sys.modules.get(name)
    if module is None or _is_put_off(module):
        return
    if getattr(getattr(module, "__spec__", None), "_initializing", False):
        # Another thread is importing it at this moment: this waits for its end.
        try:
            module = import_module(name)
        except Exception:  # noqa: BLE001 - it is told where it is imported
            return
    _call(hook, module, name)


def forget(hook: Hook) -> None:
    """Call `hook` no more."""
    with _lock:
        for name, hooks in list(_hooks.items()):
            if hook in hooks:
                hooks.remove(hook)
            if not hooks:
                del _hooks[name]
        if not _hooks and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)


def _is_put_off(module: ModuleType) -> bool:
    """Whether it is one of `importlib.util.LazyLoader`, still to be loaded: a look at it would do that."""
    kind = type(module)
    if (kind.__module__, kind.__name__) != ("importlib.util", "_LazyModule"):
        return False
    spec = ModuleType.__getattribute__(module, "__spec__")
    if type(spec.loader) is not _Loader:
        spec.loader = _Loader(spec.loader)
    return True


def _call(hook: Hook, module: ModuleType, name: str) -> None:
    try:
        hook(module)
    except Exception:  # noqa: BLE001 - instrumentation never hurts the host
        tell_once(f"instrument {name}")


class _Finder:
    """Finds what the other finders find, with a loader that calls the hooks after the import."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _hooks or name in _names_looked_for():
            return None
        # Finders of this kind ask all finders in turn, and would ask each other for ever.
        names = _names_looked_for()
        names.add(name)
        try:
            for finder in list(sys.meta_path):
                find = None if finder is self else getattr(finder, "find_spec", None)
                spec: ModuleSpec | None = None if find is None else find(name, path, target)
                if spec is not None:
                    if hasattr(spec.loader, "exec_module"):
                        spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
                    return spec
        finally:
            names.discard(name)
        return None


class _Loader:
    """The loader of a module with hooks; it gives its place back before the module's code runs.

    No `importlib.abc.Loader`: that module takes longer to import than this whole package.
    """

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        create = getattr(self._loader, "create_module", None)
        module: ModuleType | None = None if create is None else create(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        with _lock:
            hooks = list(_hooks.get(module.__name__, ()))
        for hook in hooks:
            _call(hook, module, module.__name__)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """That of the loader: who finds a module without importing it may ask what kind loads it."""
        return type(self._loader)

    def __getattr__(self, name: str) -> Any:
        if name == "_loader":
            # A copy that has none yet.
            raise AttributeError(name)
        return getattr(self._loader, name)


def _names_looked_for() -> set[str]:
    names: set[str] | None = getattr(_looking, "names", None)
    if names is None:
        names = _looking.names = set()
    return names


_finder: Final[Any] = _Finder()
