#!/bin/sh
# Run the tests of the instrumentors with the oldest versions of the SDKs that pyproject.toml allows. They live in one
# environment, since none of them depends on another; litellm, which wants other versions of openai than make test
# has, in two of its own, with its oldest version and its newest. All three run side by side.
# sdks.sh PYTHON [REQUIREMENT...]: "openai==1.60.0" tests that one instead.
set -eu
python=${1:-python3}
[ $# -eq 0 ] || shift

top=$(cd "$(dirname "$0")/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The embedded Postgres runs as another user when root starts it, and has to read its programs.
chmod 755 "$folder"
cd "$top"
uv=$(command -v uv) || {
    "$python" -m venv "$folder/tools"
    "$folder/tools/bin/pip" install --quiet uv
    uv=$folder/tools/bin/uv
}

group() {
    "$python" -c 'import sys, tomllib
print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"][sys.argv[1]])' "$1"
}

files_for() {
    for requirement in "$@"; do
        name=$(echo "$requirement" | sed 's/[^a-zA-Z0-9_-].*//' | tr A-Z- a-z_)
        case $name in
        huggingface_hub) tests=test_huggingface ;;
        fal_client) tests=test_fal ;;
        openai) tests="test_openai test_nesting test_instrument" ;;
        *) tests=test_$name ;;
        esac
        for test in $tests; do ls tests/image_tracing/instrumentors/"$test"*.py; done
    done
}

# run NAME WORKERS RESOLUTION REQUIREMENT...
run() {
    environment=$folder/$1 workers=$2 resolution=$3
    shift 3
    "$uv" venv --quiet --python "$python" "$environment"
    "$uv" pip install --quiet --python "$environment/bin/python" --editable '.[postgres,images]' \
        opentelemetry-distro opentelemetry-util-genai pytest pytest-timeout pytest-xdist wrapt
    "$uv" pip install --quiet --python "$environment/bin/python" --resolution "$resolution" "$@"
    echo "$resolution: $*"
    "$uv" pip list --quiet --python "$environment/bin/python" |
        grep -iE '^(fal|google-genai|huggingface|openai|replicate|together|litellm|httpx2?|pydantic|requests|aiohttp|pillow)[ _-]'
    # What an old SDK does of its own that newer libraries deprecate is not ours to mend.
    "$environment/bin/pytest" -q -n "$workers" --dist loadfile -m 'not long' -W ignore::DeprecationWarning \
        -W ignore::PendingDeprecationWarning -W ignore::FutureWarning $(files_for "$@")
}

if [ $# -gt 0 ]; then
    run asked "${WORKERS:-3}" lowest-direct "$@"
    exit
fi
sdks=$(group sdks) litellm=$(group litellm)
run oldest "${WORKERS:-3}" lowest-direct $sdks >"$folder/oldest.log" 2>&1 & oldest=$!
run litellm_oldest 0 lowest-direct $litellm >"$folder/litellm_oldest.log" 2>&1 & litellm_oldest=$!
run litellm_newest 0 highest $litellm >"$folder/litellm_newest.log" 2>&1 & litellm_newest=$!
status=0
for job in "oldest $oldest" "litellm_oldest $litellm_oldest" "litellm_newest $litellm_newest"; do
    wait "${job#* }" || status=1
    cat "$folder/${job% *}.log"
done
exit $status
