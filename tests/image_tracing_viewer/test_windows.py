"""On Windows there is no spool; the viewer serves all the same, without what needs one."""

import subprocess
import sys

# What only Unix has cannot be imported, as on Windows.
PROGRAM = """
import os, sys, tempfile
os.environ["IMAGE_TRACING_DATA_DIR"] = tempfile.mkdtemp()
import click, jinja2, platformdirs, prometheus_client, psycopg_pool, rich.console, sse_starlette
import opentelemetry.sdk.trace, starlette.testclient
sys.modules["fcntl"] = None
sys.platform = "win32"
from starlette.testclient import TestClient
from image_tracing_viewer import create_app
from image_tracing_viewer.cli import cli
from image_tracing_viewer.cli.drain import drain
app = create_app(dsn="host=127.0.0.1 port=9 dbname=nowhere", token="")
with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as client:
    print(client.get("/healthz").status_code, client.get("/metrics").status_code)
    print(client.get("/traceImage?partial=health").text.strip(), client.post("/v1/traces").status_code)
"""


def test_the_viewer_needs_nothing_that_only_unix_has() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)

    assert (ran.stdout.split(), ran.returncode) == (["200", "200", "404"], 0), ran.stderr
