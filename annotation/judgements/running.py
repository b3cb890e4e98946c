"""Run an import of ratings made elsewhere: convert, match and store its rows. An interrupted run starts again."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from accounts import audit
from annotation.judgements.conversion import convert_row
from annotation.judgements.importing import describe_import, discard_file, list_defects, open_file
from annotation.judgements.matching import ClipMatcher, Match
from annotation.judgements.storing import Counts, Numbering, Owner, find_or_create_absent, store_rows
from annotation.models import JudgementImport, RefusedJudgement
from qsave.axes import Axis
from qsave.csv_rows import write_csv
from qsave.judgements.mapping import JudgementMapping
from qsave.judgements.reader import read_source
from qsave.judgements.records import JudgedRow, JudgementRefused, SourceRow

BATCH = 500
MAX_PROBLEMS = 100
"""The refused rows that the import itself lists; `RefusedJudgement` has all."""
Progress = Callable[[float, str], None]


@dataclass(slots=True)
class _Result:
    """What came of the rows so far."""

    rows: int = 0
    counts: Counts = field(default_factory=Counts)
    refused: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    unsaved: list[tuple[int, str]] = field(default_factory=list)
    """The refusals of the present batch."""

    def refuse(self, number: int, reason: str) -> None:
        self.refused += 1
        self.unsaved.append((number, reason))
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append((number, reason))

    def add(self, counts: Counts) -> None:
        self.counts.added += counts.added
        self.counts.present += counts.present
        self.counts.differing += counts.differing


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A row that will be stored: its match and the occurrences of its judgements."""

    row: JudgedRow
    clip: int | None
    occurrences: list[int]


def run_import(judgement_import: JudgementImport, *, on_progress: Progress = lambda share, message: None) -> None:
    """Store the judgements of a running import. Safe to run again. Raises TableError if the file is damaged."""
    if judgement_import.state != JudgementImport.State.RUNNING:
        return
    path, result = Path(judgement_import.file), _Result()
    mapping = JudgementMapping.from_json(judgement_import.mapping)
    axes = {defect["id"]: Axis(defect["axis"]) for defect in list_defects(judgement_import.campaign)}
    matcher, numbering = ClipMatcher(), Numbering()
    judgement_import.refusals.all().delete()  # those of an interrupted run
    with open_file(path, judgement_import.name) as file:
        size = path.stat().st_size or 1
        source = read_source(file, judgement_import.name)
        while batch := list(islice(source.rows, BATCH)):
            rows = list(_convert(batch, mapping, axes, result))
            accepted = list(_accept(rows, matcher.match([row.clip for row in rows]), numbering, result))
            result.add(_store(judgement_import, accepted, result.unsaved))
            result.unsaved.clear()
            on_progress(min(0.99, file.tell() / size), f"{result.rows} rows")
    _finish(judgement_import, result, source.notes)
    discard_file(judgement_import)


def _convert(
    batch: list[SourceRow], mapping: JudgementMapping, axes: Mapping[str, Axis], result: _Result
) -> Iterator[JudgedRow]:
    for row in batch:
        result.rows += 1
        try:
            yield convert_row(row, mapping, axes)
        except JudgementRefused as refusal:
            result.refuse(row.number, str(refusal))


def _accept(
    rows: Iterable[JudgedRow], matches: Iterable[Match], numbering: Numbering, result: _Result
) -> Iterator[_Accepted]:
    for row, match in zip(rows, matches, strict=True):
        try:
            if match.problem:
                raise JudgementRefused(match.problem)
            owner = row.clip if match.clip is None else match.clip
            yield _Accepted(row, match.clip, numbering.number(owner, row))
        except JudgementRefused as refusal:
            result.refuse(row.number, str(refusal))


@transaction.atomic
def _store(judgement_import: JudgementImport, accepted: list[_Accepted], refused: list[tuple[int, str]]) -> Counts:
    RefusedJudgement.objects.bulk_create(
        RefusedJudgement(judgement_import=judgement_import, number=number, reason=reason) for number, reason in refused
    )
    absent = find_or_create_absent(one.row.clip for one in accepted if one.clip is None)
    owners: list[Owner] = [(None, absent[one.row.clip]) if one.clip is None else (one.clip, None) for one in accepted]
    return store_rows(
        judgement_import, [(owner, one.row, one.occurrences) for owner, one in zip(owners, accepted, strict=True)]
    )


@transaction.atomic
def _finish(judgement_import: JudgementImport, result: _Result, notes: list[str]) -> None:
    row = judgement_import
    row.state, row.finished_at, row.notes = JudgementImport.State.DONE, timezone.now(), notes
    row.rows, row.refused = result.rows, result.refused
    row.problems = [list(problem) for problem in result.problems]
    row.added, row.present, row.differing = result.counts.added, result.counts.present, result.counts.differing
    row.save()
    audit.record(
        actor=row.created_by,
        action="judgements.imported",
        target=row,
        **describe_import(row),
        added=row.added,
        present=row.present,
        refused=row.refused,
    )


def mark_failed(judgement_import: JudgementImport, error: str) -> None:
    """Mark a running import as failed, with the reason."""
    running = JudgementImport.objects.filter(pk=judgement_import.pk, state=JudgementImport.State.RUNNING)
    running.update(state=JudgementImport.State.FAILED, error=error, finished_at=timezone.now())


def write_refusals(judgement_import: JudgementImport) -> Iterator[str]:
    """Write all rows that an import refused, with the reasons, as CSV."""
    refusals = judgement_import.refusals.order_by("number").values_list("number", "reason")
    return write_csv(["row", "reason"], refusals.iterator(chunk_size=1000))
