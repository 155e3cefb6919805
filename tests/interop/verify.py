"""Verifies a room token read from standard input and prints its room.

usage: python verify.py PUBLIC_KEY_PEM < token
"""

import sys
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


def algorithm(key: PublicKey) -> str | None:
    """The one algorithm of a key."""
    if isinstance(key, EllipticCurvePublicKey):
        return "ES256" if isinstance(key.curve, SECP256R1) else None
    return "RS256" if isinstance(key, RSAPublicKey) else "EdDSA" if isinstance(key, Ed25519PublicKey) else None


def room_of(key: PublicKey, token: str) -> str:
    # The algorithm is ours to choose; the token may only agree.
    claims = jwt.decode(token, key, algorithms=[algorithm(key)], options={"require": ["sub", "iat", "exp"]})
    if not claims["iat"] < claims["exp"]:
        raise jwt.InvalidTokenError("wrong claims")
    return claims["sub"]


def public_key(path: str) -> PublicKey:
    try:
        key = load_pem_public_key(Path(path).read_bytes())
    except (OSError, ValueError):
        key = None
    if key is None or algorithm(key) is None:
        sys.exit(f"no RSA, P-256 or Ed25519 public key in {path}")
    return key


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        print(room_of(public_key(arguments[0]), sys.stdin.read().strip()))
    except jwt.InvalidTokenError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
