"""Working hours: a rater's own, and a campaign's timesheet for its lead."""

from datetime import date

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required, signed_in
from accounts.downloads import send_csv
from accounts.models import Role, User
from annotation.models import Campaign
from annotation.raters.hours import (
    MAX_SECONDS,
    DayOfWork,
    Days,
    find_active_raters,
    read_days_of_work,
    sum_hours_by_day,
    write_timesheet,
)
from annotation.shared.plots import plot_days

DEFAULT_DAYS = 28
MAX_DAYS = 366


@signed_in
@require_safe
def my_hours(request: AuthedRequest) -> HttpResponse:
    """Show a person's own working days over all campaigns, the latest first."""
    days = _read_days(request)
    work = read_days_of_work(days, rater=request.user)[::-1]
    return render(request, "annotation/my_hours.html", _build_context(days, work))


@role_required(Role.LEAD)
@require_safe
def timesheet(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the working days in a campaign, of all raters or of one."""
    campaign, days = get_object_or_404(Campaign, name=name), _read_days(request)
    rater = _read_rater(request)
    context = _build_context(days, read_days_of_work(days, campaign=campaign, rater=rater))
    query = request.GET.urlencode()
    return render(
        request,
        "annotation/timesheet.html",
        context | {"campaign": campaign, "raters": find_active_raters(campaign), "chosen": rater, "query": query},
    )


@role_required(Role.LEAD)
@require_safe
def timesheet_file(request: AuthedRequest, name: str) -> HttpResponseBase:
    """Send the timesheet as CSV."""
    campaign, days, rater = get_object_or_404(Campaign, name=name), _read_days(request), _read_rater(request)
    file_name = f"timesheet-{campaign.name}-{days.first.isoformat()}-{days.last.isoformat()}.csv"
    return send_csv(write_timesheet(read_days_of_work(days, campaign=campaign, rater=rater)), file_name)


def _read_rater(request: HttpRequest) -> User | None:
    """Return the rater named in the query, or None for all raters. An unknown name is a 404."""
    name = request.GET.get("rater", "")
    return get_object_or_404(User, username=name) if name else None


def _build_context(days: Days, work: list[DayOfWork]) -> dict[str, object]:
    by_day = sum_hours_by_day(days, work)
    return {
        "days": days,
        "work": work,
        "plot": plot_days(by_day),
        "hours": sum(day.hours for day in work),
        "ratings": sum(day.ratings for day in work),
        "most_minutes": round(MAX_SECONDS / 60),
    }


def _read_days(request: HttpRequest) -> Days:
    """Return the range of days in the query; a wrong date or too long a range becomes the default."""
    default = Days.last_days(DEFAULT_DAYS)
    first, last = _read_date(request, "first", default.first), _read_date(request, "last", default.last)
    return Days(first, last) if 0 <= (last - first).days < MAX_DAYS else default


def _read_date(request: HttpRequest, name: str, default: date) -> date:
    try:
        day = date.fromisoformat(request.GET.get(name, ""))
    except ValueError:
        return default
    return day if date(2000, 1, 1) <= day <= timezone.localdate().replace(year=2100) else default
