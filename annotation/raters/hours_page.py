"""Hours: a rater's own, and a campaign's timesheet for its lead."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required, signed_in
from accounts.models import Role, User
from annotation.models import Campaign
from annotation.raters.hours import MOST_SECONDS, DayOfWork, Days, days_of_work, hours_by_day, raters_of, timesheet_csv
from annotation.shared.charts import day_bars
from annotation.shared.downloads import send_csv

USUAL_DAYS = 28
MOST_DAYS = 366


@signed_in
@require_safe
def my_hours(request: AuthedRequest) -> HttpResponse:
    """One's own days, over all campaigns."""
    days = _days(request)
    work = days_of_work(days, rater=request.user)
    return render(request, "annotation/my_hours.html", _context(days, work))


@role_required(Role.LEAD)
@require_safe
def timesheet(request: AuthedRequest, name: str) -> HttpResponse:
    """Who worked when in a campaign: everybody, or one rater."""
    campaign, days = get_object_or_404(Campaign, name=name), _days(request)
    rater = _rater(request)
    context = _context(days, days_of_work(days, campaign=campaign, rater=rater))
    asked = request.GET.urlencode()
    return render(
        request,
        "annotation/timesheet.html",
        context | {"campaign": campaign, "raters": raters_of(campaign), "chosen": rater, "asked": asked},
    )


@role_required(Role.LEAD)
@require_safe
def timesheet_file(request: AuthedRequest, name: str) -> HttpResponseBase:
    """The same as CSV."""
    campaign, days, rater = get_object_or_404(Campaign, name=name), _days(request), _rater(request)
    told = f"timesheet-{campaign.name}-{days.first.isoformat()}-{days.last.isoformat()}.csv"
    return send_csv(timesheet_csv(days_of_work(days, campaign=campaign, rater=rater)), told)


def _rater(request: HttpRequest) -> User | None:
    """The rater that was asked for by name; none for everybody. A name that nobody has is not found."""
    name = request.GET.get("rater", "")
    return get_object_or_404(User, username=name) if name else None


def _context(days: Days, work: list[DayOfWork]) -> dict[str, object]:
    by_day = hours_by_day(days, work)
    return {
        "days": days,
        "work": work,
        "chart": day_bars(by_day),
        "hours": sum(one.hours for one in work),
        "ratings": sum(one.ratings for one in work),
        "most_minutes": round(MOST_SECONDS / 60),
    }


def _days(request: HttpRequest) -> Days:
    """The range that was asked for; what is no date, or too long a range, becomes the usual one."""
    usual = Days.back(USUAL_DAYS)
    first, last = _date(request, "first", usual.first), _date(request, "last", usual.last)
    return Days(first, last) if 0 <= (last - first).days < MOST_DAYS else usual


def _date(request: HttpRequest, name: str, otherwise: date) -> date:
    try:
        found = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return otherwise
    return found if date(2000, 1, 1) <= found <= timezone.localdate().replace(year=2100) else otherwise
