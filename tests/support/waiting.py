"""Waiting for what another process or thread does, without a fixed sleep."""

import time
from collections.abc import Callable

from tests.support.speed import allow

LIMIT_SECONDS = allow(120.0)  # far above what it takes: a machine may be busy with other things


def wait_until(holds: Callable[[], bool], *, limit: float = LIMIT_SECONDS, what: str = "it") -> None:
    """Return when `holds` does; fail after `limit` seconds."""
    end = time.monotonic() + limit
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about in {limit:.0f} s")
        time.sleep(0.02)
