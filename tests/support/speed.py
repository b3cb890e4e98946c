"""How slow this machine is. Time limits grow with it, so that no test fails on a busy or old machine."""

import time
from functools import cache

REFERENCE_SECONDS = 0.013
"""The time that the loop below takes on an idle core of the reference machine."""
MAX_SLOWNESS = 10.0


@cache
def measure_slowness() -> float:
    """Measure how many times longer a fixed loop takes than on the reference machine, from 1 to MAX_SLOWNESS."""
    started = time.perf_counter()
    value = 0
    for number in range(200_000):
        value = (value * 31 + number) % 1_000_003
    return min(max((time.perf_counter() - started) / REFERENCE_SECONDS, 1.0), MAX_SLOWNESS)


def allow(seconds: float) -> float:
    """Scale a time limit from the reference machine to this one."""
    return seconds * measure_slowness()
