"""The MOS of one clip is that of the campaign's table."""

import csv
import random
from dataclasses import astuple
from functools import partial

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.agreement import reviews
from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_mos import AxisMos
from annotation.agreement.clip_mos import read_item_mos as read_mos_without
from annotation.agreement.mos_csv import FIGURES, write_mos_csv
from annotation.agreement.mos_rows import read_mos_rows
from annotation.campaigns.reports import exclude
from annotation.models import Arm, Campaign, Item
from annotation.raters.screening import read_screened_raters
from annotation.rating import queue
from qsave.axes import AXES, Axis
from qsave.statistics.figures import Figure, Undefined
from tests.annotation import factories

pytestmark = pytest.mark.django_db

ITEMS = 5
MIXES: dict[str, dict[str, object]] = {
    "blind": {"arms": (Arm.BLIND,)},
    "assisted": {"arms": (Arm.ASSISTED,), "critic_active": True},
    "both arms": {"arms": (Arm.BLIND, Arm.ASSISTED), "critic_active": True},
    "assisted without a critic": {"arms": (Arm.ASSISTED,)},
    "one rating each": {"arms": (Arm.BLIND,), "raters": 1},
    "nothing": {"arms": (Arm.BLIND,), "raters": 0},
    "equal scores": {"arms": (Arm.BLIND,), "levels": (4, 4)},
}
"""Campaigns that differ in what the spread rests on."""


def make_rated_campaign(
    *, arms: tuple[Arm, ...], critic_active: bool = False, raters: int = 4, levels: tuple[int, int] = (1, 5)
) -> tuple[Campaign, list[User]]:
    """Make a campaign of ITEMS clips with random scores; one rater skips every third clip."""
    draw = random.Random(f"{arms}{critic_active}{raters}{levels}")
    campaign = factories.make_campaign(overlap=4)
    for number in range(ITEMS):
        factories.make_item(campaign, factories.make_clip(f"m{number}"), arm=arms[number % len(arms)], slots=4)
    Campaign.objects.filter(pk=campaign.pk).update(active_critic="c@1" if critic_active else "")
    campaign.refresh_from_db()
    people = [factories.make_user() for _ in range(raters)]
    for rater in people:
        count = 0
        while slot := queue.claim(rater=rater, campaign=campaign):
            count += 1
            if rater == people[0] and count % 3 == 0:
                factories.skip(rater, slot)
            else:
                factories.submit(rater, slot, answers=factories.make_answers({a: draw.randint(*levels) for a in AXES}))
    return campaign, people


def read_item_mos(item: Item) -> list[AxisMos]:
    read_tallies = partial(read_axis_tallies, item.campaign)
    return read_mos_without(item, read_screened_raters(item.campaign), read_tallies)


def list_figures(figures: list[Figure]) -> list[object]:
    return [figure if isinstance(figure, Undefined) else pytest.approx(figure, abs=1e-9) for figure in figures]


def check_against_the_record(campaign: Campaign) -> int:
    """Compare every item with the agreement page's row and with mos.csv; return the number of defined MOS."""
    rows = {row.item: row for row in read_mos_rows(campaign)}
    lines = {
        line["clip_id"]: line for line in csv.DictReader("".join(write_mos_csv(campaign)).lstrip("\ufeff").splitlines())
    }
    defined = 0
    for item in Item.objects.filter(campaign=campaign).select_related("campaign", "clip"):
        for one in read_item_mos(item):
            row = rows.get(item.pk)
            expected = row.mos.get(one.axis) if row else None
            if expected is None:
                assert isinstance(one.mos, Undefined)
                assert one.scores == ()
                continue
            assert not isinstance(one.mos, Undefined)
            assert list(astuple(one.mos)) == list_figures(list(astuple(expected)))
            assert (row and row.blind[one.axis], len(one.scores)) == (one.blind, one.mos.n)
            line = lines[item.clip.clip_id]
            shown = {"mos": one.mos.mos, "sd": one.mos.sd, "low": one.mos.low, "high": one.mos.high}
            for name, figure in shown.items():
                assert name in FIGURES
                cell = line[f"{one.axis}_{name}"]
                assert cell == ("" if isinstance(figure, Undefined) else f"{figure:.4f}")
            defined += 1
    return defined


@pytest.mark.parametrize("mix", MIXES)
def test_each_clip_has_the_figures_of_the_agreement_page_and_of_mos_csv(mix: str) -> None:
    campaign, raters = make_rated_campaign(**MIXES[mix])  # type: ignore[arg-type]
    assert check_against_the_record(campaign) == 3 * len(list(read_mos_rows(campaign)))
    assert bool(list(read_mos_rows(campaign))) == bool(raters)


def test_screened_raters_and_excluded_clips_do_not_count(lead: User) -> None:
    campaign, raters = make_rated_campaign(arms=(Arm.BLIND,))
    reviews.screen(actor=lead, campaign=campaign, rater=raters[1], verdict="screened", reason="Asleep.")
    first, second, *_ = campaign.items.order_by("pk")
    exclude(actor=lead, item=first, reason="Gore.")
    assert check_against_the_record(campaign) == 3 * (ITEMS - 1)
    first.refresh_from_db()
    assert {str(one.mos) for one in read_item_mos(first)} == {"the clip is excluded"}
    assert all(one.mos.n == 3 for one in read_item_mos(second) if not isinstance(one.mos, Undefined))


def test_a_single_rating_says_why_it_has_no_spread() -> None:
    campaign, _ = make_rated_campaign(arms=(Arm.BLIND,), raters=1)
    item = campaign.items.order_by("pk")[0]
    for one in read_item_mos(item):
        assert not isinstance(one.mos, Undefined)
        assert one.mos.sd == Undefined("one rating has no spread")
        assert one.mos.low < one.mos.mos < one.mos.high or one.mos.mos in (1, 5)


def test_check_slots_do_not_count(lead: User) -> None:
    campaign = factories.make_campaign(gold_share=0.5)
    item = factories.make_item(campaign)
    Item.objects.filter(pk=item.pk).update(gold={Axis.VISUAL: 4.0})
    factories.make_item(campaign)
    rater = factories.make_user()
    item.slots.update(kind="gold")
    factories.rate_all(rater, campaign)
    assert {str(one.mos) for one in read_item_mos(item)} == {"no rating of this clip counts"}


def test_the_queries_do_not_grow_with_the_campaign(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    campaign, _ = make_rated_campaign(arms=(Arm.BLIND,))
    item = campaign.items.select_related("campaign").order_by("pk")[0]
    with django_assert_num_queries(5):
        read_item_mos(item)
    for _number in range(3):
        factories.make_item(campaign)
    factories.rate_all(factories.make_user(), campaign)
    with django_assert_num_queries(5):
        read_item_mos(item)
