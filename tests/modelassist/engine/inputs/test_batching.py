"""Batches of rows of similar length."""

from hypothesis import given
from hypothesis import strategies as st

from modelassist.engine.inputs.batching import split_by_length


@given(st.lists(st.integers(1, 500), max_size=30), st.integers(1, 4), st.integers(100, 4000))
def test_batches_hold_every_position_once_within_the_budget(lengths: list[int], copies: int, budget: int) -> None:
    batches = list(split_by_length(lengths, budget, copies=copies, extra=50))
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = max(lengths[position] for position in batch) + 50
        assert len(batch) == 1 or len(batch) * copies * padded <= budget
