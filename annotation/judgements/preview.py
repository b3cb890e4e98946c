"""Try a mapping on the first rows of a file: what would be stored, which clips fit, and what would be refused."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from annotation.judgements.conversion import convert_row
from annotation.judgements.importing import SAMPLE, list_defects, open_file
from annotation.judgements.matching import ClipMatcher, Match
from annotation.models import Clip, JudgementImport
from qsave.axes import AXES, Axis
from qsave.judgements.field_facts import FileFacts, read_facts
from qsave.judgements.mapping import JudgementMapping
from qsave.judgements.reader import read_source
from qsave.judgements.records import JudgedRow, Judgement, JudgementRefused, SourceRow, convert_to_levels

SHOWN = 8
MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class ShownJudgement:
    """One judgement as it would be stored. `clip` is the id of the clip that fits, or empty."""

    row: int
    clip: str
    named: str
    judgement: Judgement

    @property
    def defects(self) -> tuple[str, ...]:
        """The distinct defects of its evidence, in the order of their first appearance."""
        return tuple(dict.fromkeys(piece.defect for piece in self.judgement.evidence))

    @property
    def level(self) -> float | None:
        """The value on our scale, unrounded."""
        one = self.judgement
        if one.value is None or one.scale_min is None or one.scale_max is None:
            return None
        return convert_to_levels(one.value, one.scale_min, one.scale_max)


@dataclass(slots=True)
class Preview:
    """What the first rows would become. `is_part` says that the file has more rows."""

    facts: FileFacts
    rows: int = 0
    is_part: bool = False
    matched: int = 0
    absent: int = 0
    refused: int = 0
    judgements: Counter[Axis] = field(default_factory=Counter)
    first: list[ShownJudgement] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)

    @property
    def by_axis(self) -> list[tuple[Axis, int]]:
        return [(axis, self.judgements[axis]) for axis in AXES]

    def refuse(self, number: int, reason: str) -> None:
        self.refused += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append((number, reason))


def read_preview(judgement_import: JudgementImport, mapping: JudgementMapping | None) -> Preview:
    """Read the first rows of a file that waits; without a mapping, only its facts. Raises TableError."""
    rows, is_part = _read_sample(judgement_import)
    preview = Preview(read_facts(rows), rows=len(rows), is_part=is_part)
    if mapping is not None:
        axes = {defect["id"]: Axis(defect["axis"]) for defect in list_defects(judgement_import.campaign)}
        _try_mapping(preview, rows, mapping, axes)
    return preview


def _read_sample(judgement_import: JudgementImport) -> tuple[list[SourceRow], bool]:
    with open_file(Path(judgement_import.file), judgement_import.name) as file:
        rows = list(islice(read_source(file, judgement_import.name).rows, SAMPLE + 1))
    return rows[:SAMPLE], len(rows) > SAMPLE


def _try_mapping(preview: Preview, rows: list[SourceRow], mapping: JudgementMapping, axes: Mapping[str, Axis]) -> None:
    converted: list[JudgedRow] = []
    for row in rows:
        try:
            converted.append(convert_row(row, mapping, axes))
        except JudgementRefused as refusal:
            preview.refuse(row.number, str(refusal))
    matches = ClipMatcher().match([row.clip for row in converted])
    names = _read_names(match.clip for match in matches[:SHOWN] if match.clip is not None)
    for judged_row, match in zip(converted, matches, strict=True):
        _count(preview, judged_row, match, names)


def _count(preview: Preview, row: JudgedRow, match: Match, names: Mapping[int, str]) -> None:
    if match.problem:
        preview.refuse(row.number, match.problem)
        return
    preview.matched += match.clip is not None
    preview.absent += match.clip is None
    preview.judgements.update(one.axis for one in row.judgements)
    key = row.clip
    named = key.clip_id or key.video or key.sha256 or key.prompt
    clip = names.get(match.clip, "") if match.clip is not None else ""
    if len(preview.first) < SHOWN:
        preview.first += [ShownJudgement(row.number, clip, named, one) for one in row.judgements]


def _read_names(clips: Iterable[int]) -> dict[int, str]:
    return dict(Clip.objects.filter(pk__in=clips).values_list("pk", "clip_id"))
