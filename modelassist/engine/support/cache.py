"""A bounded cache without eviction.

LRU would thrash: training visits all clips in each epoch, in a new order.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def _keep_form(value: T) -> T:
    return value


class BoundedCache(Generic[T]):
    """Values by key, first come, up to `max_bytes` as `size` counts them."""

    def __init__(self, max_bytes: float, size: Callable[[T], int]) -> None:
        self.max_bytes, self.size = max_bytes, size
        self._values: dict[str, T] = {}
        self._bytes = 0

    def get(self, key: str, make: Callable[[], T], to_stored: Callable[[T], T] = _keep_form) -> T:
        """Return the value of a key, made if it is not stored; if there is space it is then stored as `to_stored`
        gives it."""
        if key in self._values:
            return self._values[key]
        value = make()
        size = self.size(value)
        if self._bytes + size <= self.max_bytes:
            self._values[key] = to_stored(value)
            self._bytes += size
        return value
