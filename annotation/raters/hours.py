"""Compute the working hours of raters by day, for the raters and for the people who pay them.

The desk and the edit page count seconds while they show a clip; a page without scripts counts none. Each submit and
each edit belongs to its own day and counts at most `MAX_SECONDS`, so that an open tab alone is no hour of work.
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
from qsave.csv_rows import Cell, round_cell, write_csv

MAX_SECONDS = 600.0
HEADER = ["rater", "name", "simulated", "date", "ratings", "edits", "skips", "hours", "first", "last"]


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days with both ends, in the site's time zone."""

    first: date
    last: date

    @classmethod
    def last_days(cls, count: int) -> "Days":
        """Return the last `count` days, including today."""
        today = timezone.localdate()
        return cls(today - timedelta(days=count - 1), today)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        start = timezone.make_aware(datetime.combine(self.first, time.min))
        end = timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))
        return start, end


@dataclass(frozen=True, slots=True)
class DayOfWork:
    """One rater's work on one day. `first` and `last` are the times of that day's first and last submit or edit."""

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


def read_days_of_work(days: Days, *, campaign: Campaign | None = None, rater: User | None = None) -> list[DayOfWork]:
    """Return work by rater and day, sorted by user name and day. Three queries."""
    start, end = days.bounds
    revisions = RatingRevision.objects.filter(created_at__gte=start, created_at__lt=end)
    skips = Skip.objects.filter(created_at__gte=start, created_at__lt=end)
    if campaign is not None:
        revisions = revisions.filter(rating__slot__campaign=campaign)
        skips = skips.filter(item__campaign=campaign)
    if rater is not None:
        revisions, skips = revisions.filter(rating__rater=rater), skips.filter(rater=rater)
    return _join(_sum_submits(revisions), _count_skips(skips))


def find_active_raters(campaign: Campaign) -> QuerySet[User]:
    """Return the users who rated or skipped in a campaign, by name."""
    rated = Slot.objects.filter(campaign=campaign, state=Slot.State.DONE, rater=OuterRef("pk"))
    skipped = Skip.objects.filter(item__campaign=campaign, rater=OuterRef("pk"))
    return User.objects.filter(Exists(rated) | Exists(skipped)).order_by("username")


def _sum_submits(revisions: QuerySet[RatingRevision]) -> dict[tuple[int, date], Mapping[str, Any]]:
    is_first = Q(number=1)
    capped = Least(F("seconds_spent"), Value(MAX_SECONDS, output_field=FloatField()))
    rows = (
        revisions.annotate(day=TruncDate("created_at"))
        .values("rating__rater", "day")
        .order_by()
        .annotate(
            ratings=Count("pk", filter=is_first),
            edits=Count("pk", filter=~is_first),
            seconds=Sum(capped),
            first=Min("created_at"),
            last=Max("created_at"),
        )
    )
    return {(row["rating__rater"], row["day"]): row for row in rows}


def _count_skips(skips: QuerySet[Skip]) -> dict[tuple[int, date], int]:
    rows = skips.annotate(day=TruncDate("created_at")).values("rater", "day").order_by().annotate(count=Count("pk"))
    return {(row["rater"], row["day"]): row["count"] for row in rows}


def _join(submits: dict[tuple[int, date], Mapping[str, Any]], skips: dict[tuple[int, date], int]) -> list[DayOfWork]:
    keys = submits.keys() | skips.keys()
    people = User.objects.in_bulk({rater for rater, _day in keys})
    no_submits: Mapping[str, Any] = {"ratings": 0, "edits": 0, "seconds": 0.0, "first": None, "last": None}
    days_of_work = []
    for rater, day in keys:
        person, row = people[rater], submits.get((rater, day), no_submits)
        days_of_work.append(
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
                first=_to_local_time(row["first"]),
                last=_to_local_time(row["last"]),
            )
        )
    return sorted(days_of_work, key=lambda work: (work.username, work.day))


def _to_local_time(value: datetime | None) -> datetime | None:
    return timezone.localtime(value) if value else None


def sum_hours_by_day(days: Days, work: list[DayOfWork]) -> list[tuple[date, float]]:
    """Return the hours of every day in the range, also of days without work."""
    seconds: dict[date, float] = defaultdict(float)
    for day_of_work in work:
        seconds[day_of_work.day] += day_of_work.seconds
    count = (days.last - days.first).days + 1
    return [(day, seconds[day] / 3600) for day in (days.first + timedelta(days=n) for n in range(count))]


def write_timesheet(work: list[DayOfWork]) -> Iterator[str]:
    """Yield the lines of a CSV file, header first."""
    return write_csv(HEADER, map(_make_cells, work))


def _make_cells(work: DayOfWork) -> list[Cell]:
    clock = [moment.strftime("%H:%M") if moment else "" for moment in (work.first, work.last)]
    person = [work.username, work.name, "yes" if work.is_simulated else "no", work.day.isoformat()]
    return [*person, work.ratings, work.edits, work.skips, round_cell(work.hours, 2), *clock]
