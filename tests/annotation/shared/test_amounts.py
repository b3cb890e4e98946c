"""Amounts in words."""

import pytest

from annotation.shared.amounts import describe_minutes, group_digits


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "about 0 minutes"),
        (1, "about 1 minute"),
        (120, "about 120 minutes"),
        (121, "about 2 hours"),
        (150, "about 2 hours"),
        (151, "about 3 hours"),
        (60_000, "about 1,000 hours"),
    ],
)
def test_a_long_time_is_given_in_hours(minutes: int, words: str) -> None:
    assert describe_minutes(minutes) == words


def test_digits_are_grouped() -> None:
    assert [group_digits(value) for value in (999, 1000, 1234567)] == ["999", "1,000", "1,234,567"]
