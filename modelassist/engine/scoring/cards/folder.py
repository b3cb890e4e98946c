"""A folder of report cards to read: a page a clip and a list of all."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

from modelassist.engine.inputs.examples import DataError
from modelassist.engine.scoring.cards.markup import document, element, made_here
from modelassist.engine.scoring.cards.page import INDEX, asked, card_page, judged, scores
from modelassist.engine.scoring.lines import By
from modelassist.engine.scoring.sources import Clip
from qsave.files import atomic_path
from qsave.frames.guard import MediaError, one_file
from qsave.frames.slowfast import Frames
from qsave.report_card import card_from_json


class CardPages:
    """Pages in `folder`: `index.html`, and one a clip. Raises DataError where the index is somebody else's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = folder / INDEX
        if self.index.exists() and not made_here(self.index):
            raise DataError(f"{self.index} was not made by this command and is left as it is; name another --html")
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, line: Mapping[str, Any]) -> bool:
        return (self.folder / page_name(line)).is_file()

    def write(self, clip: Clip, line: Mapping[str, Any], frames: Frames | None) -> None:
        """The page of one clip; without `frames` it shows the clip alone, if that can be played."""
        self._write(page_name(line), card_page(line, self._address(clip, frames), frames))

    def _address(self, clip: Clip, frames: Frames | None) -> str | None:
        """Where a page finds the clip; None if it is not played. A clip whose frames could not be read is not; one that
        nobody looked at, for want of a prompt, may be."""
        if frames is None and clip.prompt:
            return None
        try:
            with one_file():
                there = os.path.relpath(clip.path.resolve(), self.folder.resolve())
                return quote(os.fsencode(there)) if clip.path.is_file() else None
        except MediaError:
            return None

    def write_index(self, lines: Mapping[Clip, Mapping[str, Any]], by: By) -> None:
        """The list of all clips, in their order."""
        title = tally(sum(line["card"] is not None for line in lines.values()), len(lines))
        who = element("p", judged(by.model, by.identity, by.samples), class_="muted")
        entries = [_entry(clip, line) for clip, line in lines.items()]
        self._write(INDEX, document(title, element("h1", title), who, element("ul", *entries, class_="list")))

    def _write(self, name: str, page: str) -> None:
        with atomic_path(self.folder / name) as unfinished:
            unfinished.write_text(page, encoding="utf-8")


def tally(carded: int, clips: int) -> str:
    """How many have a card, in words."""
    return f"{carded} of {clips} {'clip' if clips == 1 else 'clips'} {'has' if carded == 1 else 'have'} a report card"


def page_name(line: Mapping[str, Any]) -> str:
    """A file name that tells the clip, and that no other clip has, nor the same one scored in another way."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(line["video"]).stem).strip("-")[:60] or "clip"
    what = "\0".join(str(line[key]) for key in ("video", "sha256", "prompt", "identity", "samples"))
    digest = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stem}-{digest[:10]}.html"


def _entry(clip: Clip, line: Mapping[str, Any]) -> Element:
    name = element("p", element("a", clip.name, href=page_name(line)), class_="name")
    if line["card"] is None:
        found = element("p", f"No report card: {line['error']}", class_="why muted")
    else:
        found = scores(card_from_json(line["card"]))
    return element("li", name, asked(clip.prompt, "p"), found)
