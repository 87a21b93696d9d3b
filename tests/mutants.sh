#!/bin/sh
# Changes adapter/consent in every small way and runs the quick tests against each change: `make mutants`.
# Further arguments are names of mutants, or patterns of them. mutmut lives in a folder of its own under build/.
set -e
python="$1"
shift
work=build/mutants
if ! test -x "$work/venv/bin/mutmut"; then
  "$python" -m venv "$work/venv"
  "$work/venv/bin/python" -m pip install --quiet --require-hashes -r requirements/develop.txt
  "$work/venv/bin/python" -m pip install --quiet mutmut==3.8.1
fi
rm -rf "$work/tree"
mkdir -p "$work/tree"
cp -r adapter connectors docs mappings profiles tests pyproject.toml "$work/tree"
cat tests/mutants.toml >> "$work/tree/pyproject.toml"
cd "$work/tree"
ulimit -v 4000000 # a change can make a loop endless and its list with it
nice ../venv/bin/mutmut run --max-children 1 "$@"
../venv/bin/python tests/mutants.py
