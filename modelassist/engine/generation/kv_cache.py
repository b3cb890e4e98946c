"""A key-value cache of many prompts, allocated once with space for all tokens that will be generated.

transformers' own cache concatenates old and new states at every token, so it copies everything; with long prompts this
takes longer than the arithmetic.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer


class PreallocatedLayer(DynamicLayer):
    """A layer's keys and values, (R, heads, tokens, width) each, that grow in place up to their allocated length."""

    def __init__(self, keys: Tensor, values: Tensor, length: int) -> None:
        """`length` tokens are filled already."""
        super().__init__()
        self._buffers = keys, values
        self.lazy_initialization(keys, values)
        self._view(length)

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Write the new states after those that are filled; returns all of them."""
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[..., start:end, :] = new
        return self._view(end)

    def _view(self, length: int) -> tuple[Tensor, Tensor]:
        keys, values = (buffer[..., :length, :] for buffer in self._buffers)
        self.keys, self.values = keys, values
        return keys, values


def join_caches(caches: Sequence[DynamicCache], lengths: Sequence[int], copies: int, new_tokens: int) -> Cache:
    """Join the caches of prompts, `copies` rows each, padded on the left so that all end at the same position.

    The result has space for `new_tokens` more.
    """
    longest = max(lengths)

    def join(parts: Sequence[Tensor]) -> Tensor:
        first = parts[0]
        joined = first.new_zeros(len(parts) * copies, first.shape[1], longest + new_tokens, first.shape[3])
        for index, (part, length) in enumerate(zip(parts, lengths, strict=True)):
            joined[index * copies : (index + 1) * copies, :, longest - length : longest] = part
        return joined

    layers = zip(*(cache.layers for cache in caches), strict=True)
    with torch.no_grad():
        return Cache(
            layers=[
                PreallocatedLayer(join([part.keys for part in layer]), join([part.values for part in layer]), longest)
                for layer in layers
            ]
        )
