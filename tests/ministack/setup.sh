#!/usr/bin/env bash
# Installs MiniStack, an independent stand-in for AWS, into target/ministack; prints the Python that has it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/target/ministack
mkdir -p "$out"

exec 9>"$out/.lock"
flock 9

if ! cmp -s "$here/requirements.txt" "$out/requirements.txt"; then
  rm -rf "$out/venv"
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  cp "$here/requirements.txt" "$out/requirements.txt"
fi
echo "$out/venv/bin/python"
