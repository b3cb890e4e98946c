"""The keys and values of many prompts, with room for all that will be written after them.

transformers' own cache joins old and new at every token, which copies all there is: with long prompts that takes longer
than the arithmetic.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer


class RoomyLayer(DynamicLayer):
    """A layer's keys and values, (R, heads, tokens, width) each, that grow in place as far as their room goes."""

    def __init__(self, keys: Tensor, values: Tensor, length: int) -> None:
        """`length` tokens stand in the room already."""
        super().__init__()
        self._room = keys, values
        self.lazy_initialization(keys, values)
        self._show(length)

    def update(self, key_states: Tensor, value_states: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Write what is new behind what is there; returns all of it."""
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        for room, new in zip(self._room, (key_states, value_states), strict=True):
            room[..., start:end, :] = new
        return self._show(end)

    def _show(self, length: int) -> tuple[Tensor, Tensor]:
        keys, values = (room[..., :length, :] for room in self._room)
        self.keys, self.values = keys, values
        return keys, values


def joined(caches: Sequence[DynamicCache], sizes: Sequence[int], group: int, more: int) -> Cache:
    """One cache of the prompts' caches, `group` rows each, padded on the left so that all end at the same place, with
    room for `more` tokens."""
    longest = max(sizes)

    def room(parts: Sequence[Tensor]) -> Tensor:
        first = parts[0]
        made = first.new_zeros(len(parts) * group, first.shape[1], longest + more, first.shape[3])
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True)):
            made[number * group : (number + 1) * group, :, longest - size : longest] = part
        return made

    layers = zip(*(cache.layers for cache in caches), strict=True)
    with torch.no_grad():
        return Cache(
            layers=[
                RoomyLayer(room([one.keys for one in layer]), room([one.values for one in layer]), longest)
                for layer in layers
            ]
        )
