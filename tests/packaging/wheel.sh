#!/bin/sh
# Build the wheel and the sdist, and use the wheel as strangers do: from new environments, away from the source.
set -eu
python=${1:-python3}

top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m build --outdir "$folder/dist" "$top"
wheel=$(echo "$folder"/dist/*.whl)
cd "$folder"

echo "== the instrumentation, with opentelemetry-api alone"
"$python" -m venv core
core/bin/pip install --quiet "$wheel"
core/bin/python -W error - <<'PYTHON'
from importlib.metadata import distributions
from image_tracing import attempt, generation

@generation
def illustrate(lesson_id): return paint("flux", "a fjord")

@attempt(provider="huggingface")
def paint(model, prompt): return b"bytes"

assert illustrate("l-1") == b"bytes"
names = {distribution.name for distribution in distributions()} - {"pip", "setuptools", "image-tracing"}
assert names <= {"opentelemetry-api", "importlib-metadata", "importlib_metadata", "zipp", "typing_extensions"}, names
PYTHON
if core/bin/image-tracing --help 2>message; then echo "wheel: wanted a word about the missing extra, found none" >&2; exit 1; fi
grep -qF "pip install 'image-tracing[viewer]'" message || { cat message >&2; exit 1; }

echo "== the command line, with the viewer extra"
"$python" -m venv viewer
viewer/bin/pip install --quiet "$wheel[viewer]"
viewer/bin/image-tracing --version
viewer/bin/image-tracing --help >/dev/null
viewer/bin/python -W error - <<'PYTHON'
from image_tracing_migrations import migrations
from image_tracing_viewer import create_app

assert migrations(), "no SQL in the wheel"
app = create_app(dsn="host=127.0.0.1 port=1")
assert {"traces", "trace", "static"} <= {getattr(route, "name", None) for route in app.routes}
PYTHON
echo "== the wheel is whole"
