"""Read lines from a pipe, with a limit on how long to wait for the next one."""

import os
import select
import time


class PipeEndedError(EOFError):
    """The other end of the pipe is closed."""


class LineReader:
    """Reads lines from a file descriptor that nothing else reads."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def read_line(self, seconds: float) -> bytes | None:
        """Return the next line; None if it is not complete after `seconds`. Raises PipeEndedError at the end."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return None
            self._read_part()
        return self._take_line()

    def wait_for_line(self) -> bytes:
        """Return the next line, however long it takes. Raises PipeEndedError at the end."""
        while b"\n" not in self._rest:
            self._read_part()
        return self._take_line()

    def _read_part(self) -> None:
        part = os.read(self._descriptor, 1 << 16)
        if not part:
            raise PipeEndedError
        self._rest += part

    def _take_line(self) -> bytes:
        line, _, self._rest = self._rest.partition(b"\n")
        return line
