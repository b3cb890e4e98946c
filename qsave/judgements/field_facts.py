"""What the rows of a file hold, field by field, so that a mapping can be proposed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from qsave.judgements.records import SourceRow
from qsave.judgements.scores import WORDS, parse_score
from qsave.tables.values import is_blank

MOST_LABELS = 60
_MOST_EXAMPLE = 60
_LONGEST_LABEL = 60


@dataclass(slots=True)
class FieldFacts:
    """The cells of one field: how many are filled, how many of them are scores, and what they look like."""

    name: str
    filled: int = 0
    scores: int = 0
    lists: int = 0
    evidence: int = 0
    low: float | None = None
    high: float | None = None
    example: str = ""
    labels: dict[str, int] = field(default_factory=dict)
    """Short texts and entries of lists, with their numbers; only the first MOST_LABELS of them."""

    @property
    def is_score(self) -> bool:
        """Return whether the field can hold scores: nine of ten filled cells are numbers or words for levels."""
        return bool(self.scores) and self.scores * 10 >= self.filled * 9

    @property
    def is_labels(self) -> bool:
        """Return whether the field has lists of texts, as a form with several choices gives them."""
        return bool(self.lists and self.labels) and not self.is_score

    def add(self, value: object) -> None:
        if is_blank(value) or value == []:
            return
        self.filled += 1
        self.example = self.example or str(value)[:_MOST_EXAMPLE]
        if isinstance(value, list) and any(isinstance(entry, dict) for entry in value):
            self.evidence += all(isinstance(entry, dict) and "defect" in entry for entry in value)
            return
        self._add_score(value)
        entries = value if isinstance(value, list) else [value]
        self.lists += isinstance(value, list)
        for entry in entries:
            if isinstance(entry, str) and 0 < len(entry.strip()) <= _LONGEST_LABEL:
                self._add_label(entry.strip())

    def _add_label(self, label: str) -> None:
        if label in self.labels or len(self.labels) < MOST_LABELS:
            self.labels[label] = self.labels.get(label, 0) + 1

    def _add_score(self, value: object) -> None:
        try:
            score = parse_score(value, WORDS)
        except ValueError:
            return
        if score is not None:
            self.scores += 1
            self.low = score if self.low is None else min(self.low, score)
            self.high = score if self.high is None else max(self.high, score)


@dataclass(slots=True)
class FileFacts:
    """The fields of a file in the order of their first row, the labels of its marks, and the number of rows read."""

    fields: dict[str, FieldFacts] = field(default_factory=dict)
    mark_labels: dict[str, int] = field(default_factory=dict)
    rows: int = 0


def read_facts(rows: Iterable[SourceRow]) -> FileFacts:
    """Read what the fields of these rows hold; rows with a problem are skipped."""
    facts = FileFacts()
    for row in rows:
        facts.rows += 1
        for name, value in row.fields.items():
            facts.fields.setdefault(name, FieldFacts(name)).add(value)
        for mark in row.marks:
            if mark.label in facts.mark_labels or len(facts.mark_labels) < MOST_LABELS:
                facts.mark_labels[mark.label] = facts.mark_labels.get(mark.label, 0) + 1
    return facts
