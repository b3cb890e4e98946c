"""What is worth keeping in memory, while there is room."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def _itself(thing: T) -> T:
    return thing


class Held(Generic[T]):
    """Things by key, first come, up to `most` bytes as `size` counts them.

    Nothing that is held makes room for another. Training goes round after round through the same clips, in ever another
    order: were the last used kept, nearly every one would be gone just before it is asked for again.
    """

    def __init__(self, most: float, size: Callable[[T], int]) -> None:
        self.most, self.size = most, size
        self._things: dict[str, T] = {}
        self._bytes = 0

    def get(self, key: str, make: Callable[[], T], held_as: Callable[[T], T] = _itself) -> T:
        """The thing of a key; made where it is not held, and then held, in the form that `held_as` gives it."""
        if key in self._things:
            return self._things[key]
        thing = make()
        size = self.size(thing)
        if self._bytes + size <= self.most:
            self._things[key] = held_as(thing)
            self._bytes += size
        return thing
