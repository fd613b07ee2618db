#!/bin/sh
# Run the suite as the account nobody, in a clone that belongs to it; needs root to become nobody, and leaves nothing.
set -eu
python=${1:-python3}

[ "$(id -u)" = 0 ] || { echo "nonroot: wanted root, to become another user; as an ordinary user run: make test" >&2; exit 1; }
top=$(git rev-parse --show-toplevel)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs"

git -c safe.directory='*' clone --quiet "$top" "$folder/clone"
mkdir "$folder/home"
chmod 755 "$folder"
chown -R 65534:65534 "$folder/clone" "$folder/home"

# An interpreter below root's home is out of reach for others.
chosen=
for candidate in "$(command -v "$python" || true)" /usr/local/bin/python3 /usr/bin/python3; do
    if (cd / && $as_nobody "$candidate" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))') 2>/dev/null; then
        chosen=$candidate
        break
    fi
done
[ -n "$chosen" ] || { echo "nonroot: wanted a Python 3.11+ that other users may run, found none; apt-get install python3-venv" >&2; exit 1; }

cd "$folder/clone"
# Left out is what is the same for every account, and long: `make test` has run it.
left_out=
for path in tests/backends tests/image_tracing tests/image_tracing_postgres/foreign tests/test_faults.py \
    tests/image_tracing_postgres/test_merge.py tests/image_tracing_postgres/statistics \
    tests/image_tracing_postgres/alerting tests/image_tracing_viewer/charts tests/image_tracing_viewer/pages \
    tests/image_tracing_viewer/otlp tests/image_tracing_viewer/alerts tests/image_tracing_viewer/export \
    tests/image_tracing_viewer/test_hostile_rows.py tests/image_tracing_viewer/browser/test_looks.py \
    tests/image_tracing_viewer/browser/test_stats_page.py tests/image_tracing_viewer/browser/test_alerts_page.py \
    tests/image_tracing_viewer/browser/test_live_updates.py tests/image_tracing_migrations \
    tests/image_tracing_viewer/test_openapi.py; do
    left_out="$left_out --ignore $path"
done
# shellcheck disable=SC2086 (the words of the prefix)
$as_nobody env -u PYENV_VERSION HOME="$folder/home" TMPDIR="$folder/home" PATH="/usr/local/bin:/usr/bin:/bin" \
    make test PYTHON="$chosen" PYTEST_ARGS="$left_out ${PYTEST_ARGS:-}"
