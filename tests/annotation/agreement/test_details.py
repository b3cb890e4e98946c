"""Defects, drift and the other details of stored ratings; the estimators are tested in tests/qsave/statistics."""

from dataclasses import replace

import pytest

from annotation.agreement.details import compute_defect_figures, compute_details, compute_drift_of_raters
from annotation.agreement.figures import compute_agreement
from annotation.agreement.named_defects import read_named_defects
from annotation.models import Rating
from annotation.rating import queue
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence, TimeRange
from qsave.statistics.figures import Undefined
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_details_rest_on_the_ratings_that_count_and_defects_are_counted_once_a_rating() -> None:
    """Of four clips two raters name blur on the first, one of them twice; one names it on the second."""
    campaign = factories.make_campaign(4, overlap=2, assisted_share=0)
    items = list(campaign.items.order_by("pk").values_list("pk", flat=True))
    twice = (Evidence("blur", TimeRange(0.1, 0.2)), Evidence("blur", TimeRange(0.3, 0.4)))
    named: list[dict[int, tuple[Evidence, ...]]] = [
        {items[0]: twice, items[1]: (Evidence("blur"),)},
        {items[0]: (Evidence("blur"),)},
    ]
    raters = [factories.make_user() for _ in named]
    for rater, own in zip(raters, named, strict=True):
        while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
            answers = factories.make_answers(4)
            answers[Axis.VISUAL] = replace(answers[Axis.VISUAL], evidence=own.get(slot.item_id, ()))
            factories.submit(rater, slot, answers=answers)
    Rating.objects.filter(item=items[3], rater=raters[0]).update(arm="assisted", critic_active=True)

    agreement, defects = compute_agreement(campaign), read_named_defects(campaign)
    blur = next(row for row in compute_defect_figures(agreement, defects)[Axis.VISUAL] if row.defect == "blur")
    assert blur.clips == 2
    assert blur.prevalence == pytest.approx(3 / 7)
    assert blur.alpha.estimate.value == pytest.approx(1 - 5 * 2 / (3 * 3 * 2))
    details = compute_details(agreement)
    assert list(details) == list(AXES)
    assert (details[Axis.VISUAL].dominant, details[Axis.VISUAL].ac2 is not None) == (1, True)
    drifts = compute_drift_of_raters(agreement)
    assert drifts.keys() == {rater.pk for rater in raters}
    drift = drifts[raters[0].pk][Axis.VISUAL].value
    assert isinstance(drift, Undefined)
    assert "not 4" in drift.reason
