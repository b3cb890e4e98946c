"""Write many keys into an address. Servers refuse a long address: gunicorn takes 4094 bytes.

Keys of one campaign lie close together, so the text has the first key and then the steps: 120, 121 and 125
are "120.1.4".
"""

from collections.abc import Iterable
from itertools import accumulate, pairwise

from annotation.shared.text import KEY_DIGITS, parse_number

SEPARATOR = "."


def write_keys(keys: Iterable[int]) -> str:
    """Return the text of some keys, in any order."""
    ordered = sorted(set(keys))
    return SEPARATOR.join(map(str, [*ordered[:1], *(after - before for before, after in pairwise(ordered))]))


def parse_keys(text: str) -> list[int]:
    """Return the keys of a text, in ascending order; an empty list if `write_keys` did not write the text."""
    steps = [parse_number(step) for step in text.split(SEPARATOR)]
    keys = list(accumulate(step for step in steps if step is not None))
    return keys if None not in steps and keys[-1] < 10 ** (KEY_DIGITS - 1) else []
