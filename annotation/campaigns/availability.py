"""Decide whether the items of a clip can be given out."""

from annotation.models import Clip, Item


def choose_availability(clip: Clip) -> Item.Availability:
    """Return the availability of an item that no rater has reported and no lead has excluded."""
    if clip.is_withdrawn:
        return Item.Availability.WITHDRAWN
    return Item.Availability.AVAILABLE if clip.is_ready else Item.Availability.PREPARING
