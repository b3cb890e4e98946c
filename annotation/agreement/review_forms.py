"""What the acts of a review ask for. Each form reads its input; the rules are in `annotation.agreement.review_acts`."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from annotation.agreement import review_acts as acts
from annotation.agreement.review_cards import Cards
from annotation.agreement.reviews import NOTE_LIMIT
from annotation.campaigns.forms import KnownScoresForm, RefusableForm
from annotation.campaigns.policy import BOUNDS
from annotation.campaigns.reports import MAX_REASON_LENGTH
from annotation.models import Item
from annotation.rating.answers import AnswersRefused
from annotation.rating.validation import EVIDENCE_LIMIT, REASON_LIMIT
from annotation.shared.number_fields import limit_number
from annotation.shared.text import clean_text
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL, Axis
from qsave.report_card import AxisReport, ReportCard
from qsave.words import isolate

LEVELS = [(str(level), str(level)) for level in range(MIN_LEVEL, MAX_LEVEL + 1)]


class ReviewForm(RefusableForm):
    """A form of an act, called `name`. This one takes the consensus: it asks for a reason, which may be empty."""

    name = "consensus"
    reason = forms.CharField(label=_("Reason"), required=False, max_length=NOTE_LIMIT)

    def __init__(self, data: Any, *, item: Item, cards: Cards, start: ReportCard | None) -> None:
        super().__init__(data, auto_id=f"{self.name}-%s")
        self.item, self.cards, self.start = item, cards, start

    def read_values(self) -> dict[str, Any]:
        """Return the arguments of the act's service."""
        return dict(self.cleaned_data)

    @property
    def general_problems(self) -> list[str]:
        """What is wrong with no field that the page shows."""
        hidden = (error for field in self.hidden_fields() for error in field.errors)
        return [*map(str, self.non_field_errors()), *map(str, hidden)]

    def add_problems(self, refusal: AnswersRefused) -> None:
        """Show the problems of a card at its fields: those of `visual.evidence` at `visual_defects`."""
        for problem, sentences in refusal.problems.items():
            field = problem.replace(".evidence", "_defects").replace(".reason", "_words")
            self.add_error(field if field in self.fields else None, [ValidationError(one) for one in sentences])


class RaterForm(ReviewForm):
    name = "card"
    rating = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class OwnForm(ReviewForm):
    """The lead's own card: on each axis a score, defects and words. It starts with what is in force or agreed."""

    name = "own"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for axis in AXES:
            self._add_axis(axis)
        self.fields["reason"] = forms.CharField(
            label=_("Why you decide so"), max_length=NOTE_LIMIT, widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"})
        )

    def _add_axis(self, axis: Axis) -> None:
        report = self.start.axis(axis) if self.start else self.cards.consensus[axis]
        of_axis = [defect for defect in self.item.campaign.taxonomy if defect["axis"] == axis.value]
        choices = [(defect["id"], isolate(defect["label"])) for defect in of_axis]
        self.fields[f"{axis.value}_score"] = forms.TypedChoiceField(
            label=_("Score"),
            choices=LEVELS,
            coerce=int,
            widget=forms.RadioSelect,
            initial=round(report.score) if report else None,
        )
        self.fields[f"{axis.value}_defects"] = forms.MultipleChoiceField(
            label=_("Defects"),
            required=False,
            choices=choices,
            widget=forms.CheckboxSelectMultiple,
            initial=list(report.defects) if report else self.cards.list_contested(axis),
        )
        self.fields[f"{axis.value}_words"] = forms.CharField(
            label=_("Reason of the score"),
            required=False,
            max_length=REASON_LIMIT,
            initial=report.reason if report else "",
            widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
        )

    @property
    def axes(self) -> list[tuple[Axis, forms.BoundField, forms.BoundField, forms.BoundField]]:
        """The fields of each axis: score, defects, words."""
        return [(axis, *self._list_fields(axis)) for axis in AXES]

    def _list_fields(self, axis: Axis) -> tuple[forms.BoundField, forms.BoundField, forms.BoundField]:
        name = axis.value
        return self[f"{name}_score"], self[f"{name}_defects"], self[f"{name}_words"]

    def read_values(self) -> dict[str, Any]:
        reports = {axis.value: self._read_report(axis) for axis in AXES}
        return {"card": ReportCard(**reports), "reason": self.cleaned_data["reason"]}

    def _read_report(self, axis: Axis) -> AxisReport:
        score, defects, words = (self.cleaned_data[f"{axis.value}_{name}"] for name in ("score", "defects", "words"))
        evidence = self.cards.find_evidence(axis, defects)[:EVIDENCE_LIMIT]
        return AxisReport(float(score), evidence, clean_text(words))


class MoreForm(ReviewForm):
    """Asks how many more ratings; the service takes their number in all."""

    name = "more"
    more = forms.IntegerField(label=_("How many more"), initial=2, **limit_number(1, BOUNDS["overlap"][1]))
    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON_LENGTH)

    def read_values(self) -> dict[str, Any]:
        slots = self.item.summary.slot_count
        return {"ratings": slots + self.cleaned_data["more"], "reason": self.cleaned_data["reason"]}


class GoldForm(ReviewForm, KnownScoresForm):
    """Asks for the known scores; it starts with those of the review in force, else of the consensus."""

    name = "gold"
    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON_LENGTH)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.order_fields([*(axis.value for axis in AXES), "reason"])
        for axis in AXES:
            report = self.start.axis(axis) if self.start else self.cards.consensus[axis]
            known = (self.item.gold or {}).get(axis.value)
            self.fields[axis.value].initial = known or (f"{report.score:g}" if report else None)

    def read_values(self) -> dict[str, Any]:
        return {"scores": self.read_scores(), "reason": self.cleaned_data["reason"]}


class ExcludeForm(ReviewForm):
    name = "exclude"
    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON_LENGTH)


FORMS: Mapping[str, type[ReviewForm]] = {
    form.name: form for form in (ReviewForm, RaterForm, OwnForm, MoreForm, GoldForm, ExcludeForm)
}
RUN: Mapping[str, Callable[..., Any]] = {
    "consensus": acts.take_consensus,
    "card": acts.take_card,
    "own": acts.write_card,
    "more": acts.ask_for_ratings,
    "gold": acts.make_gold,
    "exclude": acts.exclude,
}
SETTLES = frozenset({"consensus", "card", "own", "more", "exclude"})
"""Acts after which the page opens the next clip."""
