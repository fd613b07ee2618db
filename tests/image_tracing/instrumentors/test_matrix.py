"""Every SDK goes through every situation that docs/instrumentors.md names."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

HERE = "tests.image_tracing.instrumentors"
# Where the tables are by which the tests of one SDK go through its situations.
TABLES = {
    "fal": ["test_fal.FAILURES", "test_fal.SHORTFALLS"],
    "google_genai": ["google_shapes.FAILURES", "test_google_genai.WITHOUT_PICTURE"],
    "huggingface": ["test_huggingface.FAILURES"],
    # litellm's tests go through the first of them, too.
    "openai": ["openai_shapes.FAILURES", "test_openai.SUCCESSES_WITHOUT_PICTURE"],
    "replicate": ["replicate_clients.FAILURES", "test_replicate.SHORTFALLS"],
    "together": ["test_together.FAILURES", "test_together.SUCCESSES_WITHOUT_PICTURE"],
}


def told() -> dict[str, list[str]]:
    """Situation to error classes, as the page has them."""
    page = Path(__file__).parents[3] / "docs" / "instrumentors.md"
    _, _, table = page.read_text(encoding="utf-8").partition("| situation | error class |\n")
    rows = re.findall(r"^\| ([a-z][a-z -]+) \| (.+?) \|$", table.partition("\n\n")[0], re.MULTILINE)
    return {name: re.findall(r"`(\w+)`", classes) for name, classes in rows}


def known_of(sdk: str) -> dict[str, Any]:
    """Situation to error class, as the tests of one SDK have them."""
    situations: dict[str, Any] = {}
    for place in TABLES[sdk]:
        module, name = place.split(".")
        table = getattr(import_module(f"{HERE}.{module}"), name)
        situations |= {each: row[-1] if isinstance(row, tuple) else "no_image" for each, row in table.items()}
    return situations


@pytest.mark.parametrize("sdk", TABLES)
def test_an_sdk_goes_through_every_situation_and_has_the_class_that_the_page_tells(sdk: str) -> None:
    known = known_of(sdk)

    assert len(told()) >= 8
    assert {name: known.get(name) for name, classes in told().items() if known.get(name) not in classes} == {}
