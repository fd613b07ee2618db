"""What holds for the packages together: their order, and the names that they promise."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
PACKAGES = ("image_tracing", "image_tracing_migrations", "image_tracing_postgres", "image_tracing_viewer")


def test_imports_point_up_the_table_of_the_house() -> None:
    # In a process of its own: it switches off every logger that is there.
    program = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", program], cwd=TOP, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_instrumentation_needs_the_opentelemetry_api_alone() -> None:
    sources = [path.read_text() for path in (TOP / "src").rglob("*.py")]

    assert sources
    assert [source for source in sources if "opentelemetry.sdk" in source] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_the_promised_names_are_there_and_sorted(name: str) -> None:
    package = import_module(name)

    assert package.__all__ == sorted(package.__all__)
    assert [each for each in package.__all__ if not hasattr(package, each)] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_nothing_else_looks_public(name: str) -> None:
    package = import_module(name)
    found = {
        each
        for each, value in vars(package).items()
        if not each.startswith("_") and getattr(value, "__module__", "").startswith("image_tracing")
    }

    assert found - set(package.__all__) == set()
