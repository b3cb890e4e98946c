"""The page of the audit trail: who did what, filtered by person, campaign and act."""

from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.audit_csv import write_audit_csv
from accounts.audit_trail import Filters, list_acts, list_campaigns, read_page
from accounts.downloads import send_csv
from accounts.models import Role

LONGEST_FILTER = 80


@role_required(Role.LEAD)
@require_safe
def audit(request: AuthedRequest) -> HttpResponse:
    """Show a page, newest first: the entries `before` a key, or those `after` it."""
    filters = _read_filters(request)
    before, after = _parse_key(request.GET.get("before", "")), _parse_key(request.GET.get("after", ""))
    chosen = {"person": filters.person, "campaign": filters.campaign, "action": filters.action}
    context = {
        "page": read_page(filters, role=Role(request.user.role), before=before, after=after),
        "filters": filters,
        "acts": list_acts(),
        "campaigns": list_campaigns(),
        "query": urlencode({name: value for name, value in chosen.items() if value}),
    }
    return render(request, "accounts/audit.html", context)


@role_required(Role.LEAD)
@require_safe
def audit_file(request: AuthedRequest) -> StreamingHttpResponse:
    """Send the entries that the filters select as CSV."""
    return send_csv(write_audit_csv(_read_filters(request)), f"audit-trail-{timezone.localdate().isoformat()}.csv")


def _read_filters(request: AuthedRequest) -> Filters:
    return Filters(*(request.GET.get(name, "").strip()[:LONGEST_FILTER] for name in ("person", "campaign", "action")))


def _parse_key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
