"""Write frozen records of figures as JSON, and read them again by the types of their fields.

A record consists of dataclasses, tuples, mappings, enums, numbers, texts, None and figures. A mapping may have any
plain or enum key. An undefined figure is `{"undefined": REASON}`. A number that JSON does not know (infinity) is a
text. A field with the metadata `stored=False` is left out and has its default again.
"""

from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from qsave.statistics.figures import Undefined

NOT_STORED: Mapping[str, bool] = {"stored": False}
"""Metadata of a field that is not written."""
_UNDEFINED = "undefined"


def encode_record(value: object) -> Any:
    """Return a record as JSON values. Raises TypeError for a value of another kind."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(float(value))
    if isinstance(value, Undefined):
        return {_UNDEFINED: value.reason}
    if isinstance(value, tuple | list):
        return [encode_record(each) for each in value]
    if isinstance(value, Mapping):
        return {str(encode_record(key)): encode_record(each) for key, each in value.items()}
    if is_dataclass(value):
        return _encode_dataclass(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a stored record.")


def _encode_dataclass(value: Any) -> dict[str, Any]:
    kind: Any = type(value)
    return {field.name: encode_record(getattr(value, field.name)) for field in _list_fields(kind)}


def decode_record(kind: Any, value: Any) -> Any:
    """Return the record of type `kind` that `encode_record` wrote."""
    if kind is object or kind is Any:
        return value
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _decode_union(parts, value)
    if origin is tuple:
        each = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(decode_record(part, item) for part, item in zip(each, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {decode_record(parts[0], key): decode_record(parts[1], each) for key, each in value.items()}
    if kind is Undefined:
        return Undefined(value[_UNDEFINED])
    if is_dataclass(kind):
        return _decode_dataclass(kind, value)
    return kind(value)


def _decode_dataclass(kind: Any, value: Any) -> Any:
    hints = _read_hints(kind)
    names = [field.name for field in _list_fields(kind)]
    return kind(**{name: decode_record(hints[name], value[name]) for name in names})


def _decode_union(parts: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {_UNDEFINED}:
        return Undefined(value[_UNDEFINED])
    (kind,) = (part for part in parts if part not in (NoneType, Undefined))
    return decode_record(kind, value)


@cache
def _list_fields(kind: Any) -> tuple[Field[Any], ...]:
    return tuple(field for field in fields(kind) if field.metadata.get("stored", True))


@cache
def _read_hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
