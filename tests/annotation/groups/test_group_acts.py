"""Groups of which no rater was given a clip can be merged, split and drawn again."""

from collections import Counter
from random import Random

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import AuditEntry, User
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.overlap import draw_arm
from annotation.groups.acts import merge_groups, redraw_groups, split_group
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import find_group, group_prompts
from annotation.intake.prompt_index import find_near_sets
from annotation.models import Campaign, Clip, Draft, GroupedPrompt, Item, ItemSummary, PromptGroup, Slot
from tests.annotation import factories
from tests.annotation.summaries import check_summaries
from tests.qsave.prompt_families import SUBJECTS

pytestmark = pytest.mark.django_db
CHAIN = [" ".join(f"w{number}" for number in range(start, start + 20)) for start in range(6)]
REASON = "The same scene in other words."


def store_clips(prompts: list[str], *, name: str = "") -> list[Clip]:
    rows = [Row("a.mp4", prompt, "toy-1", prompt_group=name) for prompt in prompts]
    group_prompts(rows, seed=0)
    clips = []
    for row in rows:
        group, bridges = find_group(row)
        clips.append(factories.make_clip(prompt=row.prompt, group=group, bridges_splits=bridges))
    return clips


def make_campaign(lead: User, clips: list[Clip]) -> Campaign:
    campaign = factories.make_campaign(actor=lead, overlap=4, assisted_share=0.5)
    add_clips(actor=lead, campaign=campaign, clips=clips)
    return campaign


def put_in_split(clip: Clip, split: str) -> None:
    PromptGroup.objects.filter(pk=clip.prompt_group_id).update(split=split)


def check_arms(campaign: Campaign) -> None:
    """Every free slot has the arm that its split and the campaign's seed give it."""
    for slot in Slot.objects.filter(campaign=campaign).select_related("item__clip__prompt_group"):
        clip = slot.item.clip
        assert slot.arm == draw_arm(campaign, clip.clip_id, slot.number, clip.prompt_group.split)


def test_merged_groups_are_one_with_the_split_of_the_oldest(lead: User) -> None:
    clips = store_clips(SUBJECTS[:3])
    for clip, split in zip(clips, ("test", "train", "train"), strict=True):
        put_in_split(clip, split)
    campaign = make_campaign(lead, clips)
    factories.make_draft(Item.objects.get(clip=clips[1]))

    merge_groups(actor=lead, groups=[clip.prompt_group_id for clip in clips[:2]], reason=REASON)

    group = PromptGroup.objects.get(prompts__text=SUBJECTS[1])
    assert set(group.prompts.values_list("text", flat=True)) == set(SUBJECTS[:2])
    assert (set(group.clips.values_list("pk", flat=True)), group.split) == ({clips[0].pk, clips[1].pk}, "test")
    assert PromptGroup.objects.count() == 2
    assert set(ItemSummary.objects.filter(item__clip__in=clips[:2]).values_list("split", flat=True)) == {"test"}
    assert not Draft.objects.exists()
    check_arms(campaign)
    check_summaries(campaign)
    entry = AuditEntry.objects.get(action="groups.merged")
    assert (entry.data["reason"], entry.data["count"], entry.target_id) == (REASON, 2, str(group.pk))


def test_a_later_import_finds_the_merged_group(lead: User) -> None:
    clips = store_clips(SUBJECTS[:2])
    group = merge_groups(actor=lead, groups=[clip.prompt_group_id for clip in clips], reason=REASON)
    for prompt in SUBJECTS[:2]:
        assert find_group(Row("a", prompt, "toy-1")) == (group, False)


def test_a_merged_group_has_the_name_that_a_manifest_gave_and_two_names_stay_apart(lead: User) -> None:
    plain, pets, other = (
        *store_clips(SUBJECTS[:1]), *store_clips(["a dog barks"], name="pets"), *store_clips(["sun"], name="other"),
    )  # fmt: skip
    with pytest.raises(ValidationError, match="stay apart"):
        merge_groups(actor=lead, groups=[pets.prompt_group_id, other.prompt_group_id], reason=REASON)
    group = merge_groups(actor=lead, groups=[plain.prompt_group_id, pets.prompt_group_id], reason=REASON)
    assert group.name == "pets"
    assert find_group(Row("a", "a dog barks", "toy-1", prompt_group="pets"))[0] == group


def test_prompts_that_are_split_off_have_a_group_of_their_own_in_the_same_split(lead: User) -> None:
    clips = store_clips(CHAIN[:3])
    (group,) = PromptGroup.objects.all()
    moved = GroupedPrompt.objects.get(text=CHAIN[0])
    make_campaign(lead, clips)

    new = split_group(actor=lead, group=group.pk, prompts=[moved.pk], reason=REASON)

    assert list(new.prompts.values_list("text", flat=True)) == [CHAIN[0]]
    assert set(new.clips.values_list("pk", flat=True)) == {clips[0].pk}
    assert new.split == group.split
    assert not Clip.objects.filter(bridges_splits=True).exists()
    back = merge_groups(actor=lead, groups=[group.pk, new.pk], reason=REASON)
    assert back.prompts.count() == 3


@pytest.mark.parametrize("chosen", [[], CHAIN[:3]], ids=["none", "all"])
def test_a_split_leaves_prompts_on_both_sides(lead: User, chosen: list[str]) -> None:
    store_clips(CHAIN[:3])
    keys = list(GroupedPrompt.objects.filter(text__in=chosen).values_list("pk", flat=True))
    with pytest.raises(ValidationError, match="must stay"):
        split_group(actor=lead, group=PromptGroup.objects.get().pk, prompts=keys, reason=REASON)


def test_a_prompt_whose_group_a_manifest_named_stays(lead: User) -> None:
    store_clips(["a dog barks", "a cat sleeps"], name="pets")
    prompt = GroupedPrompt.objects.all()[0]
    with pytest.raises(ValidationError, match="cannot leave"):
        split_group(actor=lead, group=prompt.group_id, prompts=[prompt.pk], reason=REASON)


def test_groups_that_are_drawn_again_follow_the_shares(lead: User) -> None:
    clips = store_clips(SUBJECTS[:100])
    PromptGroup.objects.update(split="train")
    campaign = make_campaign(lead, clips)

    counts = redraw_groups(
        actor=lead, groups=list(PromptGroup.objects.values_list("pk", flat=True)), reason="All were in train."
    )

    assert counts == Counter(PromptGroup.objects.values_list("split", flat=True))
    assert abs(counts["val"] - 10) <= 2 >= abs(counts["test"] - 10)
    check_arms(campaign)
    check_summaries(campaign)
    moved = AuditEntry.objects.filter(action="groups.redrawn")
    assert {entry.data["after"] for entry in moved} == {"val", "test"}
    assert moved.count() == counts["val"] + counts["test"]


def test_near_prompts_in_two_splits_bridge_until_they_are_in_one_again(lead: User) -> None:
    clips = store_clips([*CHAIN[:2], *SUBJECTS[:30]])
    prompt = GroupedPrompt.objects.get(text=CHAIN[0])
    new = split_group(actor=lead, group=prompt.group_id, prompts=[prompt.pk], reason=REASON)
    PromptGroup.objects.filter(pk=new.pk).update(split="test")
    PromptGroup.objects.exclude(pk=new.pk).update(split="train")

    redraw_groups(actor=lead, groups=[new.pk], reason=REASON)
    new.refresh_from_db()
    assert Clip.objects.get(pk=clips[0].pk).bridges_splits == (new.split != "train")

    PromptGroup.objects.filter(pk=new.pk).update(split="val")
    merge_groups(actor=lead, groups=[new.pk, Clip.objects.get(pk=clips[1].pk).prompt_group_id], reason=REASON)
    assert not Clip.objects.filter(bridges_splits=True).exists()
    assert not GroupedPrompt.objects.filter(bridges_splits=True).exists()


def test_one_video_under_two_prompts_bridges_if_they_are_drawn_apart(lead: User) -> None:
    clips = store_clips(SUBJECTS[:40])
    Clip.objects.filter(pk__in=[clips[0].pk, clips[1].pk]).update(sha256="f" * 64)
    PromptGroup.objects.update(split="train")
    keys = [clip.prompt_group_id for clip in clips]
    for _ in range(3):
        redraw_groups(actor=lead, groups=keys, reason=REASON)
        splits = set(Clip.objects.filter(sha256="f" * 64).values_list("prompt_group__split", flat=True))
        marked = set(Clip.objects.filter(sha256="f" * 64).values_list("bridges_splits", flat=True))
        assert marked == {len(splits) > 1}


@pytest.mark.parametrize("seed", range(4))
def test_after_any_acts_near_prompts_in_two_splits_are_marked(lead: User, seed: int) -> None:
    draw = Random(seed)
    words = [f"word{number}" for number in range(10)]
    store_clips(list({" ".join(draw.sample(words, k=draw.randint(4, 9))) for _ in range(25)}))
    for _ in range(6):
        groups = list(PromptGroup.objects.order_by("pk").values_list("pk", flat=True))
        chosen = draw.sample(groups, k=min(3, len(groups)))
        act = draw.choice(("merge", "split", "redraw"))
        prompts = list(GroupedPrompt.objects.filter(group=chosen[0]).order_by("pk").values_list("pk", flat=True))
        if act == "merge" and len(chosen) > 1:
            merge_groups(actor=lead, groups=chosen[:2], reason=REASON)
        elif act == "split" and len(prompts) > 1:
            split_group(actor=lead, group=chosen[0], prompts=prompts[:1], reason=REASON)
        else:
            redraw_groups(actor=lead, groups=chosen, reason=REASON)
        check_bridges()


def check_bridges() -> None:
    """Of two near prompts in different splits, at least one bridges; its clips are left out of releases."""
    prompts = {prompt.token_set_id: prompt for prompt in GroupedPrompt.objects.select_related("group")}
    for one, near in find_near_sets([key for key in prompts if key]).items():
        for other in near:
            if prompts[one].group.split != prompts[other].group.split:
                assert prompts[one].bridges_splits or prompts[other].bridges_splits
    for clip in Clip.objects.all():
        assert clip.bridges_splits == find_group(Row("a", clip.prompt, clip.generator))[1]


@pytest.mark.parametrize("way", ["held", "handed back"])
def test_once_a_rater_was_given_a_clip_its_group_no_longer_changes(lead: User, way: str) -> None:
    clips = store_clips([*CHAIN[:2], SUBJECTS[0]])
    campaign = make_campaign(lead, clips[:1])
    campaign.state = Campaign.State.OPEN
    campaign.save()
    slot = factories.claim(factories.make_user(), campaign)
    if way == "handed back":
        Slot.objects.filter(pk=slot.pk).update(
            state="free", rater=None, lease=None, leased_at=None, lease_expires_at=None
        )
    taken, free = (PromptGroup.objects.get(prompts__text=text) for text in (CHAIN[0], SUBJECTS[0]))
    prompt = taken.prompts.order_by("pk")[0]
    for act in (
        lambda: merge_groups(actor=lead, groups=[taken.pk, free.pk], reason=REASON),
        lambda: split_group(actor=lead, group=taken.pk, prompts=[prompt.pk], reason=REASON),
        lambda: redraw_groups(actor=lead, groups=[taken.pk], reason=REASON),
    ):
        with pytest.raises(ValidationError, match="can no longer change"):
            act()
    assert not AuditEntry.objects.filter(action__startswith="groups.").exists()


def test_an_act_needs_a_reason_a_lead_and_groups_that_exist(lead: User) -> None:
    clips = store_clips(SUBJECTS[:2])
    keys = [clip.prompt_group_id for clip in clips]
    with pytest.raises(ValidationError, match="Write why"):
        merge_groups(actor=lead, groups=keys, reason=" ")
    with pytest.raises(PermissionDenied):
        merge_groups(actor=factories.make_user(), groups=keys, reason=REASON)
    with pytest.raises(ValidationError, match="at least two"):
        merge_groups(actor=lead, groups=keys[:1] * 2, reason=REASON)
    with pytest.raises(ValidationError, match="does not exist any more"):
        redraw_groups(actor=lead, groups=[*keys, 10**9], reason=REASON)
