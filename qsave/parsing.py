"""Parsing JSON and TOML from outside: every error in the text is a ValueError."""

import json
import tomllib
from collections.abc import Callable
from typing import Any

_TOO_DEEP = "it is nested too deeply"


def parse_json(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """Parse a JSON text. Raises ValueError, also if `json` raises RecursionError."""
    try:
        return json.loads(text, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML text. Raises ValueError, also if `tomllib` raises RecursionError."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
