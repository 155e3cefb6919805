#!/usr/bin/env bash
# Everything that is checked about examples/chat/deploy/, and tests/conformance/terraform/. Installs what it needs under target/deploy/.
#
#   run.sh [CHECK…]       all of them, or those named: fmt docs schema pitfalls apply replace alarms checkov keys image
#
# IMAGE_BINARY names a static `connect` that is already built (see image.sh); without it, one is built.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/target/deploy
mkdir -p "$out"

# One environment per set of packages: checkov and python-hcl2 bring different modules of the same name.
# A marker with the packages is written last, so that an interrupted or outdated installation is made anew.
environment() {
  local name=$1
  shift
  [ "$(cat "$out/$name/.installed" 2>/dev/null)" = "$*" ] && return
  rm -rf "${out:?}/$name"
  # Not compiled: most of what these bring is never imported.
  python3 -m venv "$out/$name" && "$out/$name/bin/pip" install --quiet --no-compile "$@" && echo "$*" >"$out/$name/.installed"
}
terraform_tools() { environment tf python-hcl2==8.1.4 tf==1.2.0 "cryptography>=46" && wheels; }
wheels() { "$out/tf/bin/python" -c 'import sys; sys.path[:0] = [sys.argv[1]]; import schema, pathlib; schema.download(pathlib.Path(sys.argv[2]))' "$here" "$out/wheels"; }
buildah_tool() {
  command -v buildah >/dev/null && return
  local sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qy --no-install-recommends buildah
}
tests() { (cd "$here" && "$out/$1/bin/python" -m unittest "${@:2}"); }

check_fmt() {
  if ! command -v terraform >/dev/null; then
    echo "no terraform here: formatting is not checked"
    return
  fi
  touch "$out/terraform.rc"
  local folder
  for folder in "$here/../../examples/chat/deploy/terraform" "$here/../conformance/terraform"; do
    TF_CLI_CONFIG_FILE=$out/terraform.rc terraform fmt -check -diff -recursive "$folder" || return 1
  done
}
check_docs() { terraform_tools && tests tf test_docs; }
check_schema() { terraform_tools && tests tf test_check; }
check_pitfalls() { terraform_tools && tests tf test_pitfalls; }
check_apply() { terraform_tools && tests tf test_apply test_conformance; }
check_replace() { terraform_tools && tests tf test_replace; }
check_alarms() { terraform_tools && tests tf test_patterns test_alarms; }
check_checkov() { terraform_tools && environment checkov checkov==3.3.30 && tests tf test_checkov; }
check_keys() { environment aws awscli==1.46.3 moto==5.2.5 flask flask-cors && tests aws test_keys; }
check_image() { terraform_tools && buildah_tool && tests tf test_image; }

checks=("$@")
[ $# -gt 0 ] || checks=(fmt docs schema pitfalls apply replace alarms checkov keys image)
failed=()
for check in "${checks[@]}"; do
  if ! declare -F "check_$check" >/dev/null; then
    echo "run.sh: no check $check" >&2
    exit 2
  fi
  echo "== deploy: $check"
  started=$SECONDS
  "check_$check" || failed+=("$check")
  echo "== deploy: $check took $((SECONDS - started)) s"
done

if [ "${#failed[@]}" -gt 0 ]; then
  echo "deploy: failed: ${failed[*]}. To run just that: tests/deploy/run.sh ${failed[*]}"
  exit 1
fi
echo "deploy: ${#checks[@]} checks passed"
