"""Build HTML as a tree, so that untrusted text cannot become a tag, and write it as a page that needs no other file.

A page loads only the clip: style and pictures are inside the page, and there are no scripts. A Content-Security-Policy
makes the browser enforce this, in case the escaping fails.
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
    """Make `<tag attributes>children</tag>`; text is escaped, children that are None are skipped.

    `class_` becomes `class`, `aria_label` becomes `aria-label`.
    """
    parent = Element(tag, {name.rstrip("_").replace("_", "-"): clean(value) for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, str):
            text = clean(child)
            if last is None:
                parent.text = (parent.text or "") + text
            else:
                last.tail = (last.tail or "") + text
        elif child is not None:
            parent.append(child)
            last = child
    return parent


def clean(text: str) -> str:
    """Replace characters that HTML cannot contain."""
    return _NOT_IN_HTML.sub("\ufffd", text)


def render_document(title: str, *body: Child) -> str:
    """Write a whole page."""
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


def is_ours(path: Path) -> bool:
    """Whether `render_document` made the page in a file."""
    return path.is_file() and f'content="{_MAKER}"' in path.read_text(encoding="utf-8", errors="replace")


def encode_picture(pixels: Pixels) -> str:
    """Encode a picture (h, w, 3) as a JPEG inside the page."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
