#!/bin/sh
# The demo's page and the gateway's inspector in a real browser, and the client's own tests.
#
#   tests/browser/run.sh            against $DEMO, by default target/debug/demo
#   tests/browser/run.sh --dev      against the development server, which needs no build
#   tests/browser/run.sh chat       only tests/browser/chat.test.mjs (or rooms, token, attacks, page, inspector)
#
# Needs Node 20 or later and Chromium ($CHROMIUM, by default /usr/bin/chromium).
set -eu
cd "$(dirname "$0")/../.."
here=tests/browser
deps=target/browser

all="chat rooms token attacks page inspector"
if [ "${1:-}" = --dev ]; then
  # The inspector is part of the gateway, which is not there.
  all="chat rooms token attacks page"
  DEMO="node $here/dev-server.mjs"
  shift
fi
export DEMO="${DEMO:-target/debug/demo}" BROWSER_DEPS="$PWD/$deps"

# npm ci empties node_modules: only when the lock file is another one.
mkdir -p "$deps"
if ! cmp -s "$here/package-lock.json" "$deps/package-lock.json" || [ ! -d "$deps/node_modules" ]; then
  cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$deps/"
  (cd "$deps" && npm ci --ignore-scripts --no-audit --no-fund)
fi

if [ $# -eq 0 ]; then
  # What the client offers is fully typed; its private parts are left to inference. The declarations that the package
  # ships are made from the sources: npm run types, in client.
  tsc="$deps/node_modules/.bin/tsc"
  "$tsc" --project client
  "$tsc" --project client --noEmit false --declaration --emitDeclarationOnly --outDir "$deps/types"
  diff -r client/types "$deps/types"
  node --test client/test/*.test.js
  set -- $all
fi
for name; do
  # One at a time: each file starts demos and a browser of its own.
  node --test --test-reporter=spec "$here/$name.test.mjs"
done
