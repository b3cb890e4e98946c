"""The pages of imports, for leads: the list of a campaign's imports, and one import with its preview and progress."""

from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import live
from accounts.access import AuthedRequest, role_required
from accounts.downloads import send_csv
from accounts.models import Role
from annotation.campaigns.campaigns import StateRefused
from annotation.intake import import_comparison, import_reading, importing
from annotation.intake.archives import UploadRefused
from annotation.intake.import_preview import read_preview
from annotation.intake.import_undo import may_undo, undo_import
from annotation.models import Campaign, ClipImport, ImportRow
from annotation.shared.row_faults import list_faults
from qsave.csv_rows import BYTE_ORDER_MARK, write_csv

SECONDS_BETWEEN_UPDATES = 2
TEMPLATE = (
    "video,prompt,generator,clip_id,prompt_group,seed,content_warning\r\n"
    "sora/0001.mp4,A red fox runs through snow,sora-2,fox-1,,42,\r\n"
    "wan/0001.mp4,A red fox runs through snow,wan-2.2,fox-2,,7,\r\n"
)
"""Columns of a manifest with two example rows."""


@role_required(Role.LEAD)
@require_safe
def campaign_imports(request: AuthedRequest, name: str) -> HttpResponse:
    """List the imports of a campaign, the newest first."""
    campaign = get_object_or_404(Campaign, name=name)
    imports = [(one, importing.find_state(one), progress) for one, progress in import_reading.list_imports(campaign)]
    return render(request, "annotation/imports.html", {"campaign": campaign, "imports": imports})


@role_required(Role.LEAD)
@require_safe
def clip_import(request: AuthedRequest, pk: int) -> HttpResponse:
    """Show one import: its preview before it starts, then its progress and its rows."""
    one = _get_import(pk)
    context = _read_context(request, one)
    if live.asks_for_regions(request):
        return live.render_regions(
            request, "annotation/_import_live.html", context, stamp=_make_stamp(request, context)
        )
    return render(request, "annotation/import.html", context)


@role_required(Role.LEAD)
@require_safe
def import_rows_file(request: AuthedRequest, pk: int) -> HttpResponseBase:
    """Send the rows of an import as CSV, of all states or one."""
    one = _get_import(pk)
    state = _read_state(request)
    return send_csv(import_reading.write_rows(_select(one, state)), f"import-{one.pk}{state and f'-{state}'}.csv")


@role_required(Role.LEAD)
@require_safe
def import_unnamed_file(request: AuthedRequest, pk: int) -> HttpResponseBase:
    """Send the names of the files that no row of a previewed import names as CSV."""
    one = _get_import(pk)
    if importing.find_state(one) != ClipImport.State.PREVIEWED or importing.is_being_read(one):
        raise Http404(_("The files of this import are listed only while its preview is shown."))
    try:
        names = import_comparison.list_files_without_row(one)
    except UploadRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("clip-import", pk=pk)
    return send_csv(write_csv(["file"], ([name] for name in names)), f"import-{one.pk}-files-without-a-row.csv")


@role_required(Role.LEAD)
@require_safe
def import_template(request: AuthedRequest) -> HttpResponseBase:
    """Send an example of a manifest."""
    return send_csv(iter([BYTE_ORDER_MARK + TEMPLATE]), "manifest.csv")


@role_required(Role.LEAD)
@require_POST
def import_act(request: AuthedRequest, pk: int, act: str) -> HttpResponse:
    """Start, resume, cancel, discard or undo an import, or group its prompts by a column."""
    one = _get_import(pk)
    try:
        message = _ACTS[act](request, one)
    except StateRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("clip-import", pk=pk)
    messages.success(request, message)
    if act != "discard":
        return redirect("clip-import", pk=pk)
    return redirect("campaign-imports", name=one.campaign.name) if one.campaign else redirect("campaigns")


def _start(request: AuthedRequest, one: ClipImport) -> str:
    applies_changes = "applies_changes" in request.POST
    started = importing.start_import(actor=request.user, clip_import=one, applies_changes=applies_changes)
    is_running = started.state == ClipImport.State.RUNNING
    return _("The import has started.") if is_running else _("The files are being read again for the preview.")


def _group(request: AuthedRequest, one: ClipImport) -> str:
    importing.group_by_column(actor=request.user, clip_import=one, column=request.POST.get("column", ""))
    return _("The table is being read again.")


def _cancel(request: AuthedRequest, one: ClipImport) -> str:
    importing.cancel_import(actor=request.user, clip_import=one)
    return _("Import cancelled. The clips that went in stay.")


def _discard(request: AuthedRequest, one: ClipImport) -> str:
    importing.discard_import(actor=request.user, clip_import=one)
    return _("Import discarded.")


def _undo(request: AuthedRequest, one: ClipImport) -> str:
    count = undo_import(actor=request.user, clip_import=one)
    return _("Import undone: %(count)s clips removed.") % {"count": count}


_ACTS = {"start": _start, "group": _group, "cancel": _cancel, "discard": _discard, "undo": _undo}
ACTS = tuple(_ACTS)


def _get_import(pk: int) -> ClipImport:
    return get_object_or_404(ClipImport.objects.select_related("campaign", "created_by", "job"), pk=pk)


def _read_state(request: AuthedRequest) -> str:
    state = request.GET.get("state", "")
    return state if state in ImportRow.State.values else ""


def _select(one: ClipImport, state: str) -> QuerySet[ImportRow]:
    rows = one.rows.all()
    return rows.filter(state=state) if state else rows


def _read_after(request: AuthedRequest) -> int:
    text = request.GET.get("after", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _write_next(page: import_reading.RowPage, state: str) -> str:
    return "?" + urlencode({"after": page.next or 0} | ({"state": state} if state else {}))


def _make_stamp(request: AuthedRequest, context: dict[str, Any]) -> str:
    """Return what the regions of the page depend on. Their HTML differs each time: its forms have new tokens."""
    counts = sorted(context["progress"].counts.items())
    job = context["one"].job
    reading = (job.progress, job.message) if context["is_reading"] else None
    content = (request.get_full_path(), context["state"], reading, counts, context["may_undo"])
    return sha256(repr(content).encode()).hexdigest()


def _read_context(request: AuthedRequest, one: ClipImport) -> dict[str, Any]:
    state, row_state = importing.find_state(one), _read_state(request)
    is_preview = state == ClipImport.State.PREVIEWED
    is_reading = importing.is_being_read(one)
    progress = import_reading.read_progress(one)
    page = import_reading.read_rows(one, state=row_state, after=_read_after(request))
    return {
        "one": one,
        "campaign": one.campaign,
        "state": state,
        "error": import_reading.find_error(one),
        "live_url": request.get_full_path(),
        "is_reading": is_reading,
        "seconds_between_updates": SECONDS_BETWEEN_UPDATES if is_reading or state == "running" else 0,
        "progress": progress,
        "faults": list_faults(one.rows.filter(state=ImportRow.State.REFUSED)) if progress.refused else [],
        "preview": read_preview(one, waiting=progress.waiting, refused=progress.refused)
        if is_preview and not is_reading
        else None,
        "page": page,
        "next_url": _write_next(page, row_state),
        "row_state": row_state,
        "row_states": [(value, label) for value, label in ImportRow.State.choices if progress.counts.get(value)],
        "may_resume": state == ClipImport.State.FAILED and import_reading.has_rows_to_read(one),
        "may_undo": state not in ("running", "previewed", "undone") and may_undo(one),
    }
