#!/usr/bin/env bash
# Builds the image FROM scratch around a function, unpacks it, and checks what is in it.
#
#   image.sh [BINARY [FUNCTION]]
#
# BINARY is a static executable; without one, `connect` is built. FUNCTION names the image and the folder,
# by default as the binary. Leaves, for whoever wants to run it:
#
#   target/deploy/image/FUNCTION/rootfs/bootstrap     the function, in the image's own root filesystem
#   target/deploy/image/FUNCTION/config.json          the image's configuration
#
# Needs root (or a user namespace: buildah unshare tests/deploy/image.sh) and Debian's buildah.
set -euo pipefail

binary=${1:+$(realpath "$1")}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
triple=$(rustc -vV | sed -n 's/^host: //p')

fail() {
  echo "image.sh: $*" >&2
  exit 1
}

if [ -z "$binary" ]; then
  # The explicit target keeps the flag off procedural macros, which cannot be static.
  RUSTFLAGS='-C target-feature=+crt-static' cargo build --release --locked --target "$triple" -p connect
  binary=target/$triple/release/connect
fi
[ -x "$binary" ] || fail "no executable at $binary"
function=${2:-$(basename "$binary")}

out=target/deploy/image/$function
rm -rf "$out"
mkdir -p "$out/context" "$out/rootfs"

# A dynamic executable would not start: there is no loader in an empty image.
if readelf -lW "$binary" | grep -q INTERP; then
  fail "$binary is dynamic; build it with RUSTFLAGS='-C target-feature=+crt-static' and an explicit --target"
fi

install -m 0755 "$binary" "$out/context/bootstrap"
install -m 0644 /etc/ssl/certs/ca-certificates.crt "$out/context/ca-certificates.crt"

# Storage of its own: neither the machine's images nor its daemon are touched.
buildah() { command buildah --storage-driver vfs --root "$root/$out/storage" --runroot "$root/$out/run" "$@"; }
build() {
  # Without a timestamp two builds of the same files would differ.
  buildah bud --quiet --isolation chroot --timestamp 0 -f examples/chat/deploy/Dockerfile.scratch -t "$1" "$out/context"
  buildah push --quiet "$1" "oci:$out/$2"
}
build "localhost/$function:first" oci >/dev/null
build "localhost/$function:again" again >/dev/null

digest() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1] + "/index.json"))["manifests"][0]["digest"])' "$1"; }
[ "$(digest "$out/oci")" = "$(digest "$out/again")" ] || fail "two builds of the same files differ"

# The layers, in their order, are the root filesystem.
blob() { echo "$out/oci/blobs/${1/://}"; }
manifest=$(blob "$(digest "$out/oci")")
python3 - "$manifest" >"$out/layers" <<'PYTHON'
import json, sys
manifest = json.load(open(sys.argv[1]))
print(manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"]), sep="\n")
PYTHON
{
  read -r config
  cp "$(blob "$config")" "$out/config.json"
  while read -r layer; do tar -xf "$(blob "$layer")" -C "$out/rootfs"; done
} <"$out/layers"

# Exactly these files, readable by the user that Lambda runs them as, writable by nobody else.
found=$(cd "$out/rootfs" && find . -type f -printf '%P %m %U:%G\n' | sort)
expected='bootstrap 755 0:0
etc/ssl/certs/ca-certificates.crt 644 0:0'
[ "$found" = "$expected" ] || fail "unexpected files:"$'\n'"$found"
[ -z "$(find "$out/rootfs" ! -type f ! -type d)" ] || fail "links or devices in the image"
cmp -s "$binary" "$out/rootfs/bootstrap" || fail "the function in the image is another one"

# No secrets: in the files, in the environment, in the history of the build.
secrets='-----BEGIN [A-Z ]*PRIVATE KEY-----[[:space:]]*[A-Za-z0-9+/]{40}|(AKIA|ASIA)[A-Z0-9]{16}|aws_secret_access_key *='
# -z: a PEM goes over several lines. Status 1 is "not found"; 2 would be a search that failed.
status=0
leaking=$(grep -rlEaz -e "$secrets" "$out/rootfs" "$out/config.json") || status=$?
[ "$status" = 1 ] || fail "something that looks like a secret in: $leaking"
python3 - "$out/config.json" <<'PYTHON' || fail "wrong configuration, see $out/config.json"
import json, sys
image = json.load(open(sys.argv[1]))
config = image["config"]
assert config["Entrypoint"] == ["/bootstrap"], config
assert config["User"] == "65532:65532", config
assert not config.get("Cmd"), config
assert [name for name in config.get("Env") or [] if not name.startswith("PATH=")] == [], config
assert image["created"].startswith("1970-01-01"), image["created"]
PYTHON

# What Lambda has to fetch before a cold start. The function itself is to be under 5 MB, dynamic;
# a C library and certificates come with it here.
size=$(du -sb --apparent-size "$out/rootfs" | cut -f1)
limit=${IMAGE_SIZE_LIMIT:-8000000}
[ "$size" -le "$limit" ] || fail "$size bytes, more than $limit (IMAGE_SIZE_LIMIT)"

# In the image's own root, as its own user, it starts: far enough to say what it is missing.
if message=$(env -i "$(command -v chroot)" --userspec=65532:65532 "$out/rootfs" /bootstrap 2>&1); then
  fail "the function starts without PUBLIC_KEY"
fi
grep -q PUBLIC_KEY <<<"$message" || fail "the function does not run in its image: $message"

rm -rf "$out/storage" "$out/run" "$out/again" "$out/context"
echo "$function: $size bytes, $(digest "$out/oci")"
echo "$out/rootfs/bootstrap"
