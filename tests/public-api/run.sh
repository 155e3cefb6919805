#!/usr/bin/env bash
# Compares the public API of the published crates with the texts beside this script.
#
#   tests/public-api/run.sh            prints the differences, and fails if there are any
#   tests/public-api/run.sh --update   writes the texts again
#
# Blanket implementations and auto traits are left out. Needs cargo-public-api, which it installs, and a Rust
# release whose rustdoc writes JSON in the format that this version of cargo-public-api reads.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=0.52.0 format=57 # Rust 1.95

command -v cargo-public-api >/dev/null || cargo install -q --debug cargo-public-api --version $version --locked
target=$(cargo metadata --no-deps --offline --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

# Stable rustdoc writes JSON when it is told that it is unstable. Only rustdoc is told: with the variable in the
# environment of cargo, build scripts would choose other code, and every dependency would be built again.
wrapper=$(mktemp)
trap 'rm -f "$wrapper"' EXIT
cat >"$wrapper" <<'END'
#!/bin/sh
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
END
chmod +x "$wrapper"

status=0
for crate in room-auth room-auth-macros room-auth-gateway; do
    json=$target/doc/${crate//-/_}.json text=tests/public-api/$crate.txt
    RUSTDOC=$wrapper cargo rustdoc -q -p "$crate" --lib --all-features -- -Z unstable-options --output-format json
    if ! grep -q "\"format_version\":$format" "$json"; then
        printf '%s writes JSON that cargo-public-api %s cannot read; change the version and the format in %s\n' \
            "$(rustdoc -V)" $version "$0"
        exit 1
    fi
    found=$(cargo public-api --rustdoc-json "$json" -ss --color=never)
    if [ "${1:-}" = --update ]; then
        printf '%s\n' "$found" >"$text"
    elif ! diff -u --label "$text" --label 'the sources' "$text" - <<<"$found"; then
        status=1
    fi
done
if [ $status != 0 ]; then
    printf 'the public API differs from tests/public-api; if that is intended, run: %s --update\n' "$0"
fi
exit $status
