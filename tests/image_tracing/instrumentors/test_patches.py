"""What is put in the place of methods, and how it is taken back."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import wrapt
from tests.image_tracing.instrumentors.conftest import Attempts

from image_tracing.instrumentors.patches import Patches
from image_tracing.instrumentors.sdk_calls import SdkCall

CALL = SdkCall(provider="a_vendor")


@pytest.fixture
def patches() -> Patches:
    """Patches that are switched on."""
    patches = Patches()
    patches.is_on = True
    return patches


def client() -> Any:
    class Client:
        def paint(self, prompt: str, *, model: str = "m") -> str:
            return f"https://example.org/{model}/{prompt}.png"

        @staticmethod
        def paint_statically(prompt: str, *, model: str = "m") -> str:
            return f"https://example.org/{model}/{prompt}.png"

        @classmethod
        def paint_by_class(cls, prompt: str, *, model: str = "m") -> str:
            return f"https://example.org/{model}/{prompt}.png"

    return Client


@pytest.mark.parametrize("name", ["paint", "paint_statically", "paint_by_class"])
def test_a_call_becomes_an_attempt(patches: Patches, attempts: Attempts, name: str) -> None:
    owner = client()
    patches.record(owner, name, CALL)

    assert getattr(owner(), name)("cat") == "https://example.org/m/cat.png"
    assert attempts.only["gen_ai.provider.name"] == "a_vendor"
    assert attempts.only["image_generation.prompt"] == "cat"


@pytest.mark.parametrize("name", ["paint", "paint_statically", "paint_by_class"])
def test_restoring_leaves_what_was_there(patches: Patches, name: str) -> None:
    owner = client()
    before = vars(owner)[name]
    patches.record(owner, name, CALL)

    patches.restore()

    assert vars(owner)[name] is before


def test_an_inherited_method_is_its_bases_again(patches: Patches) -> None:
    base = client()
    owner = type("Derived", (base,), {})
    patches.record(owner, "paint", CALL)
    assert "paint" in vars(owner)

    patches.restore()

    assert "paint" not in vars(owner)


def test_a_second_time_changes_nothing(patches: Patches, attempts: Attempts) -> None:
    owner = client()
    patches.record(owner, "paint", CALL)
    patches.record(owner, "paint", CALL)

    owner().paint("cat")

    assert len(attempts.all) == 1


def test_a_name_that_is_not_there_is_passed_over(patches: Patches) -> None:
    patches.record(client(), "paint_in_oil", CALL)


def shout(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def shouting(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs).upper()

    return shouting


def test_what_others_have_wrapped_stays_and_does_nothing(patches: Patches, attempts: Attempts) -> None:
    owner = client()
    patches.record(owner, "paint", CALL)
    owner.paint = shout(owner.paint)
    patches.is_on = False
    patches.restore()

    assert owner().paint("cat") == "HTTPS://EXAMPLE.ORG/M/CAT.PNG"
    assert attempts.all == []


def test_another_tools_wrapper_below_is_bound_as_it_expects(patches: Patches, attempts: Attempts) -> None:
    seen = []

    def note(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(type(instance))
        return wrapped(*args, **kwargs)

    owner = client()
    owner.paint = wrapt.FunctionWrapper(vars(owner)["paint"], note)
    patches.record(owner, "paint", CALL)
    owner().paint("cat")

    assert seen == [owner]
    assert attempts.only["image_generation.prompt"] == "cat"
