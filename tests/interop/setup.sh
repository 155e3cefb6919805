#!/usr/bin/env bash
# Installs what the interoperability scripts need and writes one command per language and direction:
#
#   target/interop/bin/sign-{php,go,node,python}   PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]   prints a token
#   target/interop/bin/verify-{php,go,node,python} PUBLIC_KEY_PEM < token                        prints its room
#
# Exit status: 0 done, 1 refused (the reason is on standard error), 2 wrong usage.
# A second run does nothing but compare; it takes well under a second.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/../.." && pwd)/target/interop
mkdir -p "$out/bin" "$out/go/sign" "$out/go/verify"

# Two test processes may ask for this at the same time.
exec 9>"$out/.lock"
flock 9

missing=()
command -v php >/dev/null || missing+=(php-cli)
command -v go >/dev/null || missing+=(golang-go)
jwt_go=/usr/share/gocode/src/github.com/golang-jwt/jwt
[ -d "$jwt_go" ] || missing+=(golang-github-golang-jwt-jwt-dev)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ "${#missing[@]}" -gt 0 ]; then
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -q
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qy --no-install-recommends "${missing[@]}"
fi

# Copies FILE when it differs; succeeds only if it did, so that what depends on it is made again.
refresh() { ! cmp -s "$1" "$2" && cp "$1" "$2"; }

# A marker is written after the step it stands for, so that an interrupted step is done again.
if refresh "$here/package.json" "$out/package.json" || [ ! -e "$out/node_modules/.done" ]; then
  rm -f "$out/node_modules/.done"
  npm install --prefix "$out" --no-audit --no-fund --silent
  touch "$out/node_modules/.done"
fi
refresh "$here/sign.mjs" "$out/sign.mjs" || true
refresh "$here/verify.mjs" "$out/verify.mjs" || true

if refresh "$here/requirements.txt" "$out/requirements.txt" || [ ! -e "$out/venv/.done" ]; then
  rm -f "$out/venv/.done"
  python3 -m venv "$out/venv"
  "$out/venv/bin/pip" install --quiet -r "$out/requirements.txt"
  touch "$out/venv/.done"
fi

# Debian ships the library's source; the replacement makes the import path of the scripts the usual one.
cat >"$out/go/go.mod" <<MOD
module interop

go 1.19

require github.com/golang-jwt/jwt/v4 v4.4.3

replace github.com/golang-jwt/jwt/v4 => $jwt_go
MOD
for direction in sign verify; do
  if refresh "$here/$direction.go" "$out/go/$direction/main.go" || [ ! -x "$out/bin/$direction-go" ]; then
    rm -f "$out/bin/$direction-go"
    (cd "$out/go" && GOFLAGS=-mod=mod GOPROXY=off go build -o "$out/bin/$direction-go" "./$direction")
  fi
done

wrap() {
  printf '#!/bin/sh\nexec %s "$@"\n' "$2" >"$out/bin/$1.new"
  chmod +x "$out/bin/$1.new"
  mv "$out/bin/$1.new" "$out/bin/$1"
}
for direction in sign verify; do
  wrap "$direction-php" "php '$here/$direction.php'"
  wrap "$direction-node" "node '$out/$direction.mjs'"
  wrap "$direction-python" "'$out/venv/bin/python' '$here/$direction.py'"
done
