"""Read the video that is to replace the file of a clip in a process of its own, as an import reads its videos."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotation.intake.child_processes import set_up_process, start_process

if TYPE_CHECKING:
    from annotation.corrections.new_files import NewFile

MODULE = "annotation.corrections.new_file_process"


def read_new_file_apart(path: Path) -> "NewFile":
    """Do what `read_new_file` does. A video that ends the process is refused too; raises OSError for the machine's.

    Without IMPORT_WORKERS this process reads it, as it reads the videos of an import then.
    """
    from annotation.corrections.new_files import NewFile, read_new_file

    if not settings.IMPORT_WORKERS:
        return read_new_file(path)
    with start_process(MODULE, str(path)) as process:
        assert process.stdout is not None
        answer = process.stdout.read()
        process.wait()  # before the end of the block, which closes its input and so ends it
    if process.returncode:
        raise ValidationError(
            {"video": _("The process that read this video ended. Nothing has changed. Choose another file.")}
        )
    result = json.loads(answer)
    if "errno" in result:
        raise OSError(result["errno"], result["reason"])
    if "refusal" in result:
        raise ValidationError({"video": result["refusal"]})
    return NewFile(**result)


def main() -> None:
    """Read the file `argv[1]` into the media store, and write what came of it as JSON."""
    with set_up_process() as answer:
        from annotation.corrections.new_files import read_new_file

        try:
            result = asdict(read_new_file(Path(sys.argv[1])))
        except ValidationError as refusal:
            result = {"refusal": " ".join(refusal.messages)}
        except OSError as error:
            result = {"errno": error.errno or 0, "reason": error.strerror or type(error).__name__}
        json.dump(result, answer)


if __name__ == "__main__":
    main()
