#!/bin/sh
# Make what the generators in other languages of tests/languages run with: Node, which is a package of PyPI too, the
# stock SDKs, and nothing of this project. languages.sh PYTHON FOLDER
set -eu
python=$1 folder=$2

cd "$(dirname "$0")/../.."
"$python" -m venv --clear "$folder"
"$folder/bin/pip" install --quiet --upgrade 'pip>=25.1'
"$folder/bin/pip" install --quiet --group languages
mkdir -p "$folder/typescript"
cp docs/typescript/package.json docs/typescript/package-lock.json "$folder/typescript"
cd "$folder/typescript"
"$folder/bin/npm" ci --silent --ignore-scripts
