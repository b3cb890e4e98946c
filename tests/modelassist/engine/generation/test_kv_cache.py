"""The preallocated cache holds what the cache of transformers, which copies, would hold."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import DynamicCache

from modelassist.engine.generation.kv_cache import join_caches

HEADS, WIDTH, LAYERS = 2, 4, 2


def cache_of(rows: int, tokens: int) -> DynamicCache:
    cache = DynamicCache()
    for layer in range(LAYERS):
        cache.update(*torch.randn(2, rows, HEADS, tokens, WIDTH), layer)
    return cache


@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(1, 3), st.lists(st.integers(1, 2), max_size=3))
def test_rows_keep_their_own_and_what_is_written_comes_behind_it(
    sizes: list[int], group: int, written: list[int]
) -> None:
    prompts = [cache_of(1, size) for size in sizes]
    preallocated = join_caches(prompts, sizes, group, new_tokens=sum(written))
    news = [torch.randn(LAYERS, 2, len(sizes) * group, HEADS, count, WIDTH) for count in written]
    for new in news:
        for layer in range(LAYERS):
            keys, values = preallocated.update(*new[layer], layer)
            assert keys.shape == values.shape
    assert preallocated.get_seq_length() == max(sizes) + sum(written)
    for layer in range(LAYERS):
        for row in range(len(sizes) * group):
            own, pad = prompts[row // group].layers[layer], max(sizes) - sizes[row // group]
            for side, name in enumerate(("keys", "values")):
                cached = getattr(preallocated.layers[layer], name)[row]
                expected = torch.cat([getattr(own, name)[0], *(new[layer, side, row] for new in news)], dim=-2)
                assert torch.equal(cached[:, pad:], expected)
                assert not cached[:, :pad].any()
