"""Processes that work on an import, one for each core. Each works through its rows until none is left.

They are processes, not threads: a video that ends the process which decodes it ends neither the site's worker nor the
import. The last thing that one writes is the error of the machine for which it gave up, if any.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from annotation.intake.child_processes import set_up_process, start_process

if TYPE_CHECKING:
    from annotation.models import ClipImport

POLL_SECONDS = 0.2
MODULE = "annotation.intake.import_helpers"
GAVE_UP = 3
"""The exit code of a helper that met an error of the machine."""
MOST_IDLE_DEATHS = 3
"""How many helpers may die before they claim a row, until the import is given up."""


class HelpersDie(OSError):
    """The helpers of an import end before they read a video."""

    def __init__(self) -> None:
        super().__init__(0, _("The processes that read the videos end at once, see the worker's log"))


@dataclass(frozen=True, slots=True)
class Helper:
    """A process, and the name under which it claims rows."""

    name: str
    process: "subprocess.Popen[bytes]"

    def read_error(self) -> OSError:
        """Return the error for which it gave up. It has ended."""
        assert self.process.stdout is not None
        number, reason = json.loads(self.process.stdout.read())
        return OSError(number, reason)

    def end(self) -> None:
        """End the process at once. This is safe at any point: another helper repeats its rows."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with suppress(OSError):
                stream.close()


def run_helpers(clip_import: "ClipImport", count: int, report: Callable[[], None]) -> None:
    """Let `count` helpers work until no row can be claimed. One that dies lets its rows go and is replaced.

    `report` is called several times a second and may end the work by an exception. Raises OSError for an error of the
    machine.
    """
    from annotation.intake.row_release import release_rows

    helpers = [_start(clip_import.pk) for _ in range(count)]
    idle_deaths = 0
    try:
        while helpers:
            report()
            for helper in _wait_for_ended(helpers):
                helpers.remove(helper)
                helper.end()
                if not helper.process.returncode:
                    continue
                idle_deaths = 0 if release_rows(clip_import, [helper.name], died=True) else idle_deaths + 1
                if idle_deaths == MOST_IDLE_DEATHS:
                    raise HelpersDie
                helpers.append(_start(clip_import.pk))
    finally:
        for helper in helpers:
            helper.end()
        release_rows(clip_import, [helper.name for helper in helpers])


def _wait_for_ended(helpers: list[Helper]) -> list[Helper]:
    """Return the helpers that have ended after a moment. Raises the OSError for which one of them gave up."""
    with suppress(subprocess.TimeoutExpired):
        helpers[0].process.wait(POLL_SECONDS)
    ended = [helper for helper in helpers if helper.process.poll() is not None]
    for helper in ended:
        if helper.process.returncode == GAVE_UP:
            raise helper.read_error()
    return ended


def _start(pk: int) -> Helper:
    from annotation.intake.row_claims import name_worker

    name = name_worker()
    return Helper(name, start_process(MODULE, str(pk), name))


def main() -> None:
    """Work through the rows of the import with key `argv[1]` under the worker's name `argv[2]`."""
    answer = set_up_process()
    from annotation.intake.row_work import work_through_rows
    from annotation.models import ClipImport

    clip_import = ClipImport.objects.select_related("campaign", "created_by").get(pk=sys.argv[1])
    try:
        work_through_rows(clip_import, worker=sys.argv[2])
    except OSError as error:
        with answer:
            json.dump([error.errno or 0, error.strerror or type(error).__name__], answer)
        sys.exit(GAVE_UP)


if __name__ == "__main__":
    main()
