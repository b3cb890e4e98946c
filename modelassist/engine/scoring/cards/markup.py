"""HTML written as a tree, so that nothing a stranger typed can become a tag, and a page that stands on its own.

A page loads nothing but the clip beside it: style and pictures are inside, and there are no scripts. It says so to the
browser (Content-Security-Policy) as a second bar behind the escaping.
"""

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from PIL import Image

from qsave.frames.slowfast import Pixels

_STYLE = Path(__file__).with_name("card.css")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self' file:"
_MAKER = "Q-Save Studio: score"
_NOT_IN_HTML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")

Child = Element | str | None


def element(tag: str, *children: Child, **attributes: str) -> Element:
    """`<tag attributes>children</tag>`; text is escaped, None is left out. `class_` is `class`, `aria_label` is
    `aria-label`."""
    made = Element(tag, {name.rstrip("_").replace("_", "-"): clean(value) for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            text = clean(child)
            if last is None:
                made.text = (made.text or "") + text
            else:
                last.tail = (last.tail or "") + text
        elif child is not None:
            made.append(child)
            last = child
    return made


def clean(text: str) -> str:
    """Text without what HTML cannot hold."""
    return _NOT_IN_HTML.sub("\ufffd", text)


def document(title: str, *body: Child) -> str:
    """A whole page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", **{"http-equiv": "Content-Security-Policy", "content": _POLICY}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="generator", content=_MAKER),
        element("title", title),
        element("style", _STYLE.read_text(encoding="utf-8")),
    )
    root = element("html", head, element("body", element("main", *body)), lang="en")
    return "<!doctype html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"


def made_here(path: Path) -> bool:
    """Whether a file is a page that `document` made."""
    return path.is_file() and f'content="{_MAKER}"' in path.read_text(encoding="utf-8", errors="replace")


def data_uri(pixels: Pixels) -> str:
    """A picture (h, w, 3) as a JPEG inside the page."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
