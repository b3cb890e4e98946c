"""What pages of other apps show about drafting."""

from typing import Any

from django import template

from annotation.models import Campaign, Item
from modelassist.models import Activation
from modelassist.reads.clip_predictions import read_clip_predictions
from qsave.axes import AXES

register = template.Library()


@register.inclusion_tag("modelassist/_drafting_pause.html", takes_context=True)
def drafting_pause(context: dict[str, Any], campaign: Campaign) -> dict[str, Any]:
    """Show a notice if drafting for the campaign is paused: why, until when, and a button that tries again now."""
    paused = Activation.objects.exclude(retry_at=None).select_related("critic", "campaign")
    return {
        "pause": paused.filter(campaign=campaign).first() if campaign.active_critic else None,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("modelassist/_clip_predictions.html")
def clip_predictions(item: Item) -> dict[str, Any]:
    """Show what critics predict of a clip, unless a lead has yet to decide on it."""
    return {"predictions": read_clip_predictions(item), "axes": AXES}
