"""Seeded draws: the same seed and names give the same draw on every machine, in any order of arrival."""

import hashlib

PLACES = 2**31


def draw(*parts: object) -> float:
    """A number in [0, 1) that looks random and depends on nothing but `parts`."""
    return place(*parts) / PLACES


def place(*parts: object) -> int:
    """A whole number in 0..2**31-1 that depends on nothing but `parts`."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % PLACES
