"""Prompt groups change while others change them and while raters claim clips."""

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from annotation.campaigns.summaries import refresh_summaries
from annotation.groups.acts import merge_groups, redraw_groups
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import find_group, group_prompts
from annotation.models import Campaign, PromptGroup, Slot
from annotation.rating import queue
from tests.annotation import factories
from tests.annotation.groups.test_group_acts import CHAIN, REASON, check_arms, make_campaign, store_clips
from tests.annotation.summaries import check_summaries
from tests.qsave.prompt_families import SUBJECTS
from tests.support.threads import run_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_merges_of_the_same_groups_at_once_are_one_merge_and_one_refusal() -> None:
    lead = factories.make_lead()
    clips = store_clips(SUBJECTS[:3])
    campaign = make_campaign(lead, clips)
    one, two, _three = PromptGroup.objects.order_by("pk").values_list("pk", flat=True)

    results = run_at_once(
        *[lambda: merge_groups(actor=lead, groups=[one, two], reason=REASON)] * 2,
    )

    assert sum(isinstance(result, ValidationError) for result in results) == 1
    assert PromptGroup.objects.count() == 2
    check_arms(campaign)


def test_raters_who_claim_while_splits_are_drawn_again_get_the_arm_of_the_split() -> None:
    lead = factories.make_lead()
    campaign = make_campaign(lead, store_clips(SUBJECTS[:20]))
    Campaign.objects.filter(pk=campaign.pk).update(state="open", assisted_share=1.0)
    campaign.refresh_from_db()
    PromptGroup.objects.update(split="test")
    Slot.objects.update(arm="blind")
    with transaction.atomic():
        refresh_summaries(campaign.items.values_list("pk", flat=True))
    keys = list(PromptGroup.objects.values_list("pk", flat=True))
    raters = [factories.make_user() for _ in range(5)]

    _drawn, *slots = run_at_once(
        lambda: redraw_groups(actor=lead, groups=keys, reason=REASON),
        *[lambda rater=rater: queue.claim(rater=rater, campaign=campaign) for rater in raters],
    )

    claimed = [slot for slot in slots if slot is not None]  # nothing is free while the act has locked all slots
    assert all(isinstance(slot, Slot) for slot in claimed)
    assert Slot.objects.filter(state="leased").count() == len(claimed)
    check_arms(campaign)
    check_summaries(campaign)


def test_a_prompt_that_comes_in_while_its_group_is_merged_finds_the_merged_one() -> None:
    lead = factories.make_lead()
    store_clips([CHAIN[0], *SUBJECTS[:5]])
    keys = [PromptGroup.objects.get(prompts__text=text).pk for text in (SUBJECTS[0], CHAIN[0])]
    row = Row("a.mp4", CHAIN[1], "toy-1")

    run_at_once(lambda: merge_groups(actor=lead, groups=keys, reason=REASON), lambda: group_prompts([row], seed=0))

    group, bridges = find_group(row)
    assert (group.prompts.filter(text=SUBJECTS[0]).exists(), bridges) == (True, False)
