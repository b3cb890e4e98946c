"""The memory of a process."""

import re
from pathlib import Path


def read_peak_bytes() -> int:
    """Return the most memory that this process has held since its program started, in bytes (Linux).

    `ru_maxrss` would not do: a child starts with the peak of the process that forked it.
    """
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert peak, "The kernel does not report VmHWM."
    return int(peak[1]) * 1024
