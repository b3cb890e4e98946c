"""List the rows of an import that has no manifest: one for each video in a folder.

The generator is the name of the folder that tells a video from the others. The prompt is in the text file beside the
video that has its name; without one, the file name is the prompt: `a_red_fox-seed=7-2.mp4` is "a red fox" with seed 7.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.intake.manifests import MAX_PROMPT_LENGTH
from annotation.intake.rooted_files import open_below
from annotation.intake.video_folder import walk
from qsave.tables.encoding import read_lines

VIDEO_SUFFIXES = frozenset({".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})
PROMPT_SUFFIX = ".txt"
MAX_PROMPT_BYTES = 4 * MAX_PROMPT_LENGTH
_SEED = re.compile(r"(?:^|[\s_&;,-])seed[\s_=-]?(\d{1,20})(?=$|[\s_&;,-])", re.IGNORECASE)
_SETTING = re.compile(r"[&;]\w+=[^&;]*")
_SAMPLE = re.compile(r"(?<=\S)[_-](\d{1,6})$")

ReadText = Callable[[str], str]


@dataclass(slots=True)
class FolderRows:
    """The rows, in the order of their paths, and remarks on where their values are from."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def needs_generator(self) -> bool:
        """Return whether a video is in no folder that could name its generator."""
        return any(not row["generator"] for row in self.rows)


@dataclass(frozen=True, slots=True)
class NameParts:
    """What the name of a video says. `sample` counts the videos of one prompt."""

    prompt: str
    seed: str = ""
    sample: str = ""


def list_rows_of_folder(
    folder: Path, *, generator: str = "", follow_links: bool = False, root: Path | None = None
) -> FolderRows:
    """List a row for each video below a folder; `generator` is that of videos that are in no folder.

    No link is followed out of `root`. Raises OSError if the folder cannot be read.
    """
    paths = [path.relative_to(folder).as_posix() for path in walk(folder, follow_links=follow_links, root=root)]
    return list_rows(paths, lambda path: _read_start(folder / path, root), generator=generator)


def list_rows(paths: Iterable[str], read_text: ReadText, *, generator: str = "") -> FolderRows:
    """List a row for each video among `paths`; `read_text` returns the content of a text file."""
    visible = sorted(path for path in paths if not is_hidden(path))
    videos = [path for path in visible if PurePosixPath(path).suffix.lower() in VIDEO_SUFFIXES]
    texts = {path[: -len(PROMPT_SUFFIX)]: path for path in visible if path.lower().endswith(PROMPT_SUFFIX)}
    generators = name_generators(videos)
    result = FolderRows()
    for path in videos:
        stem = str(PurePosixPath(path).with_suffix(""))
        parts = parse_name(PurePosixPath(path).stem)
        prompt = read_text(texts[stem]) if stem in texts else parts.prompt
        values = {"seed": parts.seed, "sample": parts.sample}
        row = {"video": path, "prompt": prompt, "generator": generators[path] or generator}
        result.rows.append(row | {name: value for name, value in values.items() if value})
    described = sum(str(PurePosixPath(path).with_suffix("")) in texts for path in videos)
    result.notes = list(_describe(videos, described, len(visible) - len(videos) - described))
    return result


def write_rows(rows: Iterable[dict[str, Any]], path: Path) -> None:
    """Write rows as a JSONL manifest."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def name_generators(videos: Sequence[str]) -> dict[str, str]:
    """Return the generator of each video: the first folder in which the paths differ.

    Videos that are all in one folder have its name. A video above the folders of the others has none.
    """
    folders = {path: PurePosixPath(path).parent.parts for path in videos}
    common = _find_common(list(folders.values()))
    if all(parts == common for parts in folders.values()):
        return dict.fromkeys(videos, common[-1] if common else "")
    return {path: parts[len(common)] if len(parts) > len(common) else "" for path, parts in folders.items()}


def parse_name(stem: str) -> NameParts:
    """Read the prompt, the seed and the number of the sample from a file name without its suffix.

    Underscores stand for spaces, and so do dashes in a name without spaces and underscores: `a close-up of a fox`
    keeps its dash.
    """
    seeds = _SEED.findall(stem)
    rest = _SETTING.sub("", _SEED.sub("", stem))
    sample = _SAMPLE.search(rest)
    words = rest[: sample.start()] if sample else rest
    spaced = words if " " in words else words.replace("_", " ") if "_" in words else words.replace("-", " ")
    return NameParts(" ".join(spaced.split()), seeds[0] if seeds else "", sample[1] if sample else "")


def is_hidden(path: str) -> bool:
    """Return whether a path is of the system's own files: `.DS_Store`, `__MACOSX/`, `Thumbs.db`."""
    parts = path.split("/")
    return any(part.startswith((".", "__MACOSX")) for part in parts) or parts[-1].lower() in {
        "thumbs.db",
        "desktop.ini",
    }


def _find_common(folders: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the folders that all paths begin with."""
    shortest, longest = (min(folders), max(folders)) if folders else ((), ())
    count = 0
    for first, last in zip(shortest, longest, strict=False):
        if first != last:
            break
        count += 1
    return shortest[:count]


def decode_prompt(content: bytes) -> str:
    """Return the text of a file, in whichever encoding it was saved."""
    return "".join(read_lines(BytesIO(content))).strip()


def _read_start(path: Path, root: Path | None) -> str:
    """Return the text of a file, or "" if it cannot be read. A text too long for a prompt is cut past the limit."""
    try:
        with open_below(root, path) if root else path.open("rb") as file:
            return decode_prompt(file.read(MAX_PROMPT_BYTES + 1))
    except OSError:
        return ""


def _describe(videos: Sequence[str], described: int, others: int) -> Iterator[str]:
    if not videos:
        return
    yield _("There is no manifest. The folder of each video is its generator.")
    if described:
        yield ngettext(
            "The prompt of %(n)s video is in the text file beside it.",
            "The prompts of %(n)s videos are in the text files beside them.",
            described,
        ) % {"n": described}
    if len(videos) > described:
        yield ngettext(
            "The prompt of %(n)s video is read from its file name: underscores are spaces, a number at the end counts "
            "samples, and seed=N is the seed.",
            "The prompts of %(n)s videos are read from their file names: underscores are spaces, a number at the end "
            "counts samples, and seed=N is the seed.",
            len(videos) - described,
        ) % {"n": len(videos) - described}
    if others:
        yield ngettext(
            "%(n)s file is neither a video nor the text of one. It is left out.",
            "%(n)s files are neither videos nor the texts of one. They are left out.",
            others,
        ) % {"n": others}
