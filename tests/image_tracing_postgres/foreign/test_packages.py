"""The packages of docs/foreign-spans.md with their real clients, each in its own environment.

`make test-foreign` makes the environments and names their folder in IMAGE_TRACING_FOREIGN. With
IMAGE_TRACING_RECORD=1 what they emit replaces the files in `spans/`.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

import pytest

from image_tracing_postgres import Store, rows_from

from .conftest import spans_in
from .expected import PNG, PROMPT, ROWS, rows_of

pytestmark = pytest.mark.foreign

_HERE: Final = Path(__file__).parent
_TOP: Final = _HERE.parents[2]
_ENVIRONMENTS: Final = {
    "agentops": ("agentops_openai",),
    "litellm": ("litellm_otel", "openinference_litellm", "openinference_nested"),
    "openai": (
        "genai_google",
        "logfire_openai",
        "openinference_google",
        "openinference_openai",
        "openllmetry_openai",
        "openllmetry_replicate",
        "pydantic_ai_openai",
        "xai",
    ),
    "openlit": ("openlit_openai",),
}
_PROGRAMS: Final = [
    pytest.param(environment, emitter, id=emitter)
    for environment, emitters in _ENVIRONMENTS.items()
    for emitter in emitters
]


def _run(environment: str, program: str, *arguments: str, **variables: str) -> None:
    folder = os.environ.get("IMAGE_TRACING_FOREIGN")
    assert folder, "the environments of other instrumentations are needed; make them with: make test-foreign"
    packages = [_TOP, *(_TOP / name for name in ("src", "migrations", "exporters"))]
    ended = subprocess.run(
        [f"{folder}/{environment}/bin/python", f"{_HERE}/emitters/{program}.py", *arguments],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
            "PYTHONPATH": os.pathsep.join(map(str, packages)),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(("environment", "emitter"), _PROGRAMS)
def test_spans_of_the_real_package_are_rows(
    store: Store, tmp_path: Path, environment: str, emitter: str
) -> None:
    file = (_HERE / "spans" if os.environ.get("IMAGE_TRACING_RECORD") else tmp_path) / f"{emitter}.json"
    _run(environment, emitter, str(file))
    store.save(rows_from(spans_in(file)))

    assert rows_of(store.attempts(), ROWS[emitter]) == ROWS[emitter]


def test_every_emitter_is_run() -> None:
    assert sorted(ROWS) == sorted(emitter for emitters in _ENVIRONMENTS.values() for emitter in emitters)


def test_a_program_that_uses_both_has_each_call_once(store: Store, database: str, tmp_path: Path) -> None:
    _run("openai", "configured", database, IMAGE_TRACING_DATA_DIR=str(tmp_path))

    # One call below a generation, one below an attempt, one below nothing of ours.
    traces = sorted(store.list(), key=lambda trace: trace.created_at)
    assert [(trace.name, len(trace.attempts), trace.status) for trace in traces] == [
        ("illustrate", 2, "completed"),
        (None, 1, "completed"),
    ]
    assert {attempt.prompt for attempt in store.attempts()} == {PROMPT}
    assert {image.size_bytes for attempt in store.attempts() for image in attempt.images} == {PNG[3]}
