"""Read the card and the licence that a model folder brings with it, in the form of Hugging Face model cards."""

import re
from pathlib import Path

from annotation.shared.text import clean_text
from modelassist.models import Critic

CARD_FILE = "README.md"
_CARD_BYTES = 200_000
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n", re.DOTALL)
_LICENCE = re.compile(r"^(?:license|licence)(_name)?:[ \t]*[\"']?([^\"'\r\n#]+)", re.MULTILINE)
_LICENCE_LENGTH = Critic._meta.get_field("licence").max_length or 120


def read_card(folder: Path | None) -> str:
    """Return the text of a folder's card, without its front matter; empty if it has none."""
    return _FRONT_MATTER.sub("", _read(folder), count=1).strip()


def read_licence(folder: Path | None) -> str:
    """Return the licence that the front matter of a folder's card names; empty if it names none."""
    front = _FRONT_MATTER.match(_read(folder))
    named = {bool(suffix): value.strip() for suffix, value in _LICENCE.findall(front[1])} if front else {}
    licence = named.get(False, "")
    if licence in ("", "other"):
        licence = named.get(True) or licence
    return str(licence[:_LICENCE_LENGTH])


def _read(folder: Path | None) -> str:
    """Read the start of a folder's card; what cannot be read is as if it did not exist."""
    if folder is None:
        return ""
    try:
        with (folder / CARD_FILE).open("rb") as file:
            return clean_text(file.read(_CARD_BYTES).decode("utf-8", errors="replace"))
    except OSError:
        return ""
