"""The tables of critics (Django needs them importable from here)."""

from modelassist.models.critics import (
    DRAFTED_STATES,
    Activation,
    ActivationPeriod,
    Consent,
    Critic,
    DraftingStop,
    FailedDraft,
    Run,
    StopRules,
)
from modelassist.models.fits import DetectorFit
from modelassist.models.predictions import Prediction, PredictionSet
from modelassist.models.readings import ClipReadings
from modelassist.models.scorings import Scoring
from modelassist.models.usage import EndpointUsage

__all__ = [
    "DRAFTED_STATES",
    "Activation",
    "ActivationPeriod",
    "ClipReadings",
    "Consent",
    "Critic",
    "DetectorFit",
    "DraftingStop",
    "EndpointUsage",
    "FailedDraft",
    "Prediction",
    "PredictionSet",
    "Run",
    "Scoring",
    "StopRules",
]
