#!/usr/bin/env bash
# Installs moto, a stand-in for AWS Secrets Manager and KMS, into target/aws; prints its server's command.
set -euo pipefail
bin=$(bash "$(dirname "${BASH_SOURCE[0]}")/../venv.sh" aws)
echo "$bin/moto_server"
