"""Hooks that wait for an import."""

import copy
import importlib
import importlib.abc
import importlib.util
import sys
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from image_tracing.instrumentors.imports import after_import, forget

NAME = "a_module_to_import"


@pytest.fixture
def module_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / f"{NAME}.py"
    path.write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield path
    sys.modules.pop(NAME, None)


@pytest.fixture
def seen(module_path: Path) -> Iterator[list[ModuleType]]:
    """The modules that a hook saw."""
    seen: list[ModuleType] = []
    after_import(NAME, seen.append)
    yield seen
    forget(seen.append)


def test_a_hook_is_called_after_the_import_with_the_module(seen: list[ModuleType]) -> None:
    assert seen == []

    module = importlib.import_module(NAME)

    assert seen == [module]
    assert seen[0].value == 1


def test_a_hook_for_an_imported_module_is_called_at_once(module_path: Path) -> None:
    module = importlib.import_module(NAME)
    seen: list[ModuleType] = []

    after_import(NAME, seen.append)

    assert seen == [module]
    forget(seen.append)


def test_a_module_keeps_its_own_loader(seen: list[ModuleType]) -> None:
    module = importlib.import_module(NAME)

    assert type(module.__loader__).__module__ != "image_tracing.instrumentors.imports"
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__


def test_a_module_loaded_anew_is_seen_again(seen: list[ModuleType]) -> None:
    module = importlib.import_module(NAME)
    importlib.reload(module)

    assert seen == [module, module]


def test_a_hook_that_raises_spoils_no_import(module_path: Path) -> None:
    def hook(_: ModuleType) -> None:
        raise LookupError("not in this version")

    after_import(NAME, hook)
    assert importlib.import_module(NAME).value == 1
    forget(hook)


def test_a_module_that_is_not_there_stays_so() -> None:
    seen: list[ModuleType] = []
    after_import("no_such_module_anywhere", seen.append)

    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_module_anywhere")

    assert seen == []
    forget(seen.append)


def test_a_module_that_cannot_be_executed_raises_its_own_error(
    seen: list[ModuleType], module_path: Path
) -> None:
    module_path.write_text("raise OSError('no GPU')\n")

    with pytest.raises(OSError, match="no GPU"):
        importlib.import_module(NAME)

    assert seen == []


def test_without_hooks_nothing_is_left_among_the_finders(seen: list[ModuleType]) -> None:
    assert "_Finder" in [type(finder).__name__ for finder in sys.meta_path]

    forget(seen.append)

    assert "_Finder" not in [type(finder).__name__ for finder in sys.meta_path]


def lazily(name: str) -> Any:
    """The module, to be loaded at the first look at it, as the documentation of importlib has it."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_module_put_off_is_seen_when_it_is_loaded(seen: list[ModuleType]) -> None:
    module = lazily(NAME)
    assert seen == []

    assert module.value == 1
    assert seen == [module]


def test_a_module_that_was_put_off_before_is_not_loaded_by_the_hook(module_path: Path) -> None:
    module = lazily(NAME)
    seen: list[ModuleType] = []

    after_import(NAME, seen.append)
    assert "value" not in ModuleType.__getattribute__(module, "__dict__")
    assert module.value == 1

    assert seen == [module]
    assert type(module.__loader__) is SourceFileLoader
    forget(seen.append)


def test_what_is_found_without_an_import_is_as_ever(seen: list[ModuleType]) -> None:
    spec = importlib.util.find_spec(NAME)

    assert spec is not None
    assert isinstance(spec.loader, SourceFileLoader)
    assert isinstance(spec.loader, importlib.abc.Loader)
    assert spec.loader.get_source(NAME) == "value = 1\n"
    assert copy.copy(spec.loader).path == spec.loader.path
    assert seen == []


def test_a_module_in_an_archive_is_seen(
    seen: list[ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr(f"{NAME}.py", "value = 2\n")
    monkeypatch.syspath_prepend(tmp_path / "archive.zip")

    module = importlib.import_module(NAME)

    assert seen == [module]
    assert (module.value, type(module.__loader__).__name__) == (2, "zipimporter")


def test_what_stands_in_for_a_module_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def hook(module: Any) -> None:
        raise LookupError("nothing to patch")

    stand_in: Any = SimpleNamespace()
    monkeypatch.setitem(sys.modules, NAME, stand_in)

    after_import(NAME, hook)

    forget(hook)


WAITING = """
import signals_for_a_module as signals
signals.has_begun.set()
signals.may_end.wait(30)
"""


@pytest.mark.parametrize(("end", "times"), [("value = 1", 1), ("raise OSError('no GPU')", 0)])
def test_a_module_that_a_thread_is_importing_is_waited_for(
    module_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, times: int
) -> None:
    signals: Any = SimpleNamespace(has_begun=threading.Event(), may_end=threading.Event())
    monkeypatch.setitem(sys.modules, "signals_for_a_module", signals)
    module_path.write_text(WAITING + end)
    seen: list[ModuleType] = []
    with ThreadPoolExecutor(2) as pool:
        pool.submit(importlib.import_module, NAME)
        assert signals.has_begun.wait(30)
        hooking = pool.submit(after_import, NAME, seen.append)
        signals.may_end.set()
        hooking.result()
    forget(seen.append)

    assert len(seen) == times
