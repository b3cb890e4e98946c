"""Find the columns of a table that say which prompts belong together, such as a prompt and its extension by an LLM.

Words cannot tell: a prompt of 8 words and its extension of 120 have next to none in common.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qsave.tables.values import is_blank, write_name

_NAMES = frozenset(
    [
        "group",
        "hash",
        "id",
        "idx",
        "index",
        "key",
        "no",
        "nr",
        "number",
        "uid",
        "uuid",
        "base",
        "initial",
        "orig",
        "original",
        "parent",
        "raw",
        "seed",
        "short",
        "source",
    ]
)
"""Words that a heading has beside `prompt` or `caption`: the id of a prompt, or the prompt from which it was made."""
_NO_NAMES = frozenset(["count", "embedding", "lang", "language", "length", "negative", "score", "template", "tokens"])
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")
LEAST_FILLED = 0.9
"""Share of the rows in which such a column has a value."""


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """A column that gives different prompts the same value: how many values it has, and how many prompts share one."""

    name: str
    values: int
    sharing: int


def names_prompts(heading: str) -> bool:
    """Return whether a heading means the id of a prompt, or the prompt that another was made from."""
    words = set(_WORD.findall(_CAMEL.sub(" ", heading).casefold()))
    about_prompts = {"prompt", "caption"} & words or {"promptid", "captionid"} & words
    is_id = bool(_NAMES & words or {"promptid", "captionid"} & words)
    return bool(about_prompts) and is_id and not _NO_NAMES & words


def find_group_columns(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> list[GroupColumn]:
    """Return the columns by which prompts can be grouped; `rows` are prompts with the other cells of their rows.

    Such a column is filled, has one value for each prompt, and gives some different prompts the same value.
    """
    prompts_of: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    filled: defaultdict[str, int] = defaultdict(int)
    count = 0
    for prompt, cells in rows:
        count += 1
        for name, value in cells.items():
            if names_prompts(name) and not is_blank(value) and isinstance(value, str | int | float):
                filled[name] += 1
                prompts_of[name][str(write_name(value))].add(prompt)
    columns = (_describe(name, groups) for name, groups in prompts_of.items() if filled[name] >= LEAST_FILLED * count)
    return [column for column in columns if column is not None]


def _describe(name: str, prompts_of: Mapping[str, set[str]]) -> GroupColumn | None:
    """Return the column, None if it groups nothing, everything, or one prompt in two ways."""
    pairs = sum(map(len, prompts_of.values()))
    distinct = len(set().union(*prompts_of.values()))
    sharing = sum(len(group) for group in prompts_of.values() if len(group) > 1)
    return (
        GroupColumn(name, len(prompts_of), sharing) if sharing and len(prompts_of) > 1 and pairs == distinct else None
    )
