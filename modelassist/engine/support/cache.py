"""A bounded cache without eviction.

LRU would thrash: training visits all clips in each epoch, in a new order.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def _keep_form(value: T) -> T:
    return value


class BoundedCache(Generic[T]):
    """Values by key. New values are stored until `max_bytes` is reached; `size` returns the bytes of a value."""

    def __init__(self, max_bytes: float, size: Callable[[T], int]) -> None:
        self.max_bytes, self.size = max_bytes, size
        self._values: dict[str, T] = {}
        self._bytes = 0

    def get(self, key: str, make: Callable[[], T], to_stored: Callable[[T], T] = _keep_form) -> T:
        """Return the stored value of a key, or make it; if there is space, store what `to_stored` returns for it."""
        if key in self._values:
            return self._values[key]
        value = make()
        size = self.size(value)
        if self._bytes + size <= self.max_bytes:
            self._values[key] = to_stored(value)
            self._bytes += size
        return value
