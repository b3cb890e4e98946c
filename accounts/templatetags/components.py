"""`{% dialog %}..{% enddialog %}`: the component with a body. The others are includes of `templates/_components`."""

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.text import slugify

register = template.Library()


@register.simple_block_tag(takes_context=True, end_name="enddialog")
def dialog(context: template.Context, content: str, *name: object, **options: Any) -> SafeString:
    """Show a button that opens a dialog with a form: `{% dialog "close" panel.pk action=url label=_("Close") %}`.

    The body says what will happen, and may hold fields. `name` makes the id; it is unique on its page.

    Options: `action` is the address of the form; `label` is on the button that opens; `title` is the heading, and the
    button that acts (default: the label); `danger` marks what cannot be undone or shuts somebody out; `style` is the
    class of the button that opens (default: "button-small"); `key` is the key that opens, on a page whose script
    presses what has `data-key`.
    """
    identifier = slugify("-".join(str(part) for part in ("dialog", *name)))
    request = context.get("request")
    values = {"title": options["label"], "style": "button-small"} | options
    return render_to_string("_components/dialog.html", values | {"id": identifier, "content": content}, request)
