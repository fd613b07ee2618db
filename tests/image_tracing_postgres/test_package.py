"""Importing the package."""

import subprocess
import sys


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


def test_importing_it_loads_neither_the_driver_nor_the_sdk() -> None:
    done = _run(
        "import image_tracing_postgres, sys\n"
        "print([m for m in ('psycopg', 'opentelemetry.sdk.trace') if m in sys.modules])"
    )

    assert done.stdout == "[]\n"


def test_a_missing_extra_is_named() -> None:
    done = _run(
        "import sys\n"
        "class NoDriver:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'psycopg': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, NoDriver())\n"
        "import image_tracing_postgres\n"
    )

    assert "needs psycopg" in done.stderr
    assert "pip install 'image-tracing[postgres]'" in done.stderr


def test_an_unknown_name_is_an_attribute_error() -> None:
    done = _run("import image_tracing_postgres; image_tracing_postgres.nothing")

    assert "has no attribute 'nothing'" in done.stderr
