"""Ratings made elsewhere in a release: only those of the sources that its policy names, in a file of their own.

No target counts them. Raters have pseudonyms, as those of the campaign have: another tool may know them by an address.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from django.db.models import F
from django.utils.translation import gettext as _

from annotation.models import Campaign, ImportedJudgement
from datasets.services.policy import ReleaseRefused
from datasets.services.pseudonyms import make_source_pseudonym
from qsave.axes import AXES
from qsave.words import isolate

FILE = "judgements.parquet"
SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("split", pa.string()),
        ("source", pa.string()),
        ("rater", pa.string()),
        ("occurrence", pa.int32()),
        ("axis", pa.string()),
        ("their_axis", pa.string()),
        ("value", pa.float64()),
        ("scale_min", pa.float64()),
        ("scale_max", pa.float64()),
        ("original", pa.string()),
        ("reason", pa.string()),
        ("language", pa.string()),
        ("n", pa.int64()),
        ("sd", pa.float64()),
        (
            "evidence",
            pa.list_(
                pa.struct([("defect", pa.string()), ("time", pa.list_(pa.float64())), ("box", pa.list_(pa.float64()))])
            ),
        ),
    ]
)
_FIELDS = (
    "source",
    "rater",
    "occurrence",
    "axis",
    "their_axis",
    "value",
    "scale_min",
    "scale_max",
    "original",
    "reason",
    "language",
    "n",
    "sd",
    "evidence",
)


@dataclass(frozen=True, slots=True)
class JudgementRecord:
    """One judgement that was made elsewhere, as the columns of its file have it, the rater under a pseudonym."""

    source: str
    rater: str
    occurrence: int
    axis: str
    their_axis: str
    value: float | None
    scale_min: float | None
    scale_max: float | None
    original: str
    reason: str
    language: str
    n: int | None
    sd: float | None
    evidence: list[dict[str, Any]]


def check_sources(campaign: Campaign, sources: Collection[str]) -> None:
    """Raise ReleaseRefused if a source has judged no clip of the campaign."""
    judgements = ImportedJudgement.objects.filter(clip__items__campaign=campaign, clip_version=F("clip__version"))
    missing = [source for source in sources if not judgements.filter(source=source).exists()]
    if missing:
        names = ", ".join(isolate(repr(name)) for name in missing)
        raise ReleaseRefused(
            _("No clip of campaign %(campaign)s has judgements of the source %(names)s. Import them, or leave it out.")
            % {"campaign": isolate(campaign.name), "names": names}
        )


def list_sources() -> list[str]:
    """Return the sources that judgements of clips of this site came from."""
    judgements = ImportedJudgement.objects.filter(clip__isnull=False)
    return list(judgements.order_by("source").values_list("source", flat=True).distinct())


def read_judgements(
    campaign: Campaign, clips: Collection[int], sources: Collection[str]
) -> dict[int, tuple[JudgementRecord, ...]]:
    """Return the judgements of these clips by these sources, by the key of the clip, in a fixed order."""
    if not sources:
        return {}
    records: dict[int, list[JudgementRecord]] = defaultdict(list)
    judgements = ImportedJudgement.objects.filter(clip__in=clips, source__in=sources, clip_version=F("clip__version"))
    for row in judgements.values("clip", *_FIELDS).iterator(chunk_size=2000):
        clip = row.pop("clip")
        records[clip].append(
            JudgementRecord(**row | {"rater": make_source_pseudonym(campaign, row["source"], row["rater"])})
        )
    return {clip: tuple(sorted(ones, key=_get_order)) for clip, ones in records.items()}


def _get_order(one: JudgementRecord) -> tuple[str, int, str, str, int]:
    return one.source, [axis.value for axis in AXES].index(one.axis), one.their_axis, one.rater, one.occurrence


def make_row(clip_id: str, split: str, one: JudgementRecord) -> dict[str, Any]:
    """Return a row of the file. Values are those of the source, unrounded."""
    return {"clip_id": clip_id, "split": split} | {name: getattr(one, name) for name in _FIELDS}
