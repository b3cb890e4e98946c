"""What the desk is measured on: a campaign with many open slots, raters, and one campaign that they have finished."""

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import Role, User
from accounts.services import create_user
from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
from annotation.models import Arm, Campaign, Clip, Item, Offer, PromptGroup, Slot
from tests.bench.desk import CLIPS, OVERLAP, RATERS
from tests.support.http_rater import PASSWORD


@dataclass(frozen=True, slots=True)
class World:
    """Keys of what was made; `copy` is an equal campaign for the bare side."""

    campaign: Campaign
    copy: Campaign
    done: Campaign
    raters: list[int]


def make_world() -> World:
    """A minute's worth of rows, made in bulk; the clips have no media, which no measured request asks for."""
    lead = create_user(actor=None, username="bench-lead", password=None, role=Role.LEAD)
    hashed = make_password(PASSWORD)
    raters = User.objects.bulk_create(User(username=f"bench-{number}", password=hashed) for number in range(RATERS))
    clips = [_clip(number, group) for number, group in enumerate(_groups(CLIPS))]
    Clip.objects.bulk_create(clips, batch_size=500)
    campaign, copy, done = (_campaign(lead, name, clips) for name in ("open", "copy", "done"))
    for rater in raters:
        _meet_all(rater, done)
    return World(campaign, copy, done, [rater.pk for rater in raters])


def _groups(count: int) -> list[PromptGroup]:
    splits = ["train"] * 8 + ["val", "test"]
    groups = [PromptGroup(representative=f"prompt {n}", split=splits[n % len(splits)]) for n in range(count)]
    return PromptGroup.objects.bulk_create(groups, batch_size=500)


def _clip(number: int, group: PromptGroup) -> Clip:
    digest = f"{number:064x}"
    return Clip(
        clip_id=f"bench-{number:05}",
        sha256=digest,
        prompt=f"A long prompt, number {number}, of a fox that runs through deep snow as the sun goes down",
        generator=f"model-{number % 5}",
        prompt_group=group,
        original=f"clips/{digest}.mp4",
        poster=f"posters/{digest}.jpg",
        codec="h264",
        width=832,
        height=480,
        fps_numerator=16,
        fps_denominator=1,
        duration=5.0,
        frames=81,
        has_audio=False,
        bytes=1_000_000,
        shown_times=[round(frame / 16, 4) for frame in range(81)],
    )


def _campaign(lead: User, name: str, clips: list[Clip]) -> Campaign:
    campaign = create_campaign(
        actor=lead, name=name, title=f"Bench {name}", overlap=OVERLAP, guidelines="Look closely."
    )
    add_clips(actor=lead, campaign=campaign, clips=clips)
    return set_state(actor=lead, campaign=campaign, state=Campaign.State.OPEN)


def _meet_all(rater: User, campaign: Campaign) -> None:
    """The rater has met every item and skipped it: rating slots of others stay open."""
    from annotation.models import Skip

    items = list(Item.objects.filter(campaign=campaign).values_list("pk", flat=True))
    now = timezone.now()
    offers = [
        Offer(campaign=campaign, item_id=item, rater=rater, arm=Arm.BLIND, number=number, offered_at=now)
        for number, item in enumerate(items, start=1)
    ]
    Offer.objects.bulk_create(offers, batch_size=1000)
    Skip.objects.bulk_create(
        (Skip(item_id=item, rater=rater, kind=Skip.Kind.SKIPPED) for item in items), batch_size=1000
    )
    assert Slot.objects.filter(campaign=campaign, state=Slot.State.FREE).exists()
