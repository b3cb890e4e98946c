"""The one guard around everything done with one file.

A file comes from a stranger: whatever its content sets off is that file's problem, and the other files go on. Trouble
of the machine (a full disk, no memory, too many open files) is no fault of a file and ends the work as a whole.
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
    """A file that cannot be used; the message says why in a full sentence, without the server's path.

    Whoever shows it puts a name before it (`clip-1.mp4: The file is empty (0 bytes).`) and no sentence of their own.
    """


@contextmanager
def one_file(*, output: Path | None = None, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what the content of one file causes in the block into MediaError; trouble of the machine passes.

    `output` is the folder that the block writes to: an OSError about a path in it is the machine's. `passing` are
    further exceptions that pass: refusals with a reason of their own, a lost database.
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
    except Exception as error:  # the edge of foreign content: whatever it sets off is its own problem
        logger.warning("A file was refused for an error that nobody foresaw", exc_info=True)
        what = getattr(error, "strerror", None) or type(error).__name__  # FFmpeg's errors have words
        raise MediaError(f"The file cannot be used: reading it ends in an error ({what}).") from error


def _is_in(folder: Path | None, name: object) -> bool:
    return folder is not None and isinstance(name, str | Path) and Path(name).is_relative_to(folder)
