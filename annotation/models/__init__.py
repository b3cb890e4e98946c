"""The tables of annotation (Django needs them importable from here)."""

from annotation.models.campaigns import (
    LEFT_OUT,
    Arm,
    Campaign,
    Exposure,
    Guideline,
    GuidelineExample,
    Item,
    Offer,
    SavedWork,
    Slot,
)
from annotation.models.clips import FILE_FIELDS, Clip, ClipVersion, GroupedPrompt, PromptGroup, Split, VideoFile
from annotation.models.figures import AgreementFigures, AgreementSection
from annotation.models.imports import ClipImport, ImportRow
from annotation.models.judgements import AbsentClip, ImportedJudgement, JudgementImport, RefusedJudgement
from annotation.models.people import CampaignInvitation, CampaignMember, Panel, PanelParticipant, Qualification
from annotation.models.prompt_index import PromptToken, TokenSet
from annotation.models.ratings import (
    AxisAnswer,
    Draft,
    Rating,
    RatingRevision,
    Review,
    Screening,
    Skip,
    make_blind_condition,
)
from annotation.models.splits import HeldOutGenerator, SplitShares
from annotation.models.summaries import ItemDefect, ItemSummary

__all__ = [
    "FILE_FIELDS",
    "LEFT_OUT",
    "AbsentClip",
    "AgreementFigures",
    "AgreementSection",
    "Arm",
    "AxisAnswer",
    "Campaign",
    "CampaignInvitation",
    "CampaignMember",
    "Clip",
    "ClipImport",
    "ClipVersion",
    "Draft",
    "Exposure",
    "GroupedPrompt",
    "Guideline",
    "GuidelineExample",
    "HeldOutGenerator",
    "ImportRow",
    "ImportedJudgement",
    "Item",
    "ItemDefect",
    "ItemSummary",
    "JudgementImport",
    "Offer",
    "Panel",
    "PanelParticipant",
    "PromptGroup",
    "PromptToken",
    "Qualification",
    "Rating",
    "RatingRevision",
    "RefusedJudgement",
    "Review",
    "SavedWork",
    "Screening",
    "Skip",
    "Slot",
    "Split",
    "SplitShares",
    "TokenSet",
    "VideoFile",
    "make_blind_condition",
]
