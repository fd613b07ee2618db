"""The public names are those in `__all__`, sorted, and no more."""

import types

import pytest

import image_tracing


def test_all_names_exist_and_are_sorted() -> None:
    assert image_tracing.__all__ == sorted(image_tracing.__all__)
    assert all(getattr(image_tracing, name) is not None for name in image_tracing.__all__)


def test_nothing_else_is_public() -> None:
    public = {
        name
        for name, value in vars(image_tracing).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - set(image_tracing.__all__) <= {"TYPE_CHECKING", "Any", "import_module"}


def test_a_name_that_does_not_exist_is_told_so() -> None:
    with pytest.raises(AttributeError, match="module 'image_tracing' has no attribute 'generations_'"):
        _ = image_tracing.generations_
