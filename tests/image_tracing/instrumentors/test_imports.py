"""Hooks that wait for an import."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from image_tracing.instrumentors.imports import after_import, forget

NAME = "a_module_of_this_test"


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
