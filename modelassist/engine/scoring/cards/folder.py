"""Write a folder of report cards as HTML: a page for each clip, and a list of all clips."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote
from xml.etree.ElementTree import Element

from modelassist.engine.inputs.examples import DataError
from modelassist.engine.scoring.cards.markup import element, is_ours, render_document
from modelassist.engine.scoring.cards.page import (
    INDEX,
    describe_scorer,
    render_card_page,
    render_prompt,
    render_scores,
)
from modelassist.engine.scoring.lines import ScoreLine, Scorer
from modelassist.engine.scoring.sources import Clip
from qsave.files import atomic_path
from qsave.frames.guard import MediaError, guard_file
from qsave.frames.slowfast import Frames


class CardPages:
    """Pages in `folder`: `index.html` and one for each clip. Raises DataError if another program made `index.html`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = folder / INDEX
        if self.index.exists() and not is_ours(self.index):
            raise DataError(f"{self.index} was not made by this command and is left as it is; name another --html.")
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, line: ScoreLine) -> bool:
        """Whether the page of a line exists."""
        return (self.folder / name_page(line)).is_file()

    def write(self, clip: Clip, line: ScoreLine, frames: Frames | None) -> None:
        """Write the page of one clip; without `frames` it shows only the video, if it can be played."""
        self._write(name_page(line), render_card_page(line, self._find_address(clip, frames), frames))

    def _find_address(self, clip: Clip, frames: Frames | None) -> str | None:
        """Return the clip's address from a page; None if it cannot be played.

        A clip whose frames could not be read cannot be played. A clip that was not read for lack of a prompt may be.
        """
        if frames is None and clip.prompt:
            return None
        try:
            with guard_file():
                path = os.path.relpath(clip.path.resolve(), self.folder.resolve())
                return quote(os.fsencode(path)) if clip.path.is_file() else None
        except MediaError:
            return None

    def write_index(self, lines: Mapping[Clip, ScoreLine], scorer: Scorer) -> None:
        """Write the list of all clips, in their order."""
        title = describe_count(sum(line.card is not None for line in lines.values()), len(lines))
        by = element("p", describe_scorer(scorer), class_="muted")
        entries = [_render_entry(clip, line) for clip, line in lines.items()]
        self._write(INDEX, render_document(title, element("h1", title), by, element("ul", *entries, class_="list")))

    def _write(self, name: str, page: str) -> None:
        with atomic_path(self.folder / name) as unfinished:
            unfinished.write_text(page, encoding="utf-8")


def describe_count(carded: int, clips: int) -> str:
    """Say how many of the clips have a report card."""
    return f"{carded} of {clips} {'clip' if clips == 1 else 'clips'} {'has' if carded == 1 else 'have'} a report card"


def name_page(line: ScoreLine) -> str:
    """Return a file name that contains the clip's name and is unique for the clip and its scorer."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(line.video).stem).strip("-")[:60] or "clip"
    how = line.scorer.samples if not line.scorer.is_direct else "direct"
    parts = (line.video, line.sha256, line.prompt, line.scorer.identity, how)
    digest = hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stem}-{digest[:10]}.html"


def _render_entry(clip: Clip, line: ScoreLine) -> Element:
    name = element("p", element("a", clip.name, href=name_page(line)), class_="name")
    if line.card is None:
        result = element("p", f"No report card: {line.error}", class_="why muted")
    else:
        result = render_scores(line.card)
    return element("li", name, render_prompt(clip.prompt, "p"), result)
