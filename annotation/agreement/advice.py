"""What the figures of a campaign mean for the lead, in plain words: a verdict on drafts, and what to do next."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.agreement.figures import ArmRow, AxisAgreement
from annotation.agreement.rater_table import RaterRow
from annotation.agreement.ratings_needed import Needed
from annotation.models import Campaign, ItemSummary
from qsave.statistics.evidence import Weighed
from qsave.statistics.figures import Interval, Undefined

LOW_ALPHA = 0.4
"""Agreement below which guidelines help more than ratings; between here and .67 conclusions are tentative."""


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do: why, and where."""

    sentence: str
    url: str
    action: str


def describe_arm(arm: ArmRow) -> str:
    """Return in plain words whether drafts change the scores of one axis."""
    if arm.thin:
        return arm.thin
    parts = [_describe_shift(arm.difference), _describe_pull(arm.nearer), _describe_agreement(arm.spread_ratio)]
    return " ".join(part for part in parts if part)


def _describe_shift(figure: Weighed) -> str:
    side = _find_side(figure, 0.0)
    if side is None:
        return _("No difference between assisted and blind scores is shown.")
    size = f"{abs(_read_value(figure)):.2f}"
    if side > 0:
        return _("Assisted scores are %(size)s levels higher than blind ones.") % {"size": size}
    return _("Assisted scores are %(size)s levels lower than blind ones.") % {"size": size}


def _describe_pull(figure: Weighed) -> str:
    if _find_side(figure, 0.0) != 1:
        return ""
    size = f"{_read_value(figure):.2f}"
    return _("Drafts pull: assisted scores are %(size)s levels closer to the drafted score.") % {"size": size}


def _describe_agreement(figure: Weighed) -> str:
    if _find_side(figure, 1.0) != -1:
        return ""
    return _("Raters who see a draft differ less from each other, so judge agreement by the blind figures.")


def pulls(arm: ArmRow) -> bool:
    """Whether it is shown that drafts change scores on an axis."""
    return not arm.thin and (_find_side(arm.difference, 0.0) is not None or _find_side(arm.nearer, 0.0) == 1)


def _find_side(figure: Weighed, centre: float) -> int | None:
    """Return 1 or -1 if the interval is above or below the centre; None if it holds it or the figure is thin."""
    interval = figure.estimate.interval
    if figure.is_thin or isinstance(figure.estimate.value, Undefined) or not isinstance(interval, Interval):
        return None
    return 1 if interval.low > centre else -1 if interval.high < centre else None


def _read_value(figure: Weighed) -> float:
    assert not isinstance(figure.estimate.value, Undefined)
    return figure.estimate.value


def list_advice(
    campaign: Campaign,
    axes: Sequence[AxisAgreement],
    arms: Sequence[ArmRow],
    raters: Sequence[RaterRow],
    signs: Mapping[int, Sequence[str]],
    needed: Sequence[Needed],
) -> list[Advice]:
    """Return what to do next, the most urgent first. One query."""
    return [
        *_advise_on_amount(campaign, axes),
        *_advise_on_agreement(campaign, axes),
        *_advise_on_raters(campaign, raters, signs),
        *_advise_on_drafts(campaign, arms),
        *_advise_on_disputes(campaign),
        *_advise_on_precision(campaign, needed),
    ]


def _advise_on_amount(campaign: Campaign, axes: Sequence[AxisAgreement]) -> Iterator[Advice]:
    thin = [axis.blind.basis.thin for axis in axes if axis.blind.basis.thin]
    if thin:
        sentence = _("There are too few blind ratings to judge agreement: %(thin)s") % {"thin": thin[0]}
        yield Advice(sentence, reverse("members", args=(campaign.name,)), _("Invite raters"))


def _advise_on_agreement(campaign: Campaign, axes: Sequence[AxisAgreement]) -> Iterator[Advice]:
    low = [axis for axis in axes if not axis.blind.alpha.is_thin and _read_value(axis.blind.alpha) < LOW_ALPHA]
    if low:
        names = ", ".join(f"{axis.axis} ({_read_value(axis.blind.alpha):.2f})" for axis in low)
        sentence = _(
            "Raters agree little on %(axes)s. Make the guidelines clearer, with examples, before more ratings."
        )
        yield Advice(
            sentence % {"axes": names}, reverse("campaign-guidelines", args=(campaign.name,)), _("Edit the guidelines")
        )


def _advise_on_raters(
    campaign: Campaign, raters: Sequence[RaterRow], signs: Mapping[int, Sequence[str]]
) -> Iterator[Advice]:
    to_look_at = [rater for rater in raters if rater.rater in signs and rater.verdict is None]
    if to_look_at:
        sentence = ngettext(
            "%(n)s rater shows signs of rating without looking. Read them, and decide whether their ratings count.",
            "%(n)s raters show signs of rating without looking. Read them, and decide whether their ratings count.",
            len(to_look_at),
        )
        yield Advice(sentence % {"n": len(to_look_at)}, "#raters", _("Look at the raters"))


def _advise_on_drafts(campaign: Campaign, arms: Sequence[ArmRow]) -> Iterator[Advice]:
    pulled = ", ".join(arm.axis for arm in arms if pulls(arm))
    if pulled:
        sentence = _(
            "Drafts change the scores on %(axes)s. Report blind agreement, and think about a larger blind share."
        )
        url = reverse("campaign-settings", args=(campaign.name,))
        yield Advice(sentence % {"axes": pulled}, url, _("Change the assisted share"))


def _advise_on_disputes(campaign: Campaign) -> Iterator[Advice]:
    bound = campaign.disagreement_bound
    disputed = ItemSummary.objects.filter(campaign=campaign, spread__gt=bound).count()
    if disputed:
        sentence = ngettext(
            "Raters are more than %(bound)s levels apart on %(n)s clip.",
            "Raters are more than %(bound)s levels apart on %(n)s clips.",
            disputed,
        )
        url = reverse("review-queue", args=(campaign.name,))
        yield Advice(sentence % {"bound": bound, "n": disputed}, url, _("Settle disputed clips"))


def _advise_on_precision(campaign: Campaign, needed: Sequence[Needed]) -> Iterator[Advice]:
    wide = [one for one in needed if not one.thin and not isinstance(one.more, Undefined) and one.more > 0]
    if not wide:
        return
    if any(one.is_beyond for one in wide):
        sentence = _("Raters differ so much that more ratings alone would not make a clip's MOS precise.")
        url, action = reverse("campaign-guidelines", args=(campaign.name,)), _("Edit the guidelines")
    else:
        names = ", ".join(one.axis for one in wide)
        sentence = _("A clip's MOS is not yet known to within 0.3 on %(axes)s.") % {"axes": names}
        url, action = "#needed", _("See how many ratings are needed")
    yield Advice(sentence, url, action)
