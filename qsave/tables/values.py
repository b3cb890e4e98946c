"""Read single cells as spreadsheets, pandas and JSON write them: 42.0 is 42, NaN is empty."""

import math
import re
from decimal import Decimal, InvalidOperation

_NO_NUMBERS = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>", "nat"})
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_WHOLE_FLOAT = re.compile(r"\d+\.0")
_MOST_DIGITS = 40


def is_blank(value: object) -> bool:
    """Return whether a cell is empty: None, a text of spaces, or a number that is missing (NaN)."""
    return value is None or (isinstance(value, str) and not value.strip()) or _is_nan(value)


def parse_number(value: object) -> float | None:
    """Return a cell as a finite number, None if it is empty. A comma may separate decimals. Raises ValueError."""
    number = _parse_decimal(value)
    return None if number is None else float(number)


def parse_whole_number(value: object) -> int | None:
    """Return a cell as a whole number, exactly, None if it is empty: 42.0 and 4.2e1 are 42. Raises ValueError."""
    number = _parse_decimal(value)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def write_name(value: object) -> object:
    """Return a cell that names something as text: 7 and 7.0, as pandas writes a column with gaps, are "7".

    Other values are returned as they are.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and _WHOLE_FLOAT.fullmatch(value.strip()):
        return value.strip().removesuffix(".0")
    return value


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _parse_decimal(value: object) -> Decimal | None:
    if is_blank(value):
        return None
    is_number_or_text = isinstance(value, int | float | str) and not isinstance(value, bool)
    text = str(value).strip() if is_number_or_text else "?"
    if text.casefold() in _NO_NUMBERS:
        return None
    if _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    try:
        number = Decimal(text.replace("_", "?"))  # Decimal would take 1_000
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError("not a number that can be stored")
    return number
