"""Text and JSON from outside, made storable: no NUL (PostgreSQL has none), no half surrogate, no endless size."""

import json
import math
from typing import Any


def clean_text(text: str) -> str:
    """`text` without NUL and without lone surrogates, trimmed at both ends."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode().strip()


def clean_json(value: Any, *, max_bytes: int) -> Any:
    """`value` as JSON that both databases store; raises ValueError when it is too large or is no JSON."""
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
