"""Seeded draws: the same seed and names give the same draw on every machine, in any order of arrival."""

import hashlib

POSITIONS = 2**31


def draw_share(*parts: object) -> float:
    """Return a number in [0, 1) that depends only on `parts`."""
    return draw_position(*parts) / POSITIONS


def draw_position(*parts: object) -> int:
    """Return an integer in 0..2**31-1 that depends only on `parts`."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % POSITIONS
