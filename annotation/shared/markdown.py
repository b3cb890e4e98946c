"""Render Markdown that people wrote as safe HTML."""

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
"""Blocks whose text direction follows from their own first letter."""
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "*": {"dir"}}
SCHEMES = {"http", "https", "mailto"}

_parser = MarkdownIt("commonmark", {"html": False}).enable("table")


def render_markdown(text: str) -> SafeString:
    """Render Markdown: raw HTML in it is shown as text, and headings start below the page's own."""
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in BLOCKS:
            token.attrSet("dir", "auto")
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener noreferrer")
    return mark_safe(_make_scrollable(clean))  # noqa: S308 - nh3 has just cleaned it


def _make_scrollable(html: str) -> str:
    """Make wide code and tables scrollable by keyboard."""
    code, table = escape(_("Code")), escape(_("Table"))
    for tag, replacement in (
        ("<pre>", f'<pre tabindex="0" role="group" aria-label="{code}">'),
        ("<table>", f'<div class="table-scroll" tabindex="0" role="group" aria-label="{table}"><table>'),
        ("</table>", "</table></div>"),
    ):
        html = html.replace(tag, replacement)
    return html
