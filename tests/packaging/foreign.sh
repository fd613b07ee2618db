#!/bin/sh
# Make the environments in which the emitters of docs/foreign-spans.md run: of each dependency group `foreign-NAME`
# one, since they will not live together. foreign.sh PYTHON FOLDER
set -eu
python=$1 folder=$2

cd "$(dirname "$0")/../.."
"$python" -m venv "$folder/tools"
"$folder/tools/bin/pip" install --quiet uv
uv=$folder/tools/bin/uv
for group in $("$python" -c '
import tomllib
groups = tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]
print(*sorted(name for name in groups if name.startswith("foreign-")))'); do
    environment=$folder/${group#foreign-}
    "$uv" venv --quiet --clear --python "$python" "$environment"
    "$uv" pip install --quiet --python "$environment/bin/python" --group "$group"
done
