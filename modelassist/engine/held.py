"""What is worth keeping in memory, while there is room: the last used go last."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """Things by key, those used last, up to `most` bytes as `size` counts them; the newest is always held."""

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self.most, self.size = most, size
        self._things: OrderedDict[str, T] = OrderedDict()
        self._bytes = 0

    def get(self, key: str, make: Callable[[], T]) -> T:
        """The thing of a key, made where it is not held."""
        if key not in self._things:
            self._things[key] = make()
            self._bytes += self.size(self._things[key])
        self._things.move_to_end(key)
        while self._bytes > self.most and len(self._things) > 1:
            _, oldest = self._things.popitem(last=False)
            self._bytes -= self.size(oldest)
        return self._things[key]
