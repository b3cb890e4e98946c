"""Secrets that are shown once and stored as a hash.

They have 256 random bits, so a plain SHA-256 is enough: they cannot be guessed, and one query finds them.
"""

import hashlib
import secrets

PREFIX_LENGTH = 8


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return the SHA-256 of a secret as 64 hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()
