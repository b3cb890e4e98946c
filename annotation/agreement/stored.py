"""The stored figures of a campaign: a worker computes them, and pages, API and files read them.

`read_figures` says how old they are and whether they are current, and queues their computation if not: the worker also
does so by itself soon after ratings change. Sections are read one by one, each in one query.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from time import monotonic
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from annotation.agreement.change_marks import compare_marks, take_marks
from annotation.agreement.critic_figures import CriticFigures
from annotation.agreement.details import DefectFigures, Details, Drifts
from annotation.agreement.figures import ArmRow, AxisAgreement, compute_from
from annotation.agreement.generator_contrasts import DefectTable, Gaps, add_prompts
from annotation.agreement.imported import SourceFigures
from annotation.agreement.inputs import read_inputs
from annotation.agreement.rater_table import RaterRow
from annotation.agreement.sections import (
    ARMS,
    AXES_OF_CAMPAIGN,
    CRITICS,
    CURVES,
    DEFECT_AGREEMENT,
    DEFECTS,
    DETAILS,
    DIFFERENCES,
    DRIFTS,
    GAPS,
    GENERATORS,
    IMPORTED,
    OVERVIEW,
    RATERS,
    SECTIONS,
    VERSION,
    Curves,
    Differences,
    Generators,
    Overview,
    Section,
)
from annotation.models import AgreementFigures, AgreementSection, Campaign
from annotation.raters.screening import read_verdicts
from operations import jobs
from operations.models import Job, JobState
from qsave.json_records import decode_record, encode_record

COMPUTE_FIGURES = "compute_figures"
REST_FACTOR = 5
"""After a computation the next one waits this many times as long as it took, so that it takes a sixth of a worker."""
SECONDS_AFTER_FAILURE = 60

T = TypeVar("T")


class FiguresState(StrEnum):
    """`current`: nothing changed since. `computing`: older figures can be read, and newer ones follow in a moment.
    `none`: there are no figures yet; they follow in a moment. `failed`: the last computation ended with an error."""

    CURRENT = "current"
    COMPUTING = "computing"
    NONE = "none"
    FAILED = "failed"


@dataclass(frozen=True)
class StoredFigures:
    """A campaign's stored figures. If `exists` is false, no section can be read.

    `computed_at` is when the ratings were read. `error` is that of the last computation, if it failed.
    """

    campaign: Campaign
    state: FiguresState
    computed_at: datetime | None
    error: str = ""

    @property
    def exists(self) -> bool:
        return self.computed_at is not None

    @property
    def stamp(self) -> str:
        """Tells these figures from earlier and later ones; empty before the first figures."""
        return "" if self.computed_at is None else f"{self.computed_at.timestamp():.6f}"

    @property
    def is_settled(self) -> bool:
        """Whether a page may stop asking for newer figures."""
        return self.state in (FiguresState.CURRENT, FiguresState.FAILED)

    def read(self, section: Section[T]) -> T:
        """Read one section. One query. Raises FiguresMissing if there are no figures."""
        row = AgreementSection.objects.filter(campaign=self.campaign, name=section.name).first()
        if row is None or not self.exists:
            raise FiguresMissing(self.campaign, section.name)
        decoded: T = decode_record(section.kind, row.content)
        return decoded

    @cached_property
    def overview(self) -> Overview:
        return self.read(OVERVIEW)

    @cached_property
    def axes(self) -> tuple[AxisAgreement, ...]:
        return self.read(AXES_OF_CAMPAIGN)

    @cached_property
    def raters(self) -> tuple[RaterRow, ...]:
        """All raters, with the present verdict on each. Two queries."""
        verdicts = read_verdicts(self.campaign)
        return tuple(replace(row, verdict=verdicts.get(row.rater)) for row in self.read(RATERS))

    @cached_property
    def arms(self) -> tuple[ArmRow, ...]:
        return self.read(ARMS)

    @cached_property
    def curves(self) -> Curves:
        return self.read(CURVES)

    @cached_property
    def generators(self) -> Generators:
        return self.read(GENERATORS)

    @cached_property
    def differences(self) -> Differences:
        return self.read(DIFFERENCES)

    @cached_property
    def imported(self) -> tuple[SourceFigures, ...]:
        return self.read(IMPORTED)

    @cached_property
    def gaps(self) -> Gaps:
        """The prompts on which generators differ most, with their present texts. Two queries."""
        return add_prompts(self.read(GAPS))

    @cached_property
    def defects(self) -> DefectTable:
        return self.read(DEFECTS)

    @cached_property
    def critics(self) -> tuple[CriticFigures, ...]:
        return self.read(CRITICS)

    @cached_property
    def details(self) -> Details:
        return self.read(DETAILS)

    @cached_property
    def drifts(self) -> Drifts:
        return self.read(DRIFTS)

    @cached_property
    def defect_agreement(self) -> DefectFigures:
        return self.read(DEFECT_AGREEMENT)

    @property
    def ratings(self) -> int:
        return self.overview.ratings

    @property
    def clips(self) -> int:
        """Number of clips with a rating that counts."""
        return self.overview.clips

    @property
    def blind_ratings(self) -> int:
        return self.overview.blind_ratings

    @property
    def screened_out(self) -> int:
        return self.overview.screened_out


class FiguresMissing(LookupError):
    """A section was read of a campaign that has no figures yet."""

    def __init__(self, campaign: Campaign, section: str) -> None:
        super().__init__(f"{campaign.name}: no figures {section!r} yet")


def read_figures(campaign: Campaign) -> StoredFigures:
    """Return the stored figures of a campaign, and queue their computation if they are not current.

    Five queries if nothing changed, whatever the size of the campaign.
    """
    row = AgreementFigures.objects.filter(campaign=campaign).select_related("job").first()
    has_changed, should_move = (True, False) if row is None else compare_marks(campaign, row.marks)
    if row is not None and should_move:
        _move_marks(row)
    if row is None or (row.version != VERSION) or has_changed:
        row = request_figures(campaign)
        has_changed = True
    return StoredFigures(
        campaign=campaign,
        state=_find_state(row, has_changed),
        computed_at=row.computed_at if row.version == VERSION else None,
        error=row.job.error if row.job is not None and row.job.state == JobState.FAILED else "",
    )


def _move_marks(row: AgreementFigures) -> None:
    """Move the marks past the rows of other campaigns, unless something changed or was computed meanwhile."""
    marks = take_marks(row.campaign)
    if not compare_marks(row.campaign, row.marks)[0]:
        AgreementFigures.objects.filter(pk=row.pk, computed_at=row.computed_at).update(marks=marks)


def _find_state(row: AgreementFigures, has_changed: bool) -> FiguresState:
    if row.job is not None and row.job.state in (JobState.FAILED, JobState.CANCELLED):
        return FiguresState.FAILED
    if row.computed_at is None or row.version != VERSION:
        return FiguresState.NONE
    return FiguresState.COMPUTING if has_changed else FiguresState.CURRENT


@transaction.atomic
def request_figures(campaign: Campaign) -> AgreementFigures:
    """Queue the computation of a campaign's figures, unless it is queued or must wait (`REST_FACTOR`)."""
    AgreementFigures.objects.get_or_create(campaign=campaign)
    row = AgreementFigures.objects.select_for_update().get(campaign=campaign)
    if row.job is None:
        row.job = jobs.enqueue(kind=COMPUTE_FIGURES, arguments={"campaign": campaign.pk}, actor=None)
        row.save(update_fields=["job"])
    elif _is_due(row, row.job):
        row.job = jobs.repeat(row.job)
    return row


def _is_due(row: AgreementFigures, job: Job) -> bool:
    if job.finished_at is None:
        return False
    failed = job.state in (JobState.FAILED, JobState.CANCELLED)
    seconds = SECONDS_AFTER_FAILURE if failed else REST_FACTOR * row.seconds
    return job.finished_at + timedelta(seconds=seconds) <= timezone.now()


def compute_figures(campaign: Campaign) -> bool:
    """Compute all sections of a campaign and store them. Return False if the stored ones rest on the same inputs."""
    started, now = monotonic(), timezone.now()
    values: dict[str, object] = {"computed_at": now, "marks": take_marks(campaign)}  # what comes later is a change
    inputs = read_inputs(campaign)
    digest = inputs.compute_digest(VERSION)
    stored = AgreementFigures.objects.filter(campaign=campaign, version=VERSION, digest=digest)
    if stored.update(**values):
        return False
    agreement = compute_from(inputs)
    contents = {section.name: encode_record(section.compute(agreement)) for section in SECTIONS}
    values |= {"version": VERSION, "digest": digest, "seconds": monotonic() - started}
    with transaction.atomic():
        AgreementFigures.objects.update_or_create(campaign=campaign, defaults=values)
        AgreementSection.objects.filter(campaign=campaign).exclude(name__in=contents).delete()
        AgreementSection.objects.bulk_create(
            (AgreementSection(campaign=campaign, name=name, content=content) for name, content in contents.items()),
            update_conflicts=True,
            unique_fields=["campaign", "name"],
            update_fields=["content"],
        )
    return True
