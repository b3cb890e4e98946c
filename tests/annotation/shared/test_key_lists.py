"""Many keys as one short text."""

import pytest

from annotation.shared.key_lists import parse_keys, write_keys


@pytest.mark.parametrize(
    ("keys", "text"), [([], ""), ([7], "7"), ([125, 120, 121, 120], "120.1.4"), ([0, 10**17], f"0.{10**17}")]
)
def test_keys_are_written_as_steps_and_read_again(keys: list[int], text: str) -> None:
    assert write_keys(keys) == text
    assert parse_keys(text) == sorted(set(keys))


@pytest.mark.parametrize(
    "text", ["x", "1.", ".1", "1..2", "-1", "1.-1", "²", "1 2", "9" * 19, f"{'9' * 18}.{'9' * 18}"]
)
def test_another_text_has_no_keys(text: str) -> None:
    assert parse_keys(text) == []


def test_500_keys_that_lie_far_apart_are_short() -> None:
    assert len(write_keys(range(1_000_000, 1_050_000, 100))) < 2100
