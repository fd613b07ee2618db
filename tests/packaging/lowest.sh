#!/bin/sh
# Run the tests that need no browser with the oldest versions that pyproject.toml allows.
set -eu
python=${1:-python3}

top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The embedded Postgres runs as another user when root starts it, and has to read its programs.
chmod 755 "$folder"
cd "$top"
"$python" -m venv "$folder/tools"
"$folder/tools/bin/pip" install --quiet uv
"$folder/tools/bin/uv" venv --quiet --python "$python" "$folder/lowest"
"$folder/tools/bin/uv" pip install --quiet --python "$folder/lowest/bin/python" \
    --resolution lowest-direct --editable '.[all]'
# The tools of the tests are not what users install: they stay new, and leave what we ask for as it is.
"$folder/tools/bin/uv" pip freeze --quiet --python "$folder/lowest/bin/python" --exclude-editable |
    grep -E "^($(sed -n '/^dependencies/,/^all/p' pyproject.toml | grep -oE '"[a-zA-Z0-9_-]+' | tr -d '"' | tr _ - | sort -u | paste -sd '|'))==" \
        >"$folder/kept"
"$folder/tools/bin/uv" pip install --quiet --python "$folder/lowest/bin/python" --constraint "$folder/kept" --group test --group check
"$folder/tools/bin/uv" pip list --quiet --python "$folder/lowest/bin/python"
# Old versions of others are deprecated by the newest ones of their own dependencies, which is not ours to mend.
# Left out is what hangs on no version: the embedded server's life, the fault bench, the searches; and what
# compares with the newest OpenTelemetry.
"$folder/lowest/bin/pytest" --ignore tests/image_tracing_postgres/embedded --ignore tests/test_faults.py \
    --ignore tests/image_tracing_postgres/statistics/test_exactness.py \
    --ignore tests/image_tracing_viewer/test_hostile_rows.py --ignore tests/image_tracing_viewer/test_openapi.py \
    --ignore tests/image_tracing/test_conformance.py --ignore tests/backends/test_declarative.py \
    -n "${WORKERS:-2}" --dist loadfile --ignore tests/image_tracing_viewer/browser -W ignore::DeprecationWarning tests
