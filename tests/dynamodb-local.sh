#!/usr/bin/env bash
# Runs Amazon's DynamoDB Local on a port of loopback, in memory, until it is killed.
#
#   tests/dynamodb-local.sh PORT
#   tests/dynamodb-local.sh --install    fetches it and stops there
#
# It is Java (11 or later), listens on all addresses of the machine (it has no option for that), and comes out of a package of npm's, which carries the jar as Amazon distributes it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(cd "$here/.." && pwd)/target/dynamodb-local
version=2.9.30
jar_sha256=454305e9bc3e6ebcca5b62569869e31563b8d7e346474e94557b2600702146c7

[ "$#" = 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
command -v java >/dev/null || { echo "DynamoDB Local needs Java: apt-get install default-jre-headless" >&2; exit 1; }

mkdir -p "$out"
# Two test processes may ask for this at the same time.
exec 9>"$out/.lock"
flock 9
if [ "$(cat "$out/.done" 2>/dev/null)" != "$version" ]; then
  rm -rf "$out/.done" "$out/package"
  (cd "$out" && npm pack --silent "amplify-dynamodb-simulator@$version" >/dev/null)
  tar -xzf "$out/amplify-dynamodb-simulator-$version.tgz" -C "$out" package/emulator
  echo "$jar_sha256  $out/package/emulator/DynamoDBLocal.jar" | sha256sum --check --quiet
  rm "$out/amplify-dynamodb-simulator-$version.tgz"
  echo "$version" >"$out/.done"
fi
exec 9>&-

[ "$1" = --install ] && exit
cd "$out/package/emulator"
# -disableTelemetry: it would call out otherwise.
exec java -Djava.library.path=./DynamoDBLocal_lib -jar DynamoDBLocal.jar -inMemory -disableTelemetry -port "$1"
