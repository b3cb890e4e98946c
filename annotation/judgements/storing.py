"""Store judgements of clips, and of videos that this site does not have. Storing them again adds nothing."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field

from django.db import transaction
from django.db.models import F, QuerySet

from annotation.models import AbsentClip, Clip, ImportedJudgement, JudgementImport
from qsave.judgements.records import ClipKey, JudgedRow, Judgement, JudgementRefused
from qsave.report_card import evidence_to_json

Owner = tuple[int | None, int | None]
"""The keys of a clip and of an absent clip; one of them is None."""
Versions = Mapping[int | None, int]
_Key = tuple[int | None, int | None, str, str, str, int]


@dataclass(slots=True)
class Counts:
    """How many judgements are new, how many were stored already, and how many of those have another value."""

    added: int = 0
    present: int = 0
    differing: int = 0


@dataclass(slots=True)
class Numbering:
    """Numbers the judgements of unknown raters, and refuses a second one of a known rater, over a whole file."""

    _counts: Counter[int] = field(default_factory=Counter)

    def number(self, owner: Hashable, row: JudgedRow) -> list[int]:
        """Return the occurrence of each judgement of a row; `owner` is its clip, or what is said of it.

        Raises JudgementRefused if a known rater has judged before.
        """
        names = [hash((owner, one.axis, one.their_axis, one.rater)) for one in row.judgements]
        for name, one in zip(names, row.judgements, strict=True):
            if one.rater and self._counts[name]:
                raise JudgementRefused(
                    f"The rater {one.rater!r} has judged {one.their_axis} of this clip in an earlier row."
                )
        occurrences = [self._counts[name] for name in names]
        self._counts.update(names)
        return occurrences


def compute_digest(key: ClipKey) -> str:
    """Return the name of an absent clip: a hash of all that is said of it."""
    return hashlib.sha256("\0".join(astuple(key)).encode()).hexdigest()


def find_or_create_absent(keys: Iterable[ClipKey]) -> dict[ClipKey, int]:
    """Return the key of the absent clip of each; create those that are new."""
    digests = {key: compute_digest(key) for key in dict.fromkeys(keys)}
    rows = [
        AbsentClip(
            digest=digest,
            clip_id=key.clip_id,
            sha256=key.sha256,
            video=key.video,
            prompt=key.prompt,
            generator=key.generator,
            prompt_group=key.prompt_group,
        )
        for key, digest in digests.items()
    ]
    AbsentClip.objects.bulk_create(rows, ignore_conflicts=True)
    stored = dict(AbsentClip.objects.filter(digest__in=digests.values()).values_list("digest", "pk"))
    return {key: stored[digest] for key, digest in digests.items()}


@transaction.atomic
def detach_clips(clips: Iterable[Clip]) -> None:
    """Hold the judgements of clips that are about to be removed for absent clips, as if the clips had never come in."""
    judgements = ImportedJudgement.objects.filter(clip__in=[clip.pk for clip in clips])
    for clip in Clip.objects.filter(pk__in=judgements.values("clip")):
        key = ClipKey(clip.clip_id, clip.sha256, prompt=clip.prompt, generator=clip.generator)
        move_judgements(judgements.filter(clip=clip), absent_clip=find_or_create_absent([key])[key])


def move_judgements(judgements: QuerySet[ImportedJudgement], **owner: int) -> None:
    """Give judgements to another clip or absent clip, but for those that it has already."""
    names = ("axis", "their_axis", "source", "rater", "occurrence")
    present = set(ImportedJudgement.objects.filter(**owner).values_list(*names))
    moved = [pk for pk, *key in judgements.values_list("pk", *names) if tuple(key) not in present]
    values = {"clip": None, "absent_clip": None, "clip_version": 1} | owner
    ImportedJudgement.objects.filter(pk__in=moved).update(**values)


@transaction.atomic
def store_rows(judgement_import: JudgementImport, rows: Sequence[tuple[Owner, JudgedRow, Sequence[int]]]) -> Counts:
    """Store the judgements of rows that have been matched and numbered."""
    clips = {owner[0] for owner, _, _ in rows if owner[0] is not None}
    versions: Versions = dict(Clip.objects.filter(pk__in=clips).values_list("pk", "version"))
    new = [
        _make_row(judgement_import, owner, versions, one, occurrence)
        for owner, row, occurrences in rows
        for one, occurrence in zip(row.judgements, occurrences, strict=True)
    ]
    stored = _read_stored(judgement_import.source, [owner for owner, _, _ in rows])
    counts = Counts()
    for one in new:
        _count(counts, one, stored.get(_make_key(one)))
    ImportedJudgement.objects.bulk_create(
        [one for one in new if _make_key(one) not in stored], batch_size=500, ignore_conflicts=True
    )
    return counts


def _count(counts: Counts, one: ImportedJudgement, stored: tuple[int, float | None] | None) -> None:
    """Count a judgement. One that this import stored before it was interrupted is new."""
    if stored is None or stored[0] == one.judgement_import_id:
        counts.added += 1
    else:
        counts.present += 1
        counts.differing += stored[1] != one.value


def _read_stored(source: str, owners: Sequence[Owner]) -> dict[_Key, tuple[int, float | None]]:
    """Return the import and the value of each judgement that the source has made of these clips."""
    clips = {clip for clip, _ in owners if clip is not None}
    absent = {pk for _, pk in owners if pk is not None}
    names = ("clip", "absent_clip", "axis", "their_axis", "rater", "occurrence", "judgement_import", "value")
    of_source = ImportedJudgement.objects.filter(source=source)
    of_clips = of_source.filter(clip__in=clips, clip_version=F("clip__version"))
    rows = [
        *of_clips.values_list(*names),
        *of_source.filter(absent_clip__in=absent).values_list(*names),
    ]
    return {(row[0], row[1], row[2], row[3], row[4], row[5]): (row[6], row[7]) for row in rows}


def _make_key(one: ImportedJudgement) -> _Key:
    return one.clip_id, one.absent_clip_id, one.axis, one.their_axis, one.rater, one.occurrence


def _make_row(
    judgement_import: JudgementImport, owner: Owner, versions: Versions, one: Judgement, occurrence: int
) -> ImportedJudgement:
    clip, absent = owner
    return ImportedJudgement(
        judgement_import=judgement_import,
        clip_id=clip,
        clip_version=versions.get(clip, 1),
        absent_clip_id=absent,
        axis=one.axis.value,
        their_axis=one.their_axis,
        source=judgement_import.source,
        rater=one.rater,
        occurrence=occurrence,
        value=one.value,
        scale_min=one.scale_min,
        scale_max=one.scale_max,
        original=one.original,
        reason=one.reason,
        language=one.language,
        evidence=evidence_to_json(one.evidence),
        n=one.n,
        sd=one.sd,
        metadata=dict(one.metadata),
    )
