"""The tables of the rating floor (Django wants them importable from here)."""

from annotation.models.campaigns import Arm, Campaign, Guideline, Item, Offer, SavedWork, Slot
from annotation.models.clips import Clip, PromptGroup, Split
from annotation.models.ratings import (
    AxisAnswer,
    Draft,
    Exposure,
    Rating,
    RatingRevision,
    Review,
    Screening,
    Skip,
)

__all__ = [
    "Arm",
    "AxisAnswer",
    "Campaign",
    "Clip",
    "Draft",
    "Exposure",
    "Guideline",
    "Item",
    "Offer",
    "PromptGroup",
    "Rating",
    "RatingRevision",
    "Review",
    "SavedWork",
    "Screening",
    "Skip",
    "Slot",
    "Split",
]
