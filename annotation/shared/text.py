"""Clean text and JSON from outside so that both databases can store them, and read whole numbers."""

import json
import math
from typing import Any

KEY_DIGITS = 19
"""The digits of the largest key of a row, 2**63 - 1."""


def clean_text(text: str) -> str:
    """Return `text` without NUL (PostgreSQL refuses it) and lone surrogates, stripped at both ends."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode().strip()


def parse_number(text: str) -> int | None:
    """Return the whole number that a request has as text, from 0; None if it is another text or larger than any key."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < KEY_DIGITS else None


def clean_json(value: Any, *, max_bytes: int) -> Any:
    """Return `value` as storable JSON; raises ValueError if it is too large or not JSON."""
    try:
        clean = _clean(value)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    size = len(json.dumps(clean))
    if size > max_bytes:
        raise ValueError(f"is too large: {size} bytes, at most {max_bytes}")
    return clean


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(key)): _clean(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError(f"is not JSON: {type(value).__name__}")
