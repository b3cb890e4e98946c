"""A folder of report cards to read: a page a clip and a list of all."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

from modelassist.engine.card_page import card_page
from modelassist.engine.clips import Clip
from modelassist.engine.markup import document, element
from qsave.axes import AXES
from qsave.files import atomic_path
from qsave.frames.slowfast import Frames


class CardPages:
    """Pages in `folder`: `index.html`, and one a clip."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def has(self, line: Mapping[str, Any]) -> bool:
        return (self.folder / page_name(line)).is_file()

    def write(self, clip: Clip, line: Mapping[str, Any], frames: Frames | None) -> None:
        """The page of one clip; without `frames` it shows the clip alone."""
        video = quote(os.path.relpath(clip.path.resolve(), self.folder.resolve()))
        self._write(page_name(line), card_page(line, video, frames))

    def write_index(self, lines: Mapping[Clip, Mapping[str, Any]]) -> None:
        """The list of all clips, in their order."""
        head = element(
            "tr", *(element("th", name, scope="col") for name in ("clip", "prompt", *(axis.value for axis in AXES)))
        )
        rows = [_row(clip, line) for clip, line in lines.items()]
        table = element("table", element("thead", head), element("tbody", *rows), class_="list")
        title = f"{len(lines)} report cards"
        scrolled = element("div", table, class_="scroll", tabindex="0", role="region", aria_label="report cards")
        self._write("index.html", document(title, element("h1", title), scrolled))

    def _write(self, name: str, page: str) -> None:
        with atomic_path(self.folder / name) as unfinished:
            unfinished.write_text(page, encoding="utf-8")


def page_name(line: Mapping[str, Any]) -> str:
    """A file name that tells the clip, and that no other clip has, nor the same one scored in another way."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(line["video"]).stem).strip("-")[:60] or "clip"
    what = "\0".join(str(line[key]) for key in ("video", "prompt", "identity", "samples"))
    digest = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stem}-{digest[:10]}.html"


def _row(clip: Clip, line: Mapping[str, Any]) -> Element:
    name = element("th", element("a", clip.name, href=page_name(line)), scope="row")
    prompt = element("td", clip.prompt)
    if line["card"] is None:
        return element("tr", name, prompt, element("td", line["error"], class_="problem", colspan=str(len(AXES))))
    return element("tr", name, prompt, *(element("td", f"{line['card'][axis.value]['score']:.2f}") for axis in AXES))
