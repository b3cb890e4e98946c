"""A small val or test split is filled, and a generator is held out."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEntry, Role, User
from annotation.groups.filling import fill_splits, plan_fill
from annotation.groups.holding_out import hold_out_generator, let_in_generator
from annotation.intake.import_report import read_split_sizes
from annotation.models import Campaign, Clip, HeldOutGenerator, PromptGroup
from tests.annotation import factories
from tests.annotation.groups.test_group_acts import check_arms, make_campaign, store_clips
from tests.annotation.summaries import check_summaries
from tests.qsave.prompt_families import SUBJECTS

pytestmark = pytest.mark.django_db


def store_many(lead: User, count: int) -> Campaign:
    """A campaign of `count` groups with two clips each, all in train."""
    clips = store_clips(SUBJECTS[:count])
    PromptGroup.objects.update(split="train")
    twins = [factories.make_clip(prompt=clip.prompt, group=clip.prompt_group) for clip in clips]
    return make_campaign(lead, [*clips, *twins])


def test_the_plan_is_what_the_act_does(lead: User) -> None:
    campaign = store_many(lead, 60)
    plan = plan_fill(campaign)
    assert (plan.is_needed, plan.is_enough, plan.count) == (True, True, 20)

    fill_splits(actor=lead, campaign=campaign, reason="Both were empty.")

    assert read_split_sizes(campaign) == plan.after
    assert plan_fill(campaign).count == 0
    assert AuditEntry.objects.filter(action="groups.moved", data__after="val").count() == 10
    check_arms(campaign)
    check_summaries(campaign)


def test_train_does_not_get_small_and_groups_of_rated_clips_stay(lead: User) -> None:
    campaign = store_many(lead, 14)
    plan = plan_fill(campaign)
    assert (plan.is_enough, plan.count, plan.after["train"].groups) == (False, 4, 10)

    Campaign.objects.update(state="open")
    rater = factories.make_user()
    taken = factories.claim(rater, campaign).item.clip.prompt_group_id
    assert taken not in [key for keys in plan_fill(campaign).moves.values() for key in keys]


def test_without_a_group_that_can_move_the_act_says_so(lead: User) -> None:
    with pytest.raises(ValidationError, match="Import clips of more prompts"):
        fill_splits(actor=lead, campaign=None, reason="Both were empty.")


def test_holding_out_moves_the_groups_that_are_its_own_and_undecided(lead: User) -> None:
    engineer = factories.make_user("eva", role=Role.ENGINEER)
    clips = store_clips(SUBJECTS[:4])
    PromptGroup.objects.update(split="train")
    own, shared, taken, other = (clip.prompt_group for clip in clips)
    Clip.objects.filter(prompt_group__in=[own, shared, taken]).update(generator="new-1")
    factories.make_clip(prompt=SUBJECTS[1], group=shared)
    campaign = make_campaign(lead, [clips[2]])
    Campaign.objects.update(state="open")
    factories.claim(factories.make_user(), campaign)

    assert hold_out_generator(actor=engineer, generator="new-1", reason="Unseen") == 1

    splits = dict(PromptGroup.objects.values_list("pk", "split"))
    assert splits == {own.pk: "test", shared.pk: "train", taken.pk: "train", other.pk: "train"}
    with pytest.raises(ValidationError, match="already"):
        hold_out_generator(actor=engineer, generator="new-1", reason="Unseen")
    let_in_generator(actor=engineer, key=HeldOutGenerator.objects.get().pk, reason="Enough of it.")
    assert not HeldOutGenerator.objects.exists()
    assert dict(PromptGroup.objects.values_list("pk", "split")) == splits
    assert AuditEntry.objects.get(action="splits.let_in").data["generator"] == "new-1"


def test_a_lead_does_not_hold_out_a_generator(lead: User) -> None:
    with pytest.raises(PermissionDenied):
        hold_out_generator(actor=lead, generator="toy-1", reason="Unseen")
