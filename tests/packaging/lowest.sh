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
# Left out is what hangs on no version: the embedded server's life, the fault bench, the searches, what is plain SQL
# or a plain mapping; the SDKs, whose oldest versions have a run of their own; and what compares with the newest
# OpenTelemetry.
left_out=
for path in tests/image_tracing/instrumentors tests/image_tracing/test_conformance.py tests/backends/test_declarative.py \
    tests/test_faults.py tests/image_tracing_postgres/embedded tests/image_tracing_postgres/foreign \
    tests/image_tracing_postgres/alerting tests/image_tracing_postgres/test_merge.py \
    tests/image_tracing_postgres/statistics tests/image_tracing_viewer/browser \
    tests/image_tracing_viewer/demo tests/image_tracing_viewer/pages tests/image_tracing_viewer/test_hostile_rows.py \
    tests/image_tracing_viewer/test_openapi.py; do
    left_out="$left_out --ignore $path"
done
# shellcheck disable=SC2086 (the words of the options)
"$folder/lowest/bin/pytest" $left_out -n "${WORKERS:-3}" --dist loadfile -W ignore::DeprecationWarning tests
