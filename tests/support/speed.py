"""How slow this machine is now. Limits of waiting grow with it, so that a busy or old machine fails no test."""

import time
from functools import cache

REFERENCE_SECONDS = 0.013
"""What the work below takes on an idle core of the machine that the limits were chosen on."""
MOST = 10.0


@cache
def measure_slowness() -> float:
    """Return how many times longer this process takes for a fixed piece of work than the reference: 1 to MOST."""
    started = time.perf_counter()
    value = 0
    for number in range(200_000):
        value = (value * 31 + number) % 1_000_003
    return min(max((time.perf_counter() - started) / REFERENCE_SECONDS, 1.0), MOST)


def allow(seconds: float) -> float:
    """Return a limit of `seconds` on the reference machine as a limit on this one."""
    return seconds * measure_slowness()
