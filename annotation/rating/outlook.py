"""Read how a campaign progresses: ratings of the day, pace, expected end, raters at work, slots nobody may take."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import Role, User
from annotation.campaigns.needs import WINDOW, compute_pace
from annotation.campaigns.progress import Progress
from annotation.models import Campaign, CampaignMember, Item, Offer, Panel, Qualification, Skip, Slot

MOST_CHECKED = 200
"""With more open slots than this, it is too early to look for slots that no rater may take."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who holds a clip now, and since when."""

    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Stranded:
    """Open rating slots that no remaining rater may take, and how many new raters they need."""

    slots: int
    people: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """Ratings of today and yesterday, ratings a day over the last week, and the expected end at this pace.

    `pace` is None without a rating in that time, `end` without a pace or in a campaign that is not open.
    """

    today: int
    yesterday: int
    pace: float | None
    end: datetime | None
    at_work: tuple[Worker, ...]
    stranded: Stranded | None


def read_outlook(campaign: Campaign, progress: Progress) -> Outlook:
    """Read the outlook of a campaign. At most seven queries."""
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    done = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, done_at__gte=min(midnight, now) - WINDOW)
    counts = done.aggregate(
        today=Count("done_at", filter=Q(done_at__gte=midnight)),
        yesterday=Count("done_at", filter=Q(done_at__gte=midnight - timedelta(days=1), done_at__lt=midnight)),
        week=Count("done_at", filter=Q(done_at__gte=now - WINDOW)),
        first=Min("done_at", filter=Q(done_at__gte=now - WINDOW)),
    )
    pace = compute_pace(counts["week"], counts["first"], now)
    left = progress.slots - progress.done
    is_open = campaign.state == Campaign.State.OPEN
    return Outlook(
        today=counts["today"],
        yesterday=counts["yesterday"],
        pace=pace,
        end=now + timedelta(days=left / pace) if is_open and pace and left else None,
        at_work=_list_at_work(campaign, now),
        stranded=find_stranded(campaign) if is_open and 0 < left <= MOST_CHECKED else None,
    )


def _list_at_work(campaign: Campaign, now: datetime) -> tuple[Worker, ...]:
    held = Slot.objects.filter(state=Slot.State.LEASED, lease_expires_at__gt=now, campaign=campaign)
    rows = held.order_by("leased_at").values_list("rater__username", "leased_at")
    return tuple(Worker(name, since) for name, since in rows if name and since)


def find_stranded(campaign: Campaign) -> Stranded | None:
    """Find the open slots of an open campaign that no remaining rater may take. Return None if every slot has a rater.

    The rules are those of `annotation.rating.queue`: a rater gets a clip that is new to them, or one that they gave
    back, in the arm in which they saw it. An open panel can bring new raters at any time.
    """
    if Panel.objects.filter(campaign=campaign, closed_at=None).exists():
        return None
    arms: dict[int, list[str]] = defaultdict(list)
    lapsed = Q(state=Slot.State.LEASED, lease_expires_at__lte=timezone.now())
    slots = Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, item__availability=Item.Availability.AVAILABLE)
    for item, arm in slots.filter(Q(state=Slot.State.FREE) | lapsed).values_list("item", "arm"):
        arms[item].append(arm)
    if not arms:
        return None
    raters = set(list_remaining_raters(campaign).values_list("pk", flat=True))
    offers = _read_offers(arms)
    stranded = [
        len(open_arms)
        for item, open_arms in arms.items()
        if raters <= offers[item].keys() and not any(offers[item][rater] in open_arms for rater in raters)
    ]
    return Stranded(sum(stranded), max(stranded)) if stranded else None


def list_remaining_raters(campaign: Campaign) -> QuerySet[User]:
    """Return who may rate in the campaign, as `annotation.raters.admission` decides it, without those who failed."""
    people = User.objects.filter(is_active=True, is_guest=False)
    offered = Exists(Offer.objects.filter(campaign=campaign, rater=OuterRef("pk")))
    if campaign.open_to == Campaign.OpenTo.MEMBERS:
        people = people.filter(Exists(CampaignMember.objects.filter(campaign=campaign, user=OuterRef("pk"))))
    else:
        people = people.filter(Q(role=Role.ANNOTATOR) | offered)
    if campaign.qualification_mark is None:
        return people
    failed = Qualification.objects.filter(campaign=campaign, rater=OuterRef("pk"), passed=False, let_in_by=None)
    return people.exclude(Exists(failed))


def _read_offers(items: Mapping[int, object]) -> Mapping[int, Mapping[int, str]]:
    """Return who was given each item: in which arm, or "" if they have rated or skipped it."""
    offers: dict[int, dict[int, str]] = defaultdict(dict)
    finished = Exists(
        Slot.objects.filter(item=OuterRef("item"), rater=OuterRef("rater"), state=Slot.State.DONE)
    ) | Exists(Skip.objects.filter(item=OuterRef("item"), rater=OuterRef("rater")))
    rows = Offer.objects.filter(item__in=items).annotate(is_finished=finished)
    for item, rater, arm, is_finished in rows.values_list("item", "rater", "arm", "is_finished"):
        offers[item][rater] = "" if is_finished else arm
    return offers
