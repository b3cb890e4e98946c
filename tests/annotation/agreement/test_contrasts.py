"""Prompts and defects on which generators differ, and critics against blind ratings."""

from dataclasses import replace

import pytest

from annotation.agreement import critic_figures
from annotation.agreement.critic_figures import compare_critics
from annotation.agreement.figures import compute_agreement
from annotation.agreement.generator_contrasts import add_prompts, count_defects, find_prompt_gaps
from annotation.agreement.reviews import screen
from annotation.campaigns.campaigns import add_clips
from annotation.models import Arm, Campaign, Clip, Draft, Item
from annotation.rating.drafts import record_draft
from qsave.axes import AXES, Axis
from qsave.json_records import decode_record, encode_record
from qsave.report_card import Evidence
from qsave.statistics.figures import Undefined
from tests.annotation.factories import (
    claim,
    make_answers,
    make_campaign,
    make_clip,
    make_item,
    make_lead,
    make_proposal,
    make_user,
    rate_all,
    submit,
)

pytestmark = pytest.mark.django_db
SCORES = {"calm-a": 3, "calm-b": 3, "wide-a": 1, "wide-b": 5, "wide-b2": 4, "alone-a": 2}


def test_the_prompts_that_differ_most_come_first_and_equal_ones_are_left_out() -> None:
    campaign = make_campaign(overlap=1, assisted_share=0.0)
    calm, wide = (
        make_clip(f"{word}-a", generator="a", prompt=f"a {word} fox").prompt_group for word in ("calm", "wide")
    )
    for clip, group in (("calm-b", calm), ("wide-b", wide), ("wide-b2", wide)):
        make_clip(clip, generator="b", group=group)
    make_clip("alone-a", generator="a")
    add_clips(actor=make_lead(), campaign=campaign, clips=list(Clip.objects.filter(clip_id__in=SCORES)))
    rate_all(make_user(), campaign, SCORES)
    Clip.objects.filter(clip_id="wide-a").update(prompt="a wide fox, corrected")
    for gaps in add_prompts(find_prompt_gaps(compute_agreement(campaign))).values():
        (gap,) = gaps
        assert (gap.prompt, gap.best, gap.worst, gap.gap) == ("a wide fox, corrected", "b", "a", 3.5)


def rate_with_defects(campaign: Campaign, defects: list[str]) -> None:
    """Rate the next clip for each entry, by a new person, with this visual defect, or none."""
    for defect in defects:
        rater = make_user()
        pieces = (Evidence(defect),) if defect else ()
        answers = make_answers(2)
        answers[Axis.VISUAL] = replace(answers[Axis.VISUAL], evidence=pieces)
        submit(rater, claim(rater, campaign), answers=answers)


def test_defects_are_counted_by_generator_over_ratings_that_count() -> None:
    campaign = make_campaign()
    make_item(campaign, make_clip(generator="a"), slots=3)
    rate_with_defects(campaign, ["blur", "blur", ""])
    table = count_defects(campaign)
    assert (table.generators, table.ratings[Axis.VISUAL]) == (("a",), (3,))
    assert [(row.defect, row.ratings) for row in table.rows] == [("blur", (2,))]
    out = Item.objects.get(campaign=campaign).ratings.order_by("pk")[0].rater
    screen(actor=make_lead(), campaign=campaign, rater=out, verdict="screened", reason="Asleep.")
    table = count_defects(campaign)
    assert (table.ratings[Axis.VISUAL], table.rows[0].ratings) == ((2,), (1,))


@pytest.fixture
def drafted() -> Campaign:
    """Two clips with a draft of score 3 and the defect blur each; blind raters give 2 and name blur on one of them."""
    campaign = make_campaign()
    for defects in (["blur", "blur", ""], ["", "", "blur"]):
        item = make_item(campaign, slots=3)
        record_draft(item_id=item.pk, critic="tester@1", proposal=make_proposal(3), text="", latency_ms=1)
        rate_with_defects(campaign, defects)
    return campaign


def test_a_critic_is_compared_with_blind_ratings_alone(drafted: Campaign) -> None:
    (critic,) = compare_critics(compute_agreement(drafted))
    assert (critic.critic, critic.every, critic.clips, critic.sampled) == ("tester@1", 2, 2, 2)
    for axis in critic.axes:
        assert (axis.clips, axis.bias.estimate.value, axis.distance) == (2, 1.0, 1.0)
        assert axis.bias.thin.startswith("2 clips have a drafted score and a blind rating")
        assert axis.points == ((3.0, 2.0), (3.0, 2.0))
    (match,) = critic.defects
    assert (match.axis, match.defect) == (Axis.VISUAL, "blur")
    assert (match.drafted, match.named, match.both) == (2, 1, 1)
    assert decode_record(type(critic), encode_record(critic)) == critic


def test_a_score_alone_is_no_wrong_no_defect(drafted: Campaign) -> None:
    first, second = Draft.objects.order_by("pk")
    first.proposal["visual"]["evidence"], second.proposal["visual"]["evidence"] = None, []
    Draft.objects.bulk_update([first, second], ["proposal"])
    (critic,) = compare_critics(compute_agreement(drafted))
    assert [axis.clips for axis in critic.axes] == [2, 2, 2]
    assert critic.defects == ()  # people name blur on the first clip, of whose defects the draft says nothing


def test_of_many_clips_some_are_compared_and_the_number_of_all_is_kept(
    drafted: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOST_COMPARED", "MOST_FOR_DEFECTS"):
        monkeypatch.setattr(critic_figures, name, 2)
    item = make_item(drafted, slots=1)
    record_draft(item_id=item.pk, critic="tester@1", proposal=make_proposal(3), text="", latency_ms=1)
    rate_with_defects(drafted, [""])
    (critic,) = compare_critics(compute_agreement(drafted))
    assert (critic.every, critic.clips, critic.sampled, critic.axes[0].clips) == (3, 2, 2, 2)


def test_without_blind_ratings_or_drafts_there_is_no_critic_to_compare() -> None:
    campaign = make_campaign()
    assert compare_critics(compute_agreement(campaign)) == ()
    item = make_item(campaign, arm=Arm.ASSISTED)
    record_draft(item_id=item.pk, critic="tester@1", proposal=make_proposal(3), text="", latency_ms=1)
    assert compare_critics(compute_agreement(campaign)) == ()


def test_screened_raters_count_for_no_critic(drafted: Campaign) -> None:
    lead = make_lead()
    for rating in Item.objects.filter(campaign=drafted).order_by("pk")[0].ratings.all():
        screen(actor=lead, campaign=drafted, rater=rating.rater, verdict="screened", reason="Asleep.")
    (critic,) = compare_critics(compute_agreement(drafted))
    assert critic.clips == 1
    assert all(isinstance(axis.srcc.estimate.value, Undefined) for axis in critic.axes)
    assert [match.named for match in critic.defects] == [0]
    assert len(critic.axes) == len(AXES)
