"""The forms of ratings made elsewhere: the upload of a file, and the mapping of its fields."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from annotation.models import JudgementImport
from annotation.shared.number_fields import limit_number
from qsave.axes import AXES
from qsave.judgements.field_facts import FieldFacts, FileFacts
from qsave.judgements.mapping import CLIP_FIELDS, FRAME_RATE, MOST_NAME
from qsave.judgements.proposal import is_aside
from qsave.words import isolate

MOST_FIELDS = 200
NOTHING = ("", _("not imported"))
NO_FIELD = ("", _("none"))
SHARED = ("source", "rater", "reason", "language", "frame_rate")
_CLIP_LABELS: dict[str, Any] = {
    "clip_id": _("Clip ID"),
    "sha256": _("SHA-256 of the video"),
    "video": _("Name of the video file"),
    "prompt": _("Prompt"),
    "generator": _("Generator"),
    "prompt_group": _("Prompt group"),
}
_BIG = 1e12


class RatingsFileForm(forms.Form):
    file = forms.FileField(
        label=_("File with ratings"),
        help_text=_("A table (CSV, TSV, JSON, JSONL or Parquet), Label Studio's JSON export, or lines of scores."),
        error_messages=dict.fromkeys(("required", "missing", "invalid", "empty"), _("Choose a file that has rows.")),
    )


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A field, or a word for an axis, that may hold scores, with the controls that map it."""

    name: str
    facts: FieldFacts | None
    axis: BoundField
    low: BoundField
    high: BoundField
    reason: BoundField


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label, how often the first rows have it, and the control that leads it to a defect."""

    label: str
    count: int
    defect: BoundField


class MappingForm(forms.Form):
    """The mapping of one file. Its controls follow from the fields of the file and from the mapping so far."""

    source = forms.CharField(
        label=_("Source"),
        max_length=MOST_NAME,
        help_text=_("Who judged: the name of a dataset, a tool or a team. Releases name sources by it."),
    )
    rater = forms.ChoiceField(label=_("Field with the rater"), required=False)
    reason = forms.ChoiceField(label=_("Field with a reason for all axes"), required=False)
    language = forms.CharField(
        label=_("Language of the reasons"), max_length=35, required=False, help_text=_("For example en or zh.")
    )
    frame_rate = forms.FloatField(
        label=_("Frames per second"),
        **limit_number(0.001, 1000, is_whole=False),
        help_text=_("As the labelling configuration states it; 24 if it states none. It turns frames into seconds."),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        judgement_import: JudgementImport,
        facts: FileFacts,
        defects: Sequence[Mapping[str, Any]],
    ) -> None:
        super().__init__(data)
        self.mapping: dict[str, Any] = judgement_import.mapping
        self.facts = facts
        self._has_marks = bool(facts.mark_labels)
        self._scores = self._list_score_names()
        self._labels = self._list_labels()
        self._add_field_choices(list(facts.fields)[:MOST_FIELDS])
        self._add_scores()
        self._add_labels(defects)
        if not self._has_marks:
            del self.fields["frame_rate"]
        for name in SHARED:
            self.initial[name] = self.mapping.get(name, "")
        self.initial["frame_rate"] = f"{self.mapping.get('frame_rate', FRAME_RATE):g}"

    def _list_score_names(self) -> list[str]:
        """Return the fields that may hold scores, or the words of the field with the axis."""
        axis_field = self.mapping.get("axis_field")
        if axis_field:
            words = self.facts.fields[axis_field].labels if axis_field in self.facts.fields else {}
            return list(dict.fromkeys([*self.mapping["axes"], *words]))
        named = set(self.mapping.get("clip", {}).values()) | {self.mapping.get("rater")}
        fields = [
            name for name, one in self.facts.fields.items() if one.is_score and name not in named and not is_aside(name)
        ]
        return list(dict.fromkeys([*self.mapping["axes"], *fields]))[:MOST_FIELDS]

    def _list_labels(self) -> dict[str, int]:
        counts = dict(self.facts.mark_labels)
        for name in self.mapping.get("labels", []):
            counts |= self.facts.fields[name].labels if name in self.facts.fields else {}
        return counts

    def _add_field_choices(self, names: list[str]) -> None:
        choices = [NO_FIELD, *((name, isolate(name)) for name in names)]
        for name in ("rater", "reason"):
            self._set_choices(name, choices)
        for part in CLIP_FIELDS:
            self.fields[f"clip-{part}"] = forms.ChoiceField(
                label=_CLIP_LABELS[part],
                choices=choices,
                required=False,
                initial=self.mapping.get("clip", {}).get(part, ""),
            )

    def _set_choices(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _add_scores(self) -> None:
        texts = [NO_FIELD, *((one.name, isolate(one.name)) for one in self.facts.fields.values() if not one.is_score)]
        for number, name in enumerate(self._scores):
            rule = self.mapping["axes"].get(name, {})
            self.fields[f"axis-{number}"] = forms.ChoiceField(
                choices=[NOTHING, *((axis.value, axis.value) for axis in AXES)],
                required=False,
                initial=rule.get("axis", ""),
            )
            for part, end in (("scale_min", 1), ("scale_max", 5)):
                self.fields[f"{part}-{number}"] = forms.FloatField(
                    min_value=-_BIG, max_value=_BIG, initial=f"{rule.get(part, end):g}"
                )
            self.fields[f"reason-{number}"] = forms.ChoiceField(
                choices=texts, required=False, initial=rule.get("reason", "")
            )

    def _add_labels(self, defects: Sequence[Mapping[str, Any]]) -> None:
        groups = [
            (axis.value, [(one["id"], isolate(one["label"])) for one in defects if one["axis"] == axis])
            for axis in AXES
        ]
        for number, label in enumerate(self._labels):
            self.fields[f"defect-{number}"] = forms.ChoiceField(
                choices=[("", _("no defect")), *groups],
                required=False,
                initial=self.mapping.get("defects", {}).get(label, ""),
            )

    def list_scores(self) -> list[ScoreRow]:
        return list(self._make_score_rows())

    def list_labels(self) -> list[LabelRow]:
        labels = enumerate(self._labels.items())
        return [LabelRow(label, count, self[f"defect-{number}"]) for number, (label, count) in labels]

    def _make_score_rows(self) -> Iterator[ScoreRow]:
        for number, name in enumerate(self._scores):
            facts = self.facts.fields.get(self.mapping.get("score_field") or name)
            parts = (self[f"{part}-{number}"] for part in ("axis", "scale_min", "scale_max", "reason"))
            yield ScoreRow(name, facts, *parts)

    def list_shared_fields(self) -> list[BoundField]:
        """Return the controls that hold for all axes."""
        return [self[name] for name in SHARED if name in self.fields]

    def list_clip_fields(self) -> list[BoundField]:
        return [self[f"clip-{part}"] for part in CLIP_FIELDS]

    def make_mapping(self) -> dict[str, Any]:
        """Return the mapping of a valid form, with what it does not ask for as it was."""
        data = self.cleaned_data
        clip = {part: data[f"clip-{part}"] for part in CLIP_FIELDS if data[f"clip-{part}"]}
        labels = enumerate(self._labels)
        defects = {label: data[f"defect-{number}"] for number, label in labels if data[f"defect-{number}"]}
        shared = {name: data[name] for name in SHARED if name in self.fields}
        return self.mapping | shared | {"clip": clip, "axes": self._make_rules(), "defects": defects}

    def _make_rules(self) -> dict[str, Any]:
        data, rules = self.cleaned_data, {}
        for number, name in enumerate(self._scores):
            if data[f"axis-{number}"]:
                before = self.mapping["axes"].get(name, {})
                parts = ("axis", "scale_min", "scale_max", "reason")
                rules[name] = before | {part: data[f"{part}-{number}"] for part in parts}
        return rules

    def add_refusal(self, refusal: ValidationError) -> None:
        """Show a refused mapping on the page."""
        self.add_error(None, refusal.messages)
