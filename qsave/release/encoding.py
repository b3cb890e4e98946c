"""Encode and parse the JSON of a release; the error names what breaks the format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qsave.parsing import parse_json

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


class ReleaseError(ValueError):
    """A folder is not a release, or a row breaks the format; the message names the file and the line."""


def encode_canonical(value: object) -> bytes:
    """Encode as JSON with one spelling only (sorted keys, no spaces, UTF-8, no NaN), for hashes and for row lines."""
    return _encode(value).encode()


def parse_object(data: bytes, where: str) -> Mapping[str, Any]:
    """Parse a JSON object. Raises ReleaseError, with `where` (file and line) at its start."""
    try:
        value = parse_json(data, parse_constant=_refuse_constant)
    except ValueError as error:  # JSONDecodeError, UnicodeDecodeError
        raise ReleaseError(f"{where}: This is not JSON ({error}).") from None
    if not isinstance(value, dict):
        raise ReleaseError(f"{where}: expected an object, got {type(value).__name__}.")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
