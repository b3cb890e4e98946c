"""Filters that show figures, and Markdown, the same way on every page."""

import json
from collections.abc import Mapping
from typing import Any

from django import template
from django.forms.boundfield import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from annotation.shared.markdown import to_html
from qsave import words

register = template.Library()

_STATES = {
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
    "blind": _("blind"),
    "assisted": _("assisted"),
}


@register.filter
def state_word(state: str) -> Any:
    """The state of a campaign, a job or a release, or the arm of a rating, as a reader calls it."""
    return _STATES.get(state, state)


register.filter("isolate", words.isolate)


@register.filter
def markdown(text: str) -> SafeString:
    """`{{ guideline.text|markdown }}`"""
    return to_html(text)


@register.filter
def control(field: BoundField) -> SafeString:
    """Render the control of a form field. What people type or choose takes its direction from its first letter."""
    holds_text = field.widget_type in {"text", "textarea", "search", "select"}
    return field.as_widget(attrs={"dir": "auto"} if holds_text else None)


@register.filter
def figure(value: Any, digits: int = 2) -> SafeString | str:
    """A number with so many decimals; a figure that is undefined says why; nothing at all is a dash."""
    if value is None or value == "":
        return "–"
    reason = getattr(value, "reason", None)
    if reason is not None:
        return format_html('<span class="undefined">undefined: {}</span>', reason)
    return f"{float(value):z.{digits}f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def percent(value: Any) -> SafeString | str:
    """A share in 0..1 as whole percent. 0% and 100% are said only of none and of all."""
    if value is None or hasattr(value, "reason"):
        return figure(value)
    if 0 < value < 0.005:
        return "<1%"
    if 0.995 <= value < 1:
        return ">99%"
    return f"{100 * float(value):.0f}%"


@register.filter
def brief(value: Any, digits: int = 2) -> SafeString | str:
    """As `figure`, for narrow columns: an undefined figure is a dash that tells why when pointed at or read out."""
    reason = getattr(value, "reason", None)
    return figure(value, digits) if reason is None else _dash(reason)


@register.filter
def brief_percent(value: Any) -> SafeString | str:
    """As `percent`, for narrow columns."""
    reason = getattr(value, "reason", None)
    return percent(value) if reason is None else _dash(reason)


def _dash(reason: str) -> SafeString:
    return format_html('<abbr title="{}">–</abbr><span class="visually-hidden"> {}</span>', reason, reason)


@register.filter
def short(value: float) -> str:
    """Three significant digits, for figures of any size: losses, learning rates."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


@register.filter
def brief_words(text: str) -> SafeString | str:
    """A figure in words, for narrow columns: "undefined: why" is a dash that tells why."""
    is_undefined = str(text).startswith("undefined")
    return _dash(str(text).removeprefix("undefined").lstrip(": ")) if is_undefined else text


@register.filter
def plain(value: Any) -> str:
    """A number as SVG and HTML attributes want it: a point, no grouping, whatever the language."""
    return f"{float(value):z.4f}".rstrip("0").rstrip(".")


@register.filter
def get(mapping: Mapping[Any, Any], key: Any) -> Any:
    """`{{ mapping|get:key }}`; nothing if the key is missing."""
    return mapping.get(key)


@register.filter
def flat(counts: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Counts within counts as one list of (label, count): `{"sft": {"train": 3}}` is `sft, train`: 3."""
    lines: list[tuple[str, Any]] = []
    for name, value in counts.items():
        label = f"{before}, {name}" if before else str(name)
        words = label.replace("_", " ")
        lines += flat(value, label) if isinstance(value, Mapping) else [(words, value)]
    return lines


@register.filter
def pretty(value: Any) -> str:
    """JSON for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


@register.filter
def estimate(value: Any, digits: int = 2) -> SafeString | str:
    """A figure with its interval, from an `Estimate` or from the JSON of an evaluation; says why if it is undefined."""
    if value is None:
        return "–"
    point, low, high = _parts(value)
    if point is None or hasattr(point, "reason"):
        return figure(point, digits)
    shown = figure(point, digits)
    if low is None or high is None:
        return shown
    return format_html('{} <span class="interval">[{}, {}]</span>', shown, figure(low, digits), figure(high, digits))


@register.filter
def readable(value: Any, digits: int = 2) -> SafeString | str:
    """A weighed figure with its interval where it can be read; else a dash that tells why when pointed at or read
    out. None is a dash."""
    if value is None:
        return "–"
    return _dash(value.thin) if value.thin else brief_estimate(value.estimate, digits)


@register.filter
def population(value: Any) -> str:
    """Whom the interval of an `Estimate` holds for, where that is not everybody: "for these raters"."""
    return str(getattr(getattr(value, "interval", None), "population", ""))


@register.filter
def brief_estimate(value: Any, digits: int = 2) -> SafeString | str:
    """As `estimate`, for narrow columns: a dash that tells why."""
    point = None if value is None else _parts(value)[0]
    reason = getattr(point, "reason", None)
    return estimate(value, digits) if reason is None else _dash(reason)


def _parts(value: Any) -> tuple[Any, Any, Any]:
    if isinstance(value, Mapping):
        if "undefined" in value:
            return _Reason(str(value["undefined"])), None, None
        return value.get("value"), value.get("low"), value.get("high")
    interval = getattr(value, "interval", None)
    point = getattr(value, "value", value)
    return point, getattr(interval, "low", None), getattr(interval, "high", None)


class _Reason:
    def __init__(self, reason: str) -> None:
        self.reason = reason
