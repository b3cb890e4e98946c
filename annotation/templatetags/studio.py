"""Filters that show figures, and Markdown, the same way on every page."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from annotation.markdown import to_html

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """`{{ guideline.text|markdown }}`"""
    return to_html(text)


@register.filter
def figure(value: Any, digits: int = 2) -> SafeString | str:
    """A number with so many decimals; a figure that is undefined says why; nothing at all is a dash."""
    if value is None or value == "":
        return "–"
    reason = getattr(value, "reason", None)
    if reason is not None:
        return format_html('<span class="undefined">undefined: {}</span>', reason)
    return f"{float(value):.{digits}f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def percent(value: Any) -> SafeString | str:
    """A share in 0..1 as whole percent."""
    if value is None or hasattr(value, "reason"):
        return figure(value)
    return f"{100 * float(value):.0f}%"


@register.filter
def plain(value: Any) -> str:
    """A number as SVG and HTML attributes want it: a point, no grouping, whatever the language."""
    return f"{float(value):.4f}".rstrip("0").rstrip(".")


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """`{{ mapping|get:key }}`; nothing if the key is missing."""
    return mapping.get(key)
