"""The cards of raters that count for a clip, and their consensus, as a lead reviews them."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from django.utils.translation import gettext as _

from annotation.agreement.scores import select_counted_answers
from annotation.models import AxisAnswer, Campaign, Item, Rating
from annotation.raters.screening import read_screened_raters
from qsave.axes import AXES, Axis
from qsave.consensus import Opinion, find_pieces, list_contested, make_consensus
from qsave.report_card import AxisReport, Evidence, ReportCard, evidence_from_json
from qsave.words import isolate


@dataclass(frozen=True, slots=True)
class RaterCard:
    """The card of a rater that counts. `number` is its position, from 1; `name` is what pages call the rater."""

    number: int
    name: str
    rating: Rating
    card: ReportCard


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of a clip, oldest first, and the consensus of each axis; None for an axis without one."""

    raters: Sequence[RaterCard]
    consensus: dict[Axis, AxisReport | None]

    @property
    def is_agreed(self) -> bool:
        """Return whether the raters have a consensus on every axis."""
        return all(self.consensus.values())

    @property
    def split_axes(self) -> list[Axis]:
        """The axes without a consensus."""
        return [axis for axis, report in self.consensus.items() if report is None]

    @property
    def agreed_card(self) -> ReportCard | None:
        """The card of the consensus; None if an axis lacks a consensus."""
        reports = {axis.value: report for axis, report in self.consensus.items() if report is not None}
        return ReportCard(**reports) if len(reports) == len(AXES) else None

    def list_scores(self, axis: Axis) -> list[int]:
        return sorted(round(one.card.axis(axis).score) for one in self.raters)

    def list_contested(self, axis: Axis) -> list[str]:
        return list_contested([one.card.axis(axis) for one in self.raters])

    def find(self, rating: int) -> RaterCard | None:
        return next((one for one in self.raters if one.rating.pk == rating), None)

    def find_evidence(self, axis: Axis, defects: Iterable[str]) -> tuple[Evidence, ...]:
        """Return each defect as the first rater who named it marked it, and without a mark if no rater did."""
        marked = [one.card.axis(axis).evidence for one in self.raters]
        return tuple(piece for defect in defects for piece in find_pieces(defect, marked) or [Evidence(defect)])


def read_cards(item: Item, screened: Set[int] | None = None) -> Cards:
    """Return the cards that count, without screened raters, whose names the campaign may hide. One or two queries."""
    screened = read_screened_raters(item.campaign) if screened is None else screened
    answers = select_counted_answers(item.campaign).filter(revision__rating__item=item)
    answers = answers.exclude(revision__rating__rater__in=screened)
    rows = answers.select_related("revision__rating__rater").order_by("revision__rating__pk", "pk")
    by_rating: dict[Rating, dict[Axis, AxisReport]] = {}
    for answer in rows:
        by_rating.setdefault(answer.revision.rating, {})[Axis(answer.axis)] = _read_report(answer)
    raters = [
        RaterCard(number, name_rater(item.campaign, number, rating), rating, _make_card(axes))
        for number, (rating, axes) in enumerate(by_rating.items(), start=1)
        if len(axes) == len(AXES)
    ]
    return Cards(raters, {axis: _find_consensus(axis, raters) for axis in AXES})


def name_rater(campaign: Campaign, number: int, rating: Rating) -> str:
    """Return the name of a rater as the campaign shows it in reviews."""
    if campaign.names_raters_in_review:
        return isolate(rating.rater)
    return _("Rater %(number)s") % {"number": number}


def _read_report(answer: AxisAnswer) -> AxisReport:
    return AxisReport(float(answer.score), evidence_from_json(answer.evidence), answer.reason)


def _make_card(axes: dict[Axis, AxisReport]) -> ReportCard:
    return ReportCard(**{axis.value: report for axis, report in axes.items()})


def _find_consensus(axis: Axis, raters: Iterable[RaterCard]) -> AxisReport | None:
    """Return the consensus on an axis; of equals, blind raters come first, then the oldest rating."""
    ranked = sorted(raters, key=lambda one: (not one.rating.is_blind, one.number))
    return make_consensus([Opinion(one.card.axis(axis), order) for order, one in enumerate(ranked)])
