"""What has come in since a lead opened the list of clips, as a region that renews itself beside the list.

The list does not renew itself: rows that move are hard to work on. The lead refreshes it when they like.
"""

from datetime import UTC, datetime

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import live
from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.campaigns.reports import REPORTS
from annotation.models import Campaign, Skip, Slot


@role_required(Role.LEAD)
@require_safe
def clip_news(request: AuthedRequest, name: str) -> HttpResponse:
    """Answer with the region; `since` is when the list was opened, in seconds since 1970."""
    campaign = get_object_or_404(Campaign, name=name)
    since = _parse_time(request.GET.get("since", ""))
    context = {
        "campaign": campaign,
        "rating_count": count_new_ratings(campaign, since),
        "report_count": count_new_reports(campaign, since),
    }
    return live.render_regions(request, "annotation/_clip_news_region.html", context)


def count_new_ratings(campaign: Campaign, since: datetime) -> int:
    return Slot.objects.filter(campaign=campaign, kind=Slot.Kind.SEAT, done_at__gt=since).count()


def count_new_reports(campaign: Campaign, since: datetime) -> int:
    """Count the reports that no lead has settled. The summaries find the few clips that have one."""
    reports = Skip.objects.filter(item__summary__campaign=campaign, item__summary__report_count__gt=0)
    return reports.filter(kind__in=REPORTS, settled_at=None, created_at__gt=since).count()


def _parse_time(text: str) -> datetime:
    """Return the time, or now if the text is not one."""
    try:
        return datetime.fromtimestamp(float(text), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return timezone.now()
