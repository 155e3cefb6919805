#!/usr/bin/env bash
# Installs the runtime interface clients and the AWS SDKs of Node and Python below target/interface-clients, and prints
# that directory. A second run does nothing.
set -euo pipefail

out=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/target/interface-clients
mkdir -p "$out"

# Two test processes may ask for this at the same time.
exec 9>"$out/.lock"
flock 9

if [ ! -e "$out/.done" ]; then
  # The client for Node is compiled as it is installed.
  { command -v cmake && command -v autoconf && command -v libtoolize && command -v unzip; } >/dev/null || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq cmake autoconf automake libtool unzip
  } >&2
  (cd "$out" && npm install --silent --no-audit --no-fund --prefix . \
    aws-lambda-ric@3 @aws-sdk/client-apigatewaymanagementapi@3) >&2
  python3 -m venv "$out/.venv"
  "$out/.venv/bin/pip" install --quiet --disable-pip-version-check 'awslambdaric>=4,<5' 'boto3>=1.44,<2' >&2
  touch "$out/.done"
fi
echo "$out"
