"""The documents say what the code says."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from click import Context
from starlette.routing import Route

from image_tracing import ErrorClass, Outcome, attributes, instrumentors
from image_tracing_postgres.dataframe import dataframe
from image_tracing_postgres.spool import REASONS
from image_tracing_postgres.table import ATTEMPT_COLUMNS, TRACE_COLUMNS, Column, Kind
from image_tracing_viewer import create_app
from image_tracing_viewer.cli import cli

TOP = Path(__file__).parents[1]
ATTRIBUTES = (TOP / "docs/attributes.md").read_text(encoding="utf-8")
RELIABILITY = (TOP / "docs/reliability.md").read_text(encoding="utf-8")
API = (TOP / "docs/api.md").read_text(encoding="utf-8")
INSTRUMENTORS = (TOP / "docs/instrumentors.md").read_text(encoding="utf-8")
SDK_ROWS = re.findall(r"^\| `(\w+)` \| ([\w-]+) \| ([\d.]+) ", INSTRUMENTORS, re.MULTILINE)


def test_the_table_of_attributes_has_each_name_once() -> None:
    written = [
        value
        for name, value in vars(attributes).items()
        if name.isupper() and isinstance(value, str) and re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value)
    ]

    assert sorted(re.findall(r"^\| `([^`]+)`", ATTRIBUTES, re.MULTILINE)) == sorted(written)


@pytest.mark.parametrize("word", [*get_args(Outcome), *get_args(ErrorClass)])
def test_every_outcome_and_error_class_is_told(word: str) -> None:
    assert f"`{word}`" in API


def test_every_command_is_told() -> None:
    commands = cli.list_commands(Context(cli))

    assert commands
    assert [name for name in commands if name not in API] == []


def test_every_route_is_told() -> None:
    routes = [
        route.path
        for route in create_app(dsn="host=127.0.0.1 port=9", token="").routes
        if isinstance(route, Route) and not route.path.startswith(("/static/", "/traceImage/alerts/"))
    ]

    assert routes
    assert [route for route in routes if route not in API] == []


def test_every_column_of_an_export_is_told_under_its_kind() -> None:
    told = re.findall(r"^\| (\w+) \| (`[^|]+) \|(?: (`[^|]+))? \| ", API.split("## Exports")[1], re.MULTILINE)
    found = {kind: tuple(re.findall(r"`(\w+)`", cell) for cell in cells) for kind, *cells in told}

    assert found == {
        kind: tuple(
            [column.name for column in columns if column.kind == kind]
            for columns in (TRACE_COLUMNS, ATTEMPT_COLUMNS)
        )
        for kind in get_args(Kind)
    }


def test_every_kind_of_column_has_its_type_in_a_data_frame() -> None:
    rows = re.findall(r"^\| (\w+) \| `.* \| `([^`]+)`[^|]*\|$", API.split("## Exports")[1], re.MULTILINE)
    frame = dataframe([Column(kind, kind) for kind in get_args(Kind)], [])

    assert dict(rows) == frame.dtypes.astype(str).to_dict()


def test_every_counter_is_told_in_its_order() -> None:
    assert re.findall(r"^\| `([a-z_]+)` \|", RELIABILITY, re.MULTILINE) == list(REASONS)


@pytest.mark.parametrize(("name", "package", "oldest"), SDK_ROWS)
def test_the_oldest_version_of_an_sdk_is_the_one_that_is_tested(name: str, package: str, oldest: str) -> None:
    groups = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]

    assert name in instrumentors._SDKS
    assert f"{package}>={oldest}" in [*groups["sdks"], *groups["litellm"], *groups["diffusers"]]


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", RELIABILITY, re.DOTALL | re.MULTILINE))
def test_the_python_of_the_reliability_page_runs(block: str, database: str) -> None:
    environment = {**os.environ, "IMAGE_TRACING_DATABASE_URL": database}
    subprocess.run([sys.executable, "-W", "error", "-c", block], env=environment, check=True, timeout=60)
