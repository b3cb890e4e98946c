"""Secrets that are shown once and kept as a hash.

They carry 256 random bits, so a plain SHA-256 is enough: there is nothing to guess, and looking one up stays one query.
"""

import hashlib
import secrets

PREFIX_LENGTH = 8


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()
