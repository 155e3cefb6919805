"""Signs a room token with PyJWT.

usage: python sign.py PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]
"""

import re
import sys
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


def algorithm(key: PrivateKey) -> str | None:
    """The one algorithm of a key."""
    if isinstance(key, EllipticCurvePrivateKey):
        return "ES256" if isinstance(key.curve, SECP256R1) else None
    return "RS256" if isinstance(key, RSAPrivateKey) else "EdDSA" if isinstance(key, Ed25519PrivateKey) else None


def room_token(key: PrivateKey, room: str, lifetime: int, kid: str | None = None) -> str:
    """Call it only for a user who may enter the room: the token is the permission."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", room):
        raise ValueError("not a room id")
    if lifetime < 1:
        raise ValueError("the lifetime must be positive")
    now = int(time.time())
    claims = {"sub": room, "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, key, algorithm=algorithm(key), headers={"kid": kid} if kid else None)


def private_key(path: str) -> PrivateKey:
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, TypeError, ValueError):
        key = None
    if key is None or algorithm(key) is None:
        raise ValueError(f"no RSA, P-256 or Ed25519 private key in {path}")
    return key


def main(arguments: list[str]) -> None:
    if len(arguments) not in (3, 4):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        print(room_token(private_key(arguments[0]), arguments[1], int(arguments[2]), *arguments[3:]))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
