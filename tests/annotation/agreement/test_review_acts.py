"""Acts on disputed clips: what each stores, what refuses it, and what happens if two people act at once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.audit_trail import describe_entries
from accounts.models import AuditEntry, User
from annotation.agreement import review_acts as acts
from annotation.agreement.review_cards import read_cards
from annotation.agreement.review_version import Overtaken, Version, list_entries, read_version
from annotation.agreement.reviews import read_reviews_in_force, screen
from annotation.campaigns.reports import exclude, give_out_again
from annotation.corrections.withdrawal import withdraw_items
from annotation.models import Item, ItemSummary, Review, Slot
from annotation.rating.answers import AnswersRefused
from qsave.report_card import card_from_json
from tests.annotation import factories
from tests.annotation.summaries import check_summaries
from tests.support.threads import run_at_once

pytestmark = pytest.mark.django_db
Act = Callable[[User, Item, Version], AuditEntry]


def make_item(*scores: int, overlap: int = 0, **settings: Any) -> Item:
    """Make a clip with one rating for each score, by ann, ben and so on."""
    lead = factories.make_lead()
    campaign = factories.make_campaign(1, actor=lead, overlap=overlap or len(scores), **settings)
    for name, score in zip(("ann", "ben", "eve", "max"), scores, strict=False):
        rater = User.objects.filter(username=name).first() or factories.make_user(name)
        factories.submit(rater, factories.claim(rater, campaign), answers=factories.make_answers(score))
    return reload(campaign.items.get())


def reload(item: Item) -> Item:
    return Item.objects.select_related("campaign", "clip__prompt_group").get(pk=item.pk)


def read_score(item: Item) -> float | None:
    """Return the visual score of the review in force."""
    review = read_reviews_in_force([item.pk]).get(item.pk)
    return None if review is None else card_from_json(review.card).visual.score


ACTS: dict[str, Act] = {
    "consensus": lambda lead, item, seen: acts.take_consensus(actor=lead, item=item, seen=seen),
    "card": lambda lead, item, seen: acts.take_card(
        actor=lead, item=item, seen=seen, rating=item.ratings.order_by("pk")[0].pk, reason="She saw the hand."
    ),
    "own": lambda lead, item, seen: acts.write_card(
        actor=lead, item=item, seen=seen, card=factories.make_card(5), reason="Both missed it."
    ),
    "more": lambda lead, item, seen: acts.ask_for_ratings(
        actor=lead, item=item, seen=seen, ratings=5, reason="It is close."
    ),
    "gold": lambda lead, item, seen: acts.make_gold(
        actor=lead, item=item, seen=seen, scores={"visual": 2}, reason="It is plain."
    ),
    "exclude": lambda lead, item, seen: acts.exclude(actor=lead, item=item, seen=seen, reason="A real person."),
}


@pytest.mark.parametrize(("act", "score"), [("consensus", 2.0), ("card", 2.0), ("own", 5.0)])
def test_a_lead_decides_and_undoes_it(act: str, score: float) -> None:
    item, lead = make_item(2, 2, 5), factories.make_lead()
    before = read_version(item)

    entry = ACTS[act](lead, item, before)

    assert (entry.actor, entry.data["act"], read_score(item)) == (lead, act, score)
    assert ItemSummary.objects.get(pk=item.pk).is_reviewed
    check_summaries(item.campaign)

    undone = acts.undo_act(actor=lead, campaign=item.campaign, entry=entry.pk)
    assert (undone.data["undoes"], read_score(item)) == (entry.pk, None)
    assert not ItemSummary.objects.get(pk=item.pk).is_reviewed
    assert Review.objects.filter(item=item).count() == 2  # nothing is deleted
    assert acts.undo_act(actor=lead, campaign=item.campaign, entry=entry.pk) == undone


def test_undo_goes_back_to_the_review_before() -> None:
    item, lead = make_item(2, 2, 5), factories.make_lead()
    first = ACTS["consensus"](lead, item, read_version(item))
    second = ACTS["own"](lead, item, read_version(item))
    with pytest.raises(Overtaken):
        acts.undo_act(actor=lead, campaign=item.campaign, entry=first.pk)

    acts.undo_act(actor=lead, campaign=item.campaign, entry=second.pk)

    assert read_score(item) == 2.0


def test_slots_that_nobody_took_are_closed_again() -> None:
    item, lead = make_item(1, 5), factories.make_lead()
    entry = ACTS["more"](lead, item, read_version(item))
    assert Slot.objects.filter(item=item).count() == 5
    assert (entry.data["reason"], "It is close." in describe_entries([entry])[0].sentence) == ("It is close.", True)
    factories.claim(factories.make_user(), item.campaign)

    acts.undo_act(actor=lead, campaign=item.campaign, entry=entry.pk)

    assert Slot.objects.filter(item=item).count() == 3  # two are rated and one is being rated


@pytest.mark.parametrize("act", ACTS)
def test_an_act_that_is_sent_again_changes_nothing(act: str) -> None:
    item, lead = make_item(2, 2, 5), factories.make_lead()
    seen = read_version(item)

    first = ACTS[act](lead, item, seen)

    assert ACTS[act](lead, item, seen) == first
    assert list_entries(item).filter(action=first.action).count() == 1


@pytest.mark.parametrize("act", ACTS)
def test_a_lead_who_comes_second_is_told_what_the_other_did(act: str) -> None:
    item, lead, other = make_item(2, 2, 5), factories.make_lead(), factories.make_lead("ada")
    seen = read_version(item)
    acts.write_card(actor=other, item=item, seen=seen, card=factories.make_card(4), reason="It isn't a hand.")

    with pytest.raises(Overtaken) as conflict:
        ACTS[act](lead, item, seen)

    assert "ada reviewed clip" in str(conflict.value)
    assert "It isn't a hand." in str(conflict.value)
    assert read_score(item) == 4.0


@pytest.mark.django_db(transaction=True)
def test_of_two_leads_at_once_one_decides_and_the_other_is_told() -> None:
    item, leads = make_item(2, 2, 5), [factories.make_lead(), factories.make_lead()]
    seen = read_version(item)

    outcomes = run_at_once(*[lambda lead=lead: ACTS["own"](lead, reload(item), seen) for lead in leads])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AuditEntry", "Overtaken"]
    assert Review.objects.count() == 1


def test_a_rating_that_comes_meanwhile_stops_the_act() -> None:
    item, lead = make_item(2, 2, overlap=3), factories.make_lead()
    seen = read_version(item)
    rater = factories.make_user()
    factories.submit(rater, factories.claim(rater, item.campaign))

    with pytest.raises(Overtaken, match="ratings have changed"):
        ACTS["consensus"](lead, item, seen)


def test_the_card_of_a_rater_who_is_screened_out_cannot_be_taken() -> None:
    item, lead = make_item(2, 2, 5, overlap=4), factories.make_lead()
    rater = item.ratings.order_by("pk")[0].rater
    late = factories.make_user("late")
    slot = factories.claim(late, item.campaign)
    screen(actor=lead, campaign=item.campaign, rater=rater, verdict="screened", reason="See the golds.")
    with pytest.raises(ValidationError, match="no rating of the clip that counts"):
        ACTS["card"](lead, item, read_version(item))

    # One who is screened out while they rate still submits, and their card is not among those that count.
    factories.submit(late, slot)
    assert [card.name for card in read_cards(item).raters] == ["\u2068ben\u2069", "\u2068eve\u2069", "\u2068late\u2069"]
    screen(actor=lead, campaign=item.campaign, rater=late, verdict="screened", reason="See the golds.")
    assert len(read_cards(item).raters) == 2


@pytest.mark.parametrize("left_out", ["excluded", "withdrawn"])
def test_a_clip_that_is_left_out_meanwhile_is_not_decided(left_out: str) -> None:
    item, lead = make_item(2, 2, 5), factories.make_lead("ada")
    seen = read_version(item)
    if left_out == "excluded":
        exclude(actor=lead, item=item, reason="A real person.")
    else:
        withdraw_items(actor=lead, items=[item], reason="A real person.")
    for act in ("consensus", "own", "more", "gold"):
        with pytest.raises(Overtaken, match="A real person"):
            ACTS[act](lead, item, seen)
        with pytest.raises(ValidationError, match=left_out):
            ACTS[act](lead, item, read_version(reload(item)))
    assert read_score(item) is None


def test_what_an_act_refuses() -> None:
    item, lead = make_item(2, 5), factories.make_lead()
    seen = read_version(item)
    refusals: list[Callable[[], object]] = [
        lambda: acts.take_consensus(actor=lead, item=item, seen=seen),
        lambda: acts.take_card(actor=lead, item=item, seen=seen, rating=10**9),
        lambda: acts.write_card(actor=lead, item=item, seen=seen, card=factories.make_card(), reason=" "),
        lambda: acts.ask_for_ratings(actor=lead, item=item, seen=seen, ratings=3, reason=""),
        lambda: acts.ask_for_ratings(actor=lead, item=item, seen=seen, ratings=99, reason="More."),
        lambda: acts.make_gold(actor=lead, item=item, seen=seen, scores={}, reason="It is plain."),
        lambda: acts.make_gold(actor=lead, item=item, seen=seen, scores={"visual": 3}, reason=""),
        lambda: acts.exclude(actor=lead, item=item, seen=seen, reason=""),
        lambda: acts.undo_act(actor=lead, campaign=item.campaign, entry=10**9),
    ]
    for refused in refusals:
        with pytest.raises((ValidationError, AnswersRefused)):
            refused()
    with pytest.raises(PermissionDenied):
        acts.take_consensus(actor=factories.make_user(), item=item, seen=seen)
    assert read_version(item) == seen


def test_undo_is_refused_once_somebody_else_has_acted() -> None:
    item, lead = make_item(2, 2, 5), factories.make_lead()
    entry = ACTS["exclude"](lead, item, read_version(item))
    give_out_again(actor=factories.make_lead("ada"), item=reload(item), reason="It is an actor.")

    with pytest.raises(Overtaken, match="It is an actor"):
        acts.undo_act(actor=lead, campaign=item.campaign, entry=entry.pk)


def test_a_campaign_may_hide_the_names_of_raters() -> None:
    item = make_item(2, 2, 5, names_raters_in_review=False)
    assert [card.name for card in read_cards(item).raters] == ["Rater 1", "Rater 2", "Rater 3"]
    entry = ACTS["card"](factories.make_lead(), item, read_version(item))
    assert "Rater 1" in describe_entries([entry])[0].sentence
