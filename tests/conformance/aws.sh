#!/usr/bin/env bash
# Deploys the echo function to an AWS account, plays the transcripts there, and removes everything again.
#
#   aws.sh [OPTION OF run.py…]       for example: aws.sh --slow
#
# Needs terraform, and credentials of an account where it may create APIs, functions, roles and log groups. A run costs some
# cents. With KEEP=1 everything stays, for another run; then remove it by: terraform -chdir=tests/conformance/terraform destroy
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/target/conformance
python=$(bash "$here/../ministack/setup.sh")
mkdir -p "$out"
"$python" -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").write(sys.argv[2], "echo.py")' \
  "$out/echo.zip" "$here/function/echo.py"
export TF_VAR_echo_zip=$out/echo.zip
terraform -chdir="$here/terraform" init -input=false
[ -n "${KEEP:-}" ] || trap 'terraform -chdir="$here/terraform" destroy -auto-approve' EXIT
terraform -chdir="$here/terraform" apply -auto-approve
"$python" "$here/run.py" --aws "$@"
