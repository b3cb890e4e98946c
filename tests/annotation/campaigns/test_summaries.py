"""Summaries of items equal what they repeat, after any acts, and when two people write at once."""

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from annotation.agreement.reviews import review, screen, undo_review
from annotation.campaigns import reports
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.duplicate import CopiedParts, duplicate_campaign
from annotation.campaigns.marking import mark_item
from annotation.campaigns.policy import update_policy
from annotation.models import Item, ItemSummary, Rating, Slot
from annotation.rating import queue
from annotation.rating.answers import Answer
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence
from tests.annotation import factories
from tests.annotation.summaries import check_summaries
from tests.support.threads import run_at_once

RATERS, CLIPS = 3, 3
DEFECTS = ["", "blur", "noise"]
numbers = st.integers(0, 11)
acts = st.sampled_from(
    [
        *("rate", "rate", "rate", "edit", "report", "settle", "exclude", "screen", "keep", "mark", "raise", "add"),
        *("more", "review", "undo"),
    ]
)


def answer(score: int) -> dict[Axis, Answer]:
    """Make answers with scores that differ by axis, and a visual defect."""
    drawn = factories.make_answers({axis: (score + step) % 5 + 1 for step, axis in enumerate(AXES)})
    defect = DEFECTS[score % len(DEFECTS)]
    first = drawn[AXES[0]]
    return drawn | {AXES[0]: Answer(first.score, (Evidence(defect),) if defect else (), first.reason)}


class Site:
    """A campaign with its people, and the acts that change a summary."""

    def __init__(self) -> None:
        self.lead = factories.make_lead()
        self.campaign = factories.make_campaign(
            CLIPS, actor=self.lead, overlap=2, overlap_cap=4, disagreement_bound=1, assisted_share=0.5
        )
        self.raters = [factories.make_user(is_simulated=number == 0) for number in range(RATERS)]

    def act(self, name: str, number: int) -> None:
        items = list(Item.objects.filter(campaign=self.campaign).order_by("pk"))
        getattr(self, f"_{name}")(self.raters[number % RATERS], items[number % len(items)], number)

    def _rate(self, rater: User, _item: Item, number: int) -> None:
        if slot := queue.claim(rater=rater, campaign=self.campaign):
            factories.submit(rater, slot, answers=answer(number))

    def _edit(self, rater: User, _item: Item, number: int) -> None:
        rating = Rating.objects.filter(rater=rater).exclude(slot__kind="qualification").order_by("-pk").first()
        if rating:
            factories.revise(rating, answers=answer(number + 1))

    def _report(self, rater: User, _item: Item, number: int) -> None:
        if slot := queue.claim(rater=rater, campaign=self.campaign):
            factories.skip(rater, slot, kind=["skipped", "broken", "flagged"][number % 3])

    def _settle(self, _rater: User, item: Item, _number: int) -> None:
        reports.give_out_again(actor=self.lead, item=item, reason="It plays again.")

    def _exclude(self, _rater: User, item: Item, _number: int) -> None:
        reports.exclude(actor=self.lead, item=item, reason="The file is broken.")

    def _screen(self, rater: User, _item: Item, _number: int) -> None:
        self._decide(rater, "screened")

    def _keep(self, rater: User, _item: Item, _number: int) -> None:
        self._decide(rater, "kept")

    def _decide(self, rater: User, verdict: str) -> None:
        if Rating.objects.filter(rater=rater, slot__campaign=self.campaign).exists():
            screen(actor=self.lead, campaign=self.campaign, rater=rater, verdict=verdict, reason="See the golds.")

    def _mark(self, _rater: User, item: Item, number: int) -> None:
        free = not item.slots.exclude(state="free").exists()
        mark = ["gold", "plain", "qualification" if free and item.slots.exists() else "gold"][number % 3]
        mark_item(actor=self.lead, item=item, mark=mark, scores={"visual": 3})

    def _raise(self, _rater: User, item: Item, number: int) -> None:
        mark_item(actor=self.lead, item=item, priority=number)

    def _add(self, _rater: User, _item: Item, _number: int) -> None:
        add_clips(actor=self.lead, campaign=self.campaign, clips=[factories.make_clip()])

    def _review(self, _rater: User, item: Item, number: int) -> None:
        review(actor=self.lead, item=item, card=factories.make_card(number % 5 + 1), note="")

    def _undo(self, _rater: User, item: Item, _number: int) -> None:
        newest = item.reviews.filter(clip_version=item.clip.version).order_by("pk").last()
        if newest and newest.undoes_id is None:
            undo_review(actor=self.lead, item=item, decision=newest, undoes=0)

    def _more(self, _rater: User, _item: Item, number: int) -> None:
        update_policy(actor=self.lead, campaign=self.campaign, overlap=2 + number % 2, overlap_cap=4)


@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(drawn=st.lists(st.tuples(acts, numbers), min_size=5, max_size=25))
def test_summaries_equal_their_computation_after_any_acts(drawn: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        site = Site()
        for name, number in drawn:
            try:
                with transaction.atomic():
                    site.act(name, number)
            except ValidationError:  # fewer slots than are taken
                pass
            check_summaries(site.campaign)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_copy_of_a_campaign_has_summaries() -> None:
    site = Site()
    first, second, _third = Item.objects.order_by("pk")
    mark_item(actor=site.lead, item=first, mark="gold", scores={"visual": 3})
    reports.exclude(actor=site.lead, item=second, reason="The file is broken.")
    parts = CopiedParts(clips=True, golds=True)
    copy = duplicate_campaign(actor=site.lead, campaign=site.campaign, name="copy", title="Copy", parts=parts)
    check_summaries(copy)
    states = ItemSummary.objects.filter(campaign=copy).order_by("pk").values_list("state", "is_gold")
    assert list(states) == [("unrated", True), ("excluded", False), ("unrated", False)]


@pytest.mark.django_db(transaction=True)
def test_raters_who_submit_one_clip_at_once_are_all_in_its_summary() -> None:
    campaign = factories.make_campaign(1, overlap=4)
    raters = [factories.make_user() for _ in range(4)]
    slots = {rater: factories.claim(rater, campaign) for rater in raters}

    outcomes = run_at_once(*[lambda rater=rater: factories.submit(rater, slots[rater]) for rater in raters])

    assert [type(outcome) for outcome in outcomes] == [Rating] * 4
    check_summaries(campaign)


@pytest.mark.django_db(transaction=True)
def test_a_verdict_and_a_submit_of_that_rater_at_once_agree() -> None:
    campaign, rater, lead = factories.make_campaign(4, overlap=1), factories.make_user(), factories.make_lead()
    factories.submit(rater, factories.claim(rater, campaign))
    slot = factories.claim(rater, campaign)

    run_at_once(
        lambda: factories.submit(rater, slot),
        lambda: screen(actor=lead, campaign=campaign, rater=rater, verdict="screened", reason="See the golds."),
    )

    assert Slot.objects.filter(state="done").count() == 2
    check_summaries(campaign)
