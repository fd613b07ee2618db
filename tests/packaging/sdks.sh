#!/bin/sh
# Run the tests of each instrumentor with the oldest version of its SDK that pyproject.toml allows, one
# environment for each: together they would raise each other's versions. litellm, which make test has no place
# for, also with its newest.
# sdks.sh PYTHON [REQUIREMENT...]: "openai==1.40.0" tests that one instead.
set -eu
python=${1:-python3}
[ $# -eq 0 ] || shift

top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The embedded Postgres runs as another user when root starts it, and has to read its programs.
chmod 755 "$folder"
cd "$top"
"$python" -m venv "$folder/tools"
"$folder/tools/bin/pip" install --quiet uv
uv=$folder/tools/bin/uv
[ $# -gt 0 ] || set -- $("$python" -c '
import tomllib
groups = tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]
print(*groups["sdks"], *groups["litellm"])')

for requirement in "$@"; do
    name=$(echo "$requirement" | sed 's/[^a-zA-Z0-9_-].*//' | tr A-Z- a-z_)
    resolutions=lowest-direct
    [ "$name" != litellm ] || resolutions="lowest-direct highest"
    case $name in
    huggingface_hub) tests=test_huggingface ;;
    fal_client) tests=test_fal ;;
    openai) tests="test_openai test_nesting test_instrument" ;;
    *) tests=test_$name ;;
    esac
    files=$(for test in $tests; do ls tests/image_tracing/instrumentors/"$test"*.py; done)
    for resolution in $resolutions; do
        "$uv" venv --quiet --clear --python "$python" "$folder/sdk"
        "$uv" pip install --quiet --python "$folder/sdk/bin/python" --editable '.[postgres,images]' \
            opentelemetry-distro opentelemetry-util-genai pytest pytest-timeout wrapt
        "$uv" pip install --quiet --python "$folder/sdk/bin/python" --resolution "$resolution" "$requirement"
        "$uv" pip list --quiet --python "$folder/sdk/bin/python" | grep -iE "^($(echo "$name" | tr _ .)|httpx2?|pydantic|requests|aiohttp|pillow) "
        # What an old SDK does of its own that newer libraries deprecate is not ours to mend.
        "$folder/sdk/bin/pytest" -q -m 'not long' -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning \
            -W ignore::FutureWarning $files
    done
done
