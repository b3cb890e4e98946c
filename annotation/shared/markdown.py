"""Markdown that people wrote, as HTML that is safe to show."""

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt

TAGS = {
    "a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong",
    "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
BLOCKS = {
    f"{block}_open"
    for block in ("paragraph", "heading", "blockquote", "bullet_list", "ordered_list", "list_item", "th", "td")
}
"""Each takes its direction from its own first letter."""
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "*": {"dir"}}
SCHEMES = {"http", "https", "mailto"}

_parser = MarkdownIt("commonmark", {"html": False}).enable("table")


def to_html(text: str) -> SafeString:
    """HTML of Markdown `text`: raw HTML in it is shown as text, and headings start below the page's own."""
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in BLOCKS:
            token.attrSet("dir", "auto")
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener noreferrer")
    return mark_safe(_with_scrolling(clean))  # noqa: S308 - nh3 has just cleaned it


def _with_scrolling(html: str) -> str:
    """Let code and tables that are wider than the page be scrolled by the keyboard too."""
    code, table = escape(_("Code")), escape(_("Table"))
    for tag, replacement in (
        ("<pre>", f'<pre tabindex="0" role="group" aria-label="{code}">'),
        ("<table>", f'<div class="table-scroll" tabindex="0" role="group" aria-label="{table}"><table>'),
        ("</table>", "</table></div>"),
    ):
        html = html.replace(tag, replacement)
    return html
