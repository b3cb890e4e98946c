"""Wait for another process or thread without a fixed sleep."""

import time
from collections.abc import Callable

from tests.support.speed import allow

LIMIT_SECONDS = allow(120.0)  # far more than a wait takes: the machine may be busy


def wait_until(holds: Callable[[], bool], *, limit: float = LIMIT_SECONDS, what: str = "it") -> None:
    """Return when `holds()` is true; fail after `limit` seconds. `what` is named in the error."""
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"There was no sign of {what} within {limit:.0f} s.")
        time.sleep(0.02)
