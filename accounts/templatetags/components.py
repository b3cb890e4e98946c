"""The components with a body, `{% dialog %}` and `{% keys %}`. The others are includes of `templates/_components`."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify

register = template.Library()


@register.simple_block_tag(takes_context=True, end_name="enddialog")
def dialog(context: template.Context, content: str, *name: object, **options: Any) -> SafeString:
    """Show a button that opens a dialog with a form: `{% dialog "close" panel.pk action=url label=_("Close") %}`.

    The body says what will happen, and may hold fields. `name` makes the id; it is unique on its page.

    Options: `action` is the address of the form; `label` is on the button that opens and on the one that acts; `title`
    is the heading (default: the label); `danger` marks what cannot be undone or shuts somebody out; `style` is the
    class of the button that opens (default: "button-small"); `key` is the key that opens, on a page whose script
    presses what has `data-key`.
    """
    identifier = slugify("-".join(str(part) for part in ("dialog", *name)))
    request = context.get("request")
    values = {"title": options["label"], "style": "button-small"} | options
    return render_to_string("_components/dialog.html", values | {"id": identifier, "content": content}, request)


@register.simple_block_tag(end_name="endkeys")
def keys(content: str, identifier: str, title: str) -> SafeString:
    """Show the keys of a page in a dialog; the body has a `{% key %}` for each."""
    return render_to_string("_components/keys.html", {"id": identifier, "title": title, "content": content})


@register.simple_tag
def key(names: str, act: str) -> SafeString:
    """Show what keys do. Spaces part the keys, and a plus joins two that are pressed together: `"Shift+L M"`."""
    parts = [((name,) if name == "+" else name.split("+")) for name in names.split()]
    pressed = [(format_html_join("+", "<kbd>{}</kbd>", ((one,) for one in part)),) for part in parts]
    return format_html("<div><dt>{}</dt> <dd>{}</dd></div>", format_html_join(" ", "{}", pressed), act)
