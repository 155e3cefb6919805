#!/usr/bin/env bash
# Makes target/NAME/venv with the packages of tests/NAME/requirements.txt; prints the folder of its commands.
#
#   venv.sh NAME
#
# A second run does nothing but compare.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
wanted=$here/$1/requirements.txt
out=$(cd "$here/.." && pwd)/target/$1
mkdir -p "$out"

# Two test processes may ask for this at the same time.
exec 9>"$out/.lock"
flock 9

if ! cmp -s "$wanted" "$out/requirements.txt"; then
  rm -rf "$out/venv"
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2
  cp "$wanted" "$out/requirements.txt"
fi
echo "$out/venv/bin"
