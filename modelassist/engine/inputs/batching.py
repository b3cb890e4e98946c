"""Split rows into batches of similar length, so that there is little padding and memory is limited."""

from collections.abc import Iterable, Iterator


def split_by_length(
    lengths: Iterable[int], token_budget: int, *, copies: int = 1, extra: int = 0
) -> Iterator[list[int]]:
    """Yield positions, shortest row first, in batches whose padded tokens stay within the budget.

    Each position counts as `copies` rows that are `extra` tokens longer than its length. A batch has at least one
    position, even if it exceeds the budget.
    """
    batch: list[int] = []
    ordered = sorted(enumerate(lengths), key=lambda pair: (pair[1], pair[0]))
    for position, length in ordered:
        if batch and (len(batch) + 1) * copies * (length + extra) > token_budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
