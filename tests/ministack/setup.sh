#!/usr/bin/env bash
# Installs MiniStack, an independent stand-in for AWS, into target/ministack; prints the Python that has it.
set -euo pipefail
bin=$(bash "$(dirname "${BASH_SOURCE[0]}")/../venv.sh" ministack)
echo "$bin/python"
