"""The number of ratings that a campaign's clips need, from the ratings that count alone."""

import pytest
from pytest_django import DjangoAssertNumQueries

from annotation.agreement.basis import Basis, Spread
from annotation.agreement.figures import compute_agreement
from annotation.agreement.ratings_needed import compute_needed, read_needed
from annotation.agreement.reviews import screen
from annotation.models import Campaign
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Undefined
from qsave.statistics.mos import count_ratings_needed
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_the_spread_is_that_of_the_agreement_page_with_screened_raters_left_out(campaign: Campaign) -> None:
    lead, odd = factories.make_lead(), factories.make_user()
    for rater, score in ((factories.make_user(), 2), (factories.make_user(), 4), (odd, 5)):
        factories.rate_all(rater, campaign, score)
    screen(actor=lead, campaign=campaign, rater=odd, verdict="screened", reason="Always five.")

    needed = read_needed(campaign)

    assert [one.axis for one in needed] == list(AXES)
    assert [one.sd for one in needed] == pytest.approx([one.spread.sd for one in compute_agreement(campaign).axes])
    assert needed[0].sd == pytest.approx(2**0.5)
    assert needed[0].ratings == count_ratings_needed(2**0.5)
    assert needed[0].more == count_ratings_needed(2**0.5) - 3


def test_full_agreement_does_not_claim_that_two_ratings_are_enough() -> None:
    one = compute_needed(Axis.VISUAL, Spread(0.0, Basis(60, 30, 30)), 10)
    assert (one.ratings, one.more) == (7, 0)  # at the spread of rounding to whole levels, 12 ** -0.5


def test_without_two_ratings_of_a_clip_it_says_why(campaign: Campaign) -> None:
    assert all(
        isinstance(one.ratings, Undefined) and "two ratings" in one.ratings.reason for one in read_needed(campaign)
    )
    factories.rate_all(factories.make_user(), campaign)
    assert all(isinstance(one.more, Undefined) for one in read_needed(campaign))


@pytest.mark.parametrize("raters", [1, 2])
def test_it_takes_three_queries_however_many_ratings_there_are(
    campaign: Campaign, raters: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(raters):
        factories.rate_all(factories.make_user(), campaign)
    with django_assert_num_queries(3):
        read_needed(campaign)


def test_the_spread_is_that_of_blind_ratings_where_drafts_were_shown() -> None:
    campaign = factories.make_campaign(3, overlap=4, assisted_share=0)
    campaign.slots.filter(number__gt=2).update(arm="assisted")
    Campaign.objects.filter(pk=campaign.pk).update(active_critic="starter@1")
    for score in (2, 4, 3, 3):  # the first two take the blind slots
        factories.rate_all(factories.make_user(), campaign, score)
    needed = read_needed(campaign)[0]
    assert needed.sd == pytest.approx(2**0.5)
    assert needed.thin == "3 clips have two blind ratings; agreement can be read from about 20."
    assert compute_agreement(campaign).axes[0].spread == Spread(needed.sd, Basis(6, 3, 3, "blind"))
