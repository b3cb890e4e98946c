"""A lock that threads get in the order in which they asked for it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

POLL_SECONDS = 0.5


class Turns:
    """Gives threads their turns, first come, first served: one that asks again and again starves none."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        """The first one has its turn."""

    @contextmanager
    def take(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Wait for a turn, and hold it for the body. `on_wait` is called twice a second meanwhile, and may raise."""
        turn = threading.Event()
        self._join(turn)
        try:
            while not turn.wait(POLL_SECONDS):
                on_wait()
            yield
        finally:
            self._leave(turn)

    @contextmanager
    def take_if_free(self) -> Iterator[bool]:
        """Hold a turn for the body if nobody has or awaits one; yield whether that is so."""
        turn = threading.Event()
        with self._mutex:
            is_free = not self._queue
            if is_free:
                self._queue.append(turn)
        try:
            yield is_free
        finally:
            if is_free:
                self._leave(turn)

    def _join(self, turn: threading.Event) -> None:
        with self._mutex:
            self._queue.append(turn)
            self._queue[0].set()

    def _leave(self, turn: threading.Event) -> None:
        with self._mutex:
            self._queue.remove(turn)
            if self._queue:
                self._queue[0].set()
