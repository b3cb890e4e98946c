"""Undo in the review queue restores everything that the act changed, whatever the clip was like before."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from annotation.agreement import review_acts as acts
from annotation.agreement.review_version import read_version
from annotation.agreement.reviews import read_reviews_in_force, review
from annotation.campaigns.marking import mark_item
from annotation.campaigns.reports import exclude, give_out_again
from annotation.campaigns.undo import find_exclusion, undo_exclusions
from annotation.models import Item, ItemSummary, Skip
from tests.annotation import factories
from tests.annotation.agreement.test_review_acts import ACTS, make_item, reload
from tests.annotation.summaries import check_summaries

pytestmark = pytest.mark.django_db


def report(item: Item, kind: str = "broken") -> None:
    """Let a rater report the clip in a rating slot that is still free."""
    rater = factories.make_user()
    factories.skip(rater, factories.claim(rater, item.campaign), kind=kind, reason="It stays black.")


def report_twice(item: Item, lead: User) -> None:
    """Report the clip, settle that report, and report it again."""
    report(item)
    give_out_again(actor=lead, item=item)
    report(item, "flagged")


BEFORE: dict[str, Callable[[Item, User], object]] = {
    "plain": lambda item, lead: None,
    "reported": lambda item, lead: report(item),
    "reported again": report_twice,
    "reviewed": lambda item, lead: review(actor=lead, item=item, card=factories.make_card(4), note="It is fine."),
    "gold": lambda item, lead: mark_item(actor=lead, item=item, mark="gold", scores={"dynamic": 4.0}),
    "excluded": lambda item, lead: exclude(actor=lead, item=item, reason="It repeats another clip."),
}


def describe(item: Item) -> dict[str, Any]:
    """Return all that an act on the clip may change, without the trail of acts itself."""
    in_force = read_reviews_in_force([item.pk]).get(item.pk)
    return {
        "item": Item.objects.filter(pk=item.pk).values().get(),
        "slots": list(item.slots.order_by("number").values("kind", "number", "state", "rater", "arm", "rank")),
        "reports": list(Skip.objects.filter(item=item).order_by("pk").values()),
        "summary": ItemSummary.objects.filter(pk=item.pk).values().get(),
        "review": in_force and (in_force.card, in_force.note),
    }


@pytest.mark.parametrize("before", BEFORE)
def test_each_act_is_undone_whole(before: str) -> None:
    item, lead = make_item(2, 2, 5, overlap=5), factories.make_lead()
    BEFORE[before](item, lead)
    earlier = describe(item)
    refused = {"consensus", "card", "own", "more", "gold"} if before == "excluded" else set()
    for name in set(ACTS) - refused:
        act = ACTS[name] if name != "more" else ask_for_seven
        entry = act(lead, reload(item), read_version(reload(item)))
        assert describe(item) != earlier, name
        acts.undo_act(actor=lead, campaign=item.campaign, entry=entry.pk)
        assert describe(item) == earlier, name
    check_summaries(item.campaign)


def ask_for_seven(lead: User, item: Item, seen: Any) -> Any:
    return acts.ask_for_ratings(actor=lead, item=item, seen=seen, ratings=7, reason="It is close.")


def test_an_exclusion_of_many_clips_is_undone_clip_by_clip() -> None:
    lead = factories.make_lead()
    campaign = factories.make_campaign(4, actor=lead, overlap=3)
    kept, returned, again, withdrawn = items = list(campaign.items.order_by("pk"))
    report(kept)
    entries = {}
    for item in items:
        exclude(actor=lead, item=item, reason="Gore.")
        entry = find_exclusion(item)
        assert entry is not None
        entries[item.pk] = entry
    give_out_again(actor=lead, item=returned, reason="It is ketchup.")
    give_out_again(actor=lead, item=again, reason="It is ketchup.")
    exclude(actor=lead, item=again, reason="Gore.")
    Item.objects.filter(pk=withdrawn.pk).update(availability="withdrawn")

    outcome = undo_exclusions(actor=lead, items=items, entries=entries)

    assert [item.availability for item in outcome.changed] == [reload(items[0]).availability]
    assert set(outcome.left) == {again.pk, withdrawn.pk}
    assert "again since then" in outcome.describe_left()[again.pk]
    assert find_exclusion(reload(returned)) is None
