"""Signs a room token with PyJWT.

usage: python sign.py PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]
"""

import re
import sys
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def room_token(key: RSAPrivateKey, room: str, lifetime: int, kid: str | None = None) -> str:
    """Call it only for a user who may enter the room: the token is the permission."""
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", room):
        raise ValueError("not a room id")
    if lifetime < 1:
        raise ValueError("the lifetime must be positive")
    now = int(time.time())
    claims = {"sub": room, "iat": now, "exp": now + lifetime}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid} if kid else None)


def private_key(path: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, TypeError, ValueError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError(f"no RSA private key in {path}")
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
