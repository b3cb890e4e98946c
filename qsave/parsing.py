"""Reading JSON and TOML that others wrote: whatever is wrong with the text is a ValueError."""

import json
import tomllib
from collections.abc import Callable
from typing import Any

_TOO_DEEP = "it is nested too deeply"


def parse_json(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """Return what a JSON text holds; raises ValueError, also where `json` raises RecursionError."""
    try:
        return json.loads(text, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def parse_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text holds; raises ValueError, also where `tomllib` raises RecursionError."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
