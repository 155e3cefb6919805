#!/usr/bin/env bash
# Makes the key pair that signs room tokens, outside of Terraform, so that no state file ever holds it.
#
#   keys.sh create  SECRET [ALGORITHM]   makes a key pair and the secret for it; prints the public key
#   keys.sh stage   SECRET [ALGORITHM]   makes the next key pair, not yet used for signing; prints its public key
#   keys.sh promote SECRET               lets issuers sign with the staged key from now on
#   keys.sh retire  SECRET               gives up the key that was used before
#
# SECRET is the name of a secret in AWS Secrets Manager: {"private_key": PEM, "public_key": PEM}. ALGORITHM is
# RS256 (RSA, 2,048 bits; the default) or ES256 (P-256). The private key goes from openssl to AWS through pipes; it is
# never in a file, an argument or an environment variable.
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
  local -a kind
  case $algorithm in
    RS256) kind=(RSA -pkeyopt rsa_keygen_bits:2048) ;;
    ES256) kind=(EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve) ;;
  esac
  # openssl shows its progress on standard error.
  private_key=$(openssl genpkey -algorithm "${kind[@]}" 2>/dev/null) || fail "openssl made no key"
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

[ $# = 2 ] || [ $# = 3 ] || usage
command=$1 secret=$2 algorithm=${3:-RS256}
case $command-$# in create-* | stage-* | *-2) ;; *) usage ;; esac
case $algorithm in RS256 | ES256) ;; *) fail "no algorithm $algorithm: use RS256 or ES256" ;; esac
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
