"""What an endpoint was asked: requests, seconds and tokens, for the caller to store."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over requests. Servers that do not count tokens leave them at 0."""

    requests: int = 0
    """Requests that were sent, repeated ones too."""
    seconds: float = 0.0
    """Seconds from sending to the last byte, summed over requests."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.requests + other.requests,
            self.seconds + other.seconds,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


class UsageCounter:
    """Counts the requests of several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage = Usage()

    def add(self, usage: Usage) -> None:
        with self._lock:
            self._usage += usage

    def take(self) -> Usage:
        """Return what was counted since the last call."""
        with self._lock:
            usage, self._usage = self._usage, Usage()
        return usage
