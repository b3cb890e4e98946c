"""Which columns of a table say that prompts of different words belong together."""

from typing import Any

import pytest

from qsave.tables.group_columns import GroupColumn, find_group_columns, names_prompts


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("prompt_id", True),
        ("promptId", True),
        ("PromptID", True),
        ("Source prompt", True),
        ("original_prompt", True),
        ("caption id", True),
        ("prompt", False),
        ("prompt_length", False),
        ("negative prompt id", False),
        ("prompt_tokens", False),
        ("id", False),
        ("seed", False),
    ],
)
def test_headings_that_mean_the_id_of_a_prompt(heading: str, expected: bool) -> None:
    assert names_prompts(heading) == expected


def make_rows(column: str, *pairs: tuple[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(prompt, {column: value}) for prompt, value in pairs]


EXTENDED = (("a fox", 1), ("A red fox trots through snow at dawn", 1.0), ("a cat", 2), ("A cat naps in the sun", "2"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (make_rows("prompt_id", *EXTENDED), [GroupColumn("prompt_id", 2, 4)]),
        (make_rows("prompt_id", ("a fox", 1), ("a cat", 2), ("a fox", 1)), []),  # it says no more than the prompts
        (make_rows("prompt_id", ("a fox", 1), ("a cat", 1)), []),  # all are one
        (make_rows("prompt_id", *EXTENDED, ("a fox", 2)), []),  # one prompt in two groups
        (make_rows("prompt_id", *EXTENDED, *((f"a dog {n}", None) for n in range(9))), []),  # hardly filled
        (make_rows("steps", *EXTENDED), []),
        ([], []),
    ],
)
def test_columns_by_which_prompts_can_be_grouped(
    rows: list[tuple[str, dict[str, Any]]], expected: list[GroupColumn]
) -> None:
    assert find_group_columns(rows) == expected
