"""Makes the tokens of the built-in accounts: JWT signed with ES256, like those of any provider.

The private key lies in a file for its owner only; every hub of a region has the same one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "ES256"


class SigningKeyError(Exception):
    """The key file cannot be used; the text names it."""


class Issuer:
    """Signs with one key."""

    def __init__(self, name: str, audience: str, key: ec.EllipticCurvePrivateKey) -> None:
        self.name, self.audience, self._key = name, audience, key
        public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        thumbprint = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
        self.key_id = hashlib.sha256(thumbprint.encode()).hexdigest()[:32]
        self.public_key: dict[str, Any] = {**public, "kid": self.key_id, "alg": ALGORITHM, "use": "sig"}

    def token(self, claims: Mapping[str, Any], now: int, lasts_s: int) -> str:
        """A signed token with these claims and the usual ones."""
        usual = {"iss": self.name, "aud": self.audience, "iat": now, "exp": now + lasts_s}
        headers = {"kid": self.key_id, "typ": "at+jwt"}
        return jwt.encode({**claims, **usual}, self._key, algorithm=ALGORITHM, headers=headers)


def load_or_make_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key in this file, made at the first start. Raises `SigningKeyError`."""
    try:
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SigningKeyError(f"{path}: others may read it; allow only its owner (chmod 600)")
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SigningKeyError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise SigningKeyError(f"{path}: is no private key in PEM without a password") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise SigningKeyError(f"{path}: must be an EC key on P-256")
    return key


def _make(path: Path) -> None:
    made = ec.generate_private_key(ec.SECP256R1())
    content = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(6)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # of two hubs that start at once, one makes the key
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
