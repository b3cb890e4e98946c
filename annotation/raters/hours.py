"""Hours: what a rater did on which day, for the rater and for who pays them. A few queries, however many ratings.

Seconds are those that the desk, or the page of an edit, counted while the clip was on it. Each submit and each edit
counts on its own day and for at most `MOST_SECONDS`, so that a tab that was left open is not an hour of work. A page
without scripts counts none.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, F, FloatField, Max, Min, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Least, TruncDate
from django.utils import timezone

from accounts.models import User
from annotation.models import Campaign, RatingRevision, Skip, Slot
from annotation.shared.csv_rows import Cell, round_cell, write_csv

MOST_SECONDS = 600.0
HEADER = ["rater", "name", "simulated", "date", "ratings", "edits", "skips", "hours", "first", "last"]


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, both ends in it, in the site's time zone."""

    first: date
    last: date

    @classmethod
    def back(cls, count: int) -> "Days":
        """The last `count` days, today among them."""
        today = timezone.localdate()
        return cls(today - timedelta(days=count - 1), today)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        start = timezone.make_aware(datetime.combine(self.first, time.min))
        end = timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))
        return start, end


@dataclass(frozen=True, slots=True)
class DayOfWork:
    """One rater on one day. `seconds` as stated above; `first` and `last` are the moments of that day's submits."""

    rater: int
    username: str
    name: str
    is_simulated: bool
    day: date
    ratings: int
    edits: int
    skips: int
    seconds: float
    first: datetime | None
    last: datetime | None

    @property
    def hours(self) -> float:
        return self.seconds / 3600


def days_of_work(days: Days, *, campaign: Campaign | None = None, rater: User | None = None) -> list[DayOfWork]:
    """By rater's name and day. Three queries."""
    start, end = days.bounds
    revisions = RatingRevision.objects.filter(created_at__gte=start, created_at__lt=end)
    skips = Skip.objects.filter(created_at__gte=start, created_at__lt=end)
    if campaign is not None:
        revisions = revisions.filter(rating__slot__campaign=campaign)
        skips = skips.filter(item__campaign=campaign)
    if rater is not None:
        revisions, skips = revisions.filter(rating__rater=rater), skips.filter(rater=rater)
    return _joined(_submits(revisions), _skips(skips))


def raters_of(campaign: Campaign) -> QuerySet[User]:
    """Who has done anything in a campaign, by name."""
    rated = Slot.objects.filter(campaign=campaign, state=Slot.State.DONE, rater=OuterRef("pk"))
    skipped = Skip.objects.filter(item__campaign=campaign, rater=OuterRef("pk"))
    return User.objects.filter(Exists(rated) | Exists(skipped)).order_by("username")


def _submits(revisions: QuerySet[RatingRevision]) -> dict[tuple[int, date], Mapping[str, Any]]:
    first_ones = Q(number=1)
    capped = Least(F("seconds_spent"), Value(MOST_SECONDS, output_field=FloatField()))
    rows = (
        revisions.annotate(day=TruncDate("created_at"))
        .values("rating__rater", "day")
        .order_by()
        .annotate(
            ratings=Count("pk", filter=first_ones),
            edits=Count("pk", filter=~first_ones),
            seconds=Sum(capped),
            first=Min("created_at"),
            last=Max("created_at"),
        )
    )
    return {(row["rating__rater"], row["day"]): row for row in rows}


def _skips(skips: QuerySet[Skip]) -> dict[tuple[int, date], int]:
    rows = skips.annotate(day=TruncDate("created_at")).values("rater", "day").order_by().annotate(count=Count("pk"))
    return {(row["rater"], row["day"]): row["count"] for row in rows}


def _joined(submits: dict[tuple[int, date], Mapping[str, Any]], skips: dict[tuple[int, date], int]) -> list[DayOfWork]:
    keys = submits.keys() | skips.keys()
    people = User.objects.in_bulk({rater for rater, _day in keys})
    nothing: Mapping[str, Any] = {"ratings": 0, "edits": 0, "seconds": 0.0, "first": None, "last": None}
    found = []
    for rater, day in keys:
        person, row = people[rater], submits.get((rater, day), nothing)
        found.append(
            DayOfWork(
                rater=rater,
                username=person.username,
                name=str(person),
                is_simulated=person.is_simulated,
                day=day,
                ratings=row["ratings"],
                edits=row["edits"],
                skips=skips.get((rater, day), 0),
                seconds=row["seconds"] or 0.0,
                first=_moment(row["first"]),
                last=_moment(row["last"]),
            )
        )
    return sorted(found, key=lambda work: (work.username, work.day))


def _moment(value: datetime | None) -> datetime | None:
    return timezone.localtime(value) if value else None


def hours_by_day(days: Days, work: list[DayOfWork]) -> list[tuple[date, float]]:
    """Hours of every day in the range, those without work too."""
    seconds: dict[date, float] = defaultdict(float)
    for one in work:
        seconds[one.day] += one.seconds
    count = (days.last - days.first).days + 1
    return [(day, seconds[day] / 3600) for day in (days.first + timedelta(days=n) for n in range(count))]


def timesheet_csv(work: list[DayOfWork]) -> Iterator[str]:
    """Yield the lines, header first."""
    return write_csv(HEADER, map(_cells, work))


def _cells(one: DayOfWork) -> list[Cell]:
    clock = [moment.strftime("%H:%M") if moment else "" for moment in (one.first, one.last)]
    person = [one.username, one.name, "yes" if one.is_simulated else "no", one.day.isoformat()]
    return [*person, one.ratings, one.edits, one.skips, round_cell(one.hours, 2), *clock]
