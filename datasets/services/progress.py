"""The progress of a build, which goes through several steps."""

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Reports the share that is done (0..1) and says what is being done. It may raise, to end the build."""


def cut_step(progress: Progress, start: float, end: float) -> Progress:
    """Return the progress of one step, which takes the whole from the share `start` to `end`."""
    return lambda share, message: progress(start + share * (end - start), message)
