"""Guard all work with one untrusted file.

An error that the content of a file causes concerns that file alone; the work on other files continues. An error of the
machine (a full disk, no memory, too many open files) is not caused by a file and ends the whole work.
"""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

_MACHINE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)


class MediaError(ValueError):
    """A file cannot be used; the message says why in a full sentence, without the server's path.

    Callers show it after the file's name (`clip-1.mp4: The file is empty (0 bytes).`) and add no sentence of their own.
    """


@contextmanager
def guard_file(*, output: Path | None = None, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn errors that the content of one file causes in the block into MediaError; errors of the machine pass.

    `output` is the folder that the block writes to: an OSError about a path in it is the machine's. `passing` are
    further exceptions that pass, such as refusals with their own reason or a lost database.
    """
    passes: tuple[type[Exception], ...] = (MediaError, MemoryError, *passing)
    try:
        yield
    except passes:
        raise
    except OSError as error:
        if error.errno in _MACHINE_ERRORS or _is_in(output, error.filename):
            raise
        raise MediaError(f"The file cannot be read: {error.strerror or str(error) or type(error).__name__}.") from error
    except Exception as error:  # an untrusted file may cause any exception; it concerns this file alone
        logger.warning("A file was refused because of an unexpected error", exc_info=True)
        what = getattr(error, "strerror", None) or type(error).__name__  # FFmpeg's errors have a text
        raise MediaError(f"The file cannot be used: reading it ends in an error ({what}).") from error


def _is_in(folder: Path | None, name: object) -> bool:
    return folder is not None and isinstance(name, str | Path) and Path(name).is_relative_to(folder)
