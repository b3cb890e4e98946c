"""What pages of other apps show about drafting."""

from typing import Any

from django import template

from annotation.models import Campaign
from modelassist.models import Activation

register = template.Library()


@register.inclusion_tag("modelassist/_drafting_pause.html", takes_context=True)
def drafting_pause(context: dict[str, Any], campaign: Campaign) -> dict[str, Any]:
    """Show a notice if drafting for the campaign is paused: why, until when, and a button that tries again now."""
    paused = Activation.objects.exclude(retry_at=None).select_related("critic", "campaign")
    return {
        "pause": paused.filter(campaign=campaign).first() if campaign.active_critic else None,
        "csrf_token": context.get("csrf_token"),
    }
