"""What is put in the place of methods, and how it is taken back."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
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

        def paint_bit_by_bit(self, prompt: str, *, model: str = "m") -> Iterator[str]:
            return (f"https://example.org/{model}/{prompt}{n}.png" for n in range(2))

        async def paint_bit_by_bit_later(self, prompt: str, *, model: str = "m") -> AsyncIterator[str]:
            async def items() -> AsyncIterator[str]:
                yield f"https://example.org/{model}/{prompt}.png"

            return items()

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


def test_a_generator_lasts_until_its_end(patches: Patches, attempts: Attempts) -> None:
    owner = client()
    patches.record(owner, "paint_bit_by_bit", CALL)

    given = owner().paint_bit_by_bit("cat")

    assert attempts.all == []
    assert len(list(given)) == 2
    assert attempts.only["image_generation.images.generated"] == 2


def test_a_generator_that_nobody_began_ends_at_the_next_call(patches: Patches, attempts: Attempts) -> None:
    owner = client()
    patches.record(owner, "paint_bit_by_bit", CALL)
    patches.record(owner, "paint", CALL)
    owner().paint_bit_by_bit("cat")

    owner().paint("dog")

    assert [(each.attributes or {})["image_generation.outcome"] for each in attempts.all] == ["error", "ok"]


def test_an_asynchronous_generator_that_nobody_began_ends_at_the_next_call(
    patches: Patches, attempts: Attempts
) -> None:
    owner = client()
    patches.record(owner, "paint_bit_by_bit_later", CALL)
    patches.record(owner, "paint", CALL)
    asyncio.run(owner().paint_bit_by_bit_later("cat"))

    owner().paint("dog")

    assert [(each.attributes or {})["image_generation.outcome"] for each in attempts.all] == ["error", "ok"]
