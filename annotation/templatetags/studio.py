"""Template filters that show figures, states and Markdown the same way on every page."""

import json
import re
from collections.abc import Iterable, Mapping
from math import floor, log10
from typing import Any

from django import template
from django.forms.boundfield import BoundField
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from annotation.shared.amounts import group_digits
from annotation.shared.markdown import render_markdown
from annotation.shared.media_urls import locate_media, locate_present_media
from qsave import words
from qsave.statistics.evidence import Weighed
from qsave.statistics.figures import Estimate, Interval, Undefined

register = template.Library()
_WHITESPACE = re.compile(r"\s+")

STATES = {
    "draft": _("draft"),
    "open": _("open"),
    "paused": _("paused"),
    "closed": _("closed"),
    "archived": _("archived"),
    "queued": _("queued"),
    "running": _("running"),
    "done": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "building": _("building"),
    "frozen": _("frozen"),
    "withdrawn": _("withdrawn"),
    "active": _("active"),
    "no job": _("no job"),
    "previewed": _("not started"),
    "undone": _("undone"),
    "blind": _("blind"),
    "assisted": _("assisted"),
}


@register.filter
def state_word(state: str) -> Any:
    """Translate the state of a campaign, a job or a release, or the arm of a rating."""
    return STATES.get(state, state)


register.filter("isolate", words.isolate)
register.simple_tag(locate_media, name="media_url")
register.simple_tag(locate_present_media, name="present_media_url")


@register.filter
def markdown(text: str) -> SafeString:
    """Render Markdown: `{{ guideline.text|markdown }}`."""
    return render_markdown(text)


@register.filter
def list_names(names: Iterable[str]) -> SafeString:
    """Join names by commas, each in its own direction."""
    return format_html_join(", ", "<bdi>{}</bdi>", ((name,) for name in names))


@register.filter
def control(field: BoundField) -> SafeString:
    """Render the control of a form field; its text direction follows from the first letter."""
    holds_text = field.widget_type in {"text", "textarea", "search", "select"}
    return field.as_widget(attrs={"dir": "auto"} if holds_text else None)


@register.filter
def figure(value: Any, digits: int = 2) -> SafeString | str:
    """Format a number with `digits` decimals; an undefined figure says why, None is a dash."""
    if value is None or value == "":
        return "–"
    reason = getattr(value, "reason", None)
    if reason is not None:
        return format_html('<span class="undefined">undefined: {}</span>', reason)
    return f"{float(value):z.{digits}f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def percent(value: Any) -> SafeString | str:
    """Format a share in 0..1 as whole percent. Only an exact 0 is 0%, and only an exact 1 is 100%."""
    if value is None or hasattr(value, "reason"):
        return figure(value)
    if 0 < value < 0.005:
        return "<1%"
    if 0.995 <= value < 1:
        return ">99%"
    return f"{100 * float(value):.0f}%"


@register.filter
def brief(value: Any, digits: int = 2) -> SafeString | str:
    """Format like `figure` for narrow columns: an undefined figure is a dash that opens to the reason."""
    reason = getattr(value, "reason", None)
    return figure(value, digits) if reason is None else _make_dash(reason)


@register.filter
def brief_percent(value: Any) -> SafeString | str:
    """Format like `percent` for narrow columns."""
    reason = getattr(value, "reason", None)
    return percent(value) if reason is None else _make_dash(reason)


def _make_dash(reason: str) -> SafeString:
    return format_html(
        '<details class="dash"><summary>–<span class="visually-hidden"> {}</span></summary>'
        '<p aria-hidden="true">{}</p></details>',
        reason,
        reason,
    )


@register.filter
def three_digits(value: float) -> str:
    """Show a positive number with at most three digits and one decimal, so that a pace does not change every second."""
    if value < 100:
        return f"{value:.1f}".removesuffix(".0")
    return group_digits(int(round(value, 2 - floor(log10(value)))))


@register.filter
def plain(value: Any) -> str:
    """Format a number for HTML attributes: decimal point, no grouping, in every language."""
    return f"{float(value):z.4f}".rstrip("0").rstrip(".")


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Look up a key: `{{ mapping|get:key }}`; None if it is missing."""
    return mapping.get(key)


@register.filter(is_safe=True)
def tight(markup: str) -> str:
    """Write one space for each run of whitespace, for markup that the page repeats; browsers show it the same."""
    return _WHITESPACE.sub(" ", markup)


@register.filter
def pretty(value: Any) -> str:
    """Format as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


@register.filter
def estimate(value: Estimate | None, digits: int = 2) -> SafeString | str:
    """Format a figure with its interval, if it has one."""
    if not value:
        return "–"
    text = figure(value.value, digits)
    if isinstance(value.interval, Undefined):
        return text
    low, high = figure(value.interval.low, digits), figure(value.interval.high, digits)
    return format_html('{} <span class="interval">[{}, {}]</span>', text, low, high)


@register.filter
def readable(value: Weighed | None) -> SafeString | str:
    """Format a weighed figure with its interval; if too few ratings support it, a dash that opens to the reason."""
    if not value:
        return "–"
    return _make_dash(value.thin) if value.thin else brief_estimate(value.estimate)


@register.filter
def population(value: Estimate | None) -> str:
    """Return for whom the interval of an estimate holds ("for these raters"); empty if it holds for everybody."""
    return value.interval.population if value and isinstance(value.interval, Interval) else ""


@register.filter
def brief_estimate(value: Estimate | None, digits: int = 2) -> SafeString | str:
    """Format like `estimate` for narrow columns: an undefined figure is a dash that opens to the reason."""
    if value and isinstance(value.value, Undefined):
        return _make_dash(value.value.reason)
    return estimate(value, digits)
