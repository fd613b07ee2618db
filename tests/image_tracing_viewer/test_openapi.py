import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from tests.image_tracing_viewer.conftest import Rows

from image_tracing_viewer.openapi import document

API = "/api/traceImage"
IMAGE = {
    "index": 0,
    "mime_type": "image/png",
    "width": 1,
    "height": 1,
    "dataSize": 7,
    "sha256": "0" * 64,
    "url": None,
}


def _schemathesis(address: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """All its phases and checks over every route but the stream, which has no end."""
    command = [
        "run",
        f"{address}/openapi.json",
        "--exclude-path",
        f"{API}/events",
        "--checks",
        "all",
        "--no-color",
    ]
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *command, *options],
        cwd=folder,
        env={"SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("schemathesis_hooks.py"))},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("method", "phases"), [("GET", "coverage,fuzzing,stateful"), ("DELETE", "coverage,fuzzing")]
)
@pytest.mark.parametrize(
    "examples", [10, pytest.param(1_000, marks=[pytest.mark.long, pytest.mark.timeout(3_000)])]
)
def test_schemathesis_finds_no_fault(
    address: str, rows: Rows, tmp_path: Path, method: str, phases: str, examples: int
) -> None:
    now = datetime.now(UTC)
    for number in range(5):
        rows.add(
            created_at=now - timedelta(minutes=number),
            lesson_id="lesson",
            attempts=[
                {"success": False, "outcome": "error", "error_class": "timeout", "error": "slow"},
                {"images": [IMAGE]},
            ],
        )

    result = _schemathesis(
        address, tmp_path, "--include-method", method, "--phases", phases, "-n", str(examples)
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_route_of_the_api_is_described(app: Starlette) -> None:
    described = {
        (path, method.upper()) for path, operations in document()["paths"].items() for method in operations
    }

    assert described == {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route) and route.path != "/" and not route.path.startswith("/traceImage")
        for method in (route.methods or {"GET", "DELETE"})
        if method != "HEAD" and not route.path.startswith("/static")
    }


def test_each_reference_leads_somewhere() -> None:
    description = document()

    for reference in _references(description):
        found: Any = description
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        assert found


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if "$ref" in value else []
    return own + [found for item in value.values() for found in _references(item)]


def test_the_description_names_the_prefix_and_the_token() -> None:
    assert document("/tracing")["servers"] == [{"url": "/tracing"}]
    assert "security" not in document()
    assert document(has_token=True)["security"] == [{"token": []}]
    assert "401" in document(has_token=True)["paths"][API]["get"]["responses"]


def test_the_description_names_the_token_of_senders() -> None:
    described = document(has_ingest_token=True)

    assert described["paths"]["/v1/traces"]["post"]["security"] == [{"ingestToken": []}]
    assert list(described["components"]["securitySchemes"]) == ["ingestToken"]
    assert "401" in described["paths"]["/v1/traces"]["post"]["responses"]
    assert "401" not in document()["paths"]["/v1/traces"]["post"]["responses"]
