"""Verifies a room token read from standard input and prints its room.

usage: python verify.py PUBLIC_KEY_PEM < token
"""

import sys
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def room_of(key: RSAPublicKey, token: str) -> str:
    # The algorithm is ours to choose; the token may only agree.
    claims = jwt.decode(token, key, algorithms=["RS256"], options={"require": ["sub", "iat", "exp"]})
    if not claims["iat"] < claims["exp"]:
        raise jwt.InvalidTokenError("wrong claims")
    return claims["sub"]


def public_key(path: str) -> RSAPublicKey:
    try:
        key = load_pem_public_key(Path(path).read_bytes())
    except (OSError, ValueError):
        key = None
    if not isinstance(key, RSAPublicKey):
        sys.exit(f"no RSA public key in {path}")
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
