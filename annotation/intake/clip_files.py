"""Make the files of a clip beside its original: poster and rendition, with the times of its frames."""

from pathlib import Path
from typing import Any

from django.conf import settings

from annotation.intake.media_store import move_into_store
from annotation.models import Clip
from qsave.frames.inspection import inspect
from qsave.frames.probe import MediaFacts
from qsave.frames.rendition import needs_rendition, write_rendition
from qsave.frames.slowfast import FrameConfig
from qsave.frames.times import read_shown_times


def make_files(original: Path, sha256: str, work_folder: Path) -> tuple[dict[str, Any], str]:
    """Make poster, rendition and frame times of a clip; return the values of its row, and a remark.

    Raises MediaError, and leaves nothing in the store then.
    """
    config = FrameConfig()
    poster = work_folder / "poster.jpg"
    inspection = inspect(original, config, poster)
    facts, times = inspection.facts, inspection.times
    playable, loss = _make_playable(original, facts, work_folder)
    values = {
        "shown_times": list(read_shown_times(playable)),
        "has_audio": facts.has_audio and not loss,
        "frame_times": {config.compute_key(): {"fast": list(times.fast), "slow": list(times.slow)}},
    }
    values["poster"] = move_into_store(poster, "posters", sha256, ".jpg")
    is_same = playable is original
    values["rendition"] = "" if is_same else move_into_store(playable, "renditions", sha256, ".mp4")
    return values, loss


def has_lost_files(clip: Clip) -> bool:
    """Return whether a file of a clip is not in the store."""
    names = filter(None, (clip.original, clip.poster, clip.rendition))
    return not all((Path(settings.MEDIA_ROOT) / name).is_file() for name in names)


def _make_playable(original: Path, facts: MediaFacts, work_folder: Path) -> tuple[Path, str]:
    if not needs_rendition(facts):
        return original, ""
    rendition = work_folder / "rendition.mp4"
    return rendition, write_rendition(original, rendition)
