#!/usr/bin/env bash
# Makes the key pair that signs room tokens, outside of Terraform, so that no state file ever holds it.
#
#   keys.sh create  SECRET    makes a key pair and the secret for it; prints the public key
#   keys.sh stage   SECRET    makes the next key pair, not yet used for signing; prints its public key
#   keys.sh promote SECRET    from now on issuers sign with the staged key
#   keys.sh retire  SECRET    lets go of the key that was signed with before
#
# SECRET is the name of a secret in AWS Secrets Manager: {"private_key": PEM, "public_key": PEM}. The private
# key goes from openssl to AWS through pipes; it is never in a file, an argument or an environment variable.
# Account and region are those of the aws command (AWS_PROFILE, AWS_REGION, …).
# docs/rotation.md walks through a rotation.
set -euo pipefail

usage() {
  sed -n '2,/^set -/{s/^# \{0,1\}//;/^set -/d;p}' "$0" >&2
  exit 2
}

fail() {
  echo "keys.sh: $*" >&2
  exit 1
}

# `bash -x` would print the key.
set +x

# Sets private_key, public_key and secret_string.
make_key_pair() {
  # openssl shows its progress on standard error.
  private_key=$(openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null) || fail "openssl made no key"
  # A pipe rather than a here-string, which older shells write to a file.
  public_key=$(printf '%s\n' "$private_key" | openssl pkey -pubout)
  # A PEM has base64 and newlines: in JSON only the latter need to be escaped.
  secret_string="{\"private_key\":\"${private_key//$'\n'/\\n}\\n\",\"public_key\":\"${public_key//$'\n'/\\n}\\n\"}"
}

# The version of the secret that has the stage $1, or nothing.
version_with() {
  local version
  version=$(aws secretsmanager list-secret-version-ids --secret-id "$secret" --output text \
    --query "Versions[?contains(VersionStages, '$1')].VersionId | [0]")
  [ "$version" = None ] || echo "$version"
}

[ $# = 2 ] || usage
command=$1 secret=$2
for needed in aws openssl; do
  command -v "$needed" >/dev/null || fail "$needed is not installed"
done

case $command in
  create)
    make_key_pair
    printf %s "$secret_string" | aws secretsmanager create-secret --name "$secret" \
      --description "Key pair that signs room tokens" --secret-string file:///dev/stdin >/dev/null
    printf '%s\n' "$public_key"
    ;;
  stage)
    [ -z "$(version_with AWSPENDING)" ] ||
      fail "a key is staged already: promote it, or start over after removing its stage AWSPENDING"
    make_key_pair
    printf %s "$secret_string" | aws secretsmanager put-secret-value --secret-id "$secret" \
      --version-stages AWSPENDING --secret-string file:///dev/stdin >/dev/null
    printf '%s\n' "$public_key"
    ;;
  promote)
    next=$(version_with AWSPENDING)
    [ -n "$next" ] || fail "no key is staged: run keys.sh stage $secret, and let PUBLIC_KEY accept it first"
    now=$(version_with AWSCURRENT)
    # AWS gives AWSPREVIOUS to the version that loses AWSCURRENT.
    aws secretsmanager update-secret-version-stage --secret-id "$secret" --version-stage AWSCURRENT \
      --move-to-version-id "$next" --remove-from-version-id "$now" >/dev/null
    aws secretsmanager update-secret-version-stage --secret-id "$secret" --version-stage AWSPENDING \
      --remove-from-version-id "$next" >/dev/null
    ;;
  retire)
    previous=$(version_with AWSPREVIOUS)
    [ -n "$previous" ] || fail "there is no previous key"
    # A version without stages cannot be read by stage, and AWS deletes it in time.
    aws secretsmanager update-secret-version-stage --secret-id "$secret" --version-stage AWSPREVIOUS \
      --remove-from-version-id "$previous" >/dev/null
    ;;
  *) usage ;;
esac
