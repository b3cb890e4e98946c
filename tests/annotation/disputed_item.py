"""A clip with all that its page can show: times, boxes, a draft, an edit, a report, a review and a screening."""

from dataclasses import replace

from accounts.models import User
from annotation.agreement import reviews
from annotation.campaigns.reports import give_out_again
from annotation.models import Arm, Campaign, Item, Rating
from annotation.rating.answers import Answer
from annotation.rating.drafts import read_proposal
from qsave.axes import AXES, Axis
from qsave.report_card import Box, Evidence, TimeRange
from tests.annotation import factories

LONG_REASON = "The far hand melts into the sleeve and comes back with six fingers, then blurs again. " * 4
EVIDENCE: dict[Axis, tuple[Evidence, ...]] = {
    Axis.VISUAL: (
        Evidence("blur", TimeRange(0.5, 1.25), Box(0.25, 0.25, 0.25, 0.5)),
        Evidence("noise", TimeRange(0.6, 0.7)),
        Evidence("watermark", None, Box(0.8, 0.85, 0.15, 0.1)),
    ),
    Axis.DYNAMIC: (Evidence("jitter", TimeRange(1.5, 1.75), Box(0.5, 0.1, 0.4, 0.4)),),
    Axis.ALIGNMENT: (Evidence("wrong-count"),),
}
"""The evidence of the blind rater ruben; the clip lasts two seconds."""


def make_disputed_item(lead: User, *, name: str = "disputed") -> Item:
    """Make a clip of a campaign with a critic: rita saw its draft, ruben and rosa did not, and rosa is screened out."""
    campaign = factories.make_campaign(name=name, actor=lead)
    clip = factories.make_clip("fox-in-snow", video=factories.LONGER_VIDEO)
    item = factories.make_item(campaign, clip, arm=Arm.BLIND, slots=4)
    Campaign.objects.filter(pk=campaign.pk).update(active_critic="starter@1")
    item.slots.filter(number=1).update(arm=Arm.ASSISTED)
    factories.make_draft(item)
    _rate_with_draft(factories.make_user("rita"), campaign)
    ruben = factories.make_user("ruben")
    answers = {axis: Answer(2, EVIDENCE[axis], f"{LONG_REASON}On {axis}.") for axis in AXES}
    rating = factories.submit(ruben, factories.claim(ruben, campaign), answers=answers)
    factories.revise(
        rating,
        answers=answers | {Axis.DYNAMIC: replace(answers[Axis.DYNAMIC], score=3, reason=f"{LONG_REASON}It jumps.")},
    )
    rosa = factories.make_user("rosa")
    factories.rate_all(rosa, campaign, 5)
    reviews.screen(actor=lead, campaign=campaign, rater=rosa, verdict="screened", reason="All fives.")
    rex = factories.make_user("rex")
    factories.skip(rex, factories.claim(rex, campaign), kind="flagged", reason="It looks like a real person.")
    give_out_again(actor=lead, item=item)
    reviews.review(actor=lead, item=item, card=factories.make_card(2), note="The hand decides.")
    return Item.objects.select_related("campaign", "clip__prompt_group").get(pk=item.pk)


def _rate_with_draft(rater: User, campaign: Campaign) -> Rating:
    """Rate with an unchanged visual reason, an edited dynamic one, and own words on alignment."""
    slot = factories.claim(rater, campaign)
    assert slot.arm == Arm.ASSISTED
    answers = factories.make_answers(4, draft_use="edited")
    drafted = read_proposal(slot.item.drafts.get()).axes[Axis.VISUAL]
    answers[Axis.VISUAL] = Answer(4, drafted.evidence or (), drafted.reason, draft_use="confirmed", confirm_ms=900)
    answers[Axis.ALIGNMENT] = replace(answers[Axis.ALIGNMENT], draft_use="cleared")
    return factories.submit(rater, slot, answers=answers)
