"""The pages of ratings made elsewhere: the imports of a campaign, and one import with its mapping and its result."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.downloads import send_csv
from accounts.models import Role
from annotation.judgements.forms import MappingForm, RatingsFileForm
from annotation.judgements.importing import check_mapping, list_defects, receive_file, request_import, save_mapping
from annotation.judgements.preview import Preview, read_preview
from annotation.judgements.running import write_refusals
from annotation.judgements.upkeep import delete_import, match_absent_clips
from annotation.models import AbsentClip, Campaign, JudgementImport
from operations.models import JobState
from qsave.judgements.field_facts import FileFacts
from qsave.tables.table import TableError
from qsave.words import isolate

NEWEST = 100
_OPEN_JOB = (JobState.QUEUED, JobState.RUNNING)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def judgements(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the imports of ratings made elsewhere; POST stores a file and proposes its mapping."""
    campaign = get_object_or_404(Campaign, name=name)
    form = RatingsFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = receive_file(actor=request.user, campaign=campaign, file=form.cleaned_data["file"])
        except TableError as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("judgement-import", name=name, pk=row.pk)
    context = {
        "campaign": campaign,
        "form": form,
        "imports": campaign.judgement_imports.select_related("created_by", "job").order_by("-pk")[:NEWEST],
        "absent": AbsentClip.objects.filter(judgements__judgement_import__campaign=campaign).aggregate(
            n=Count("pk", distinct=True)
        )["n"],
    }
    return render(request, "annotation/judgements.html", context)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def judgement_import(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Show one import: the mapping and a preview before it starts, its progress, its result. POST saves the mapping."""
    rows = JudgementImport.objects.select_related("campaign", "created_by", "job")
    row = get_object_or_404(rows, campaign__name=name, pk=pk)
    context: dict[str, Any] = {"campaign": row.campaign, "import": row}
    if row.state != JudgementImport.State.PREVIEWED:
        is_stopped = row.state == JudgementImport.State.RUNNING and (row.job is None or row.job.state not in _OPEN_JOB)
        return render(request, "annotation/judgement_import.html", context | {"is_stopped": is_stopped})
    try:
        form, preview, is_saved = _read_mapping(request, row)
    except TableError as error:
        return render(request, "annotation/judgement_import.html", context | {"unreadable": str(error)})
    if is_saved:
        return redirect("judgement-import", name=name, pk=pk)
    return render(request, "annotation/judgement_import.html", context | {"form": form, "preview": preview})


def _read_mapping(request: AuthedRequest, row: JudgementImport) -> tuple[MappingForm, Preview, bool]:
    """Return the form of the mapping, what the stored one makes of the file, and whether a sent one was saved."""
    preview = _try_stored_mapping(row)
    form = _make_form(request, row, preview.facts)
    if request.method != "POST" or not form.is_valid():
        return form, preview, False
    try:
        save = request_import if request.POST.get("act") == "import" else save_mapping
        save(actor=request.user, judgement_import=row, mapping=form.make_mapping())
    except ValidationError as refusal:
        form.add_refusal(refusal)
        return form, preview, False
    return form, preview, True


def _make_form(request: AuthedRequest, row: JudgementImport, facts: FileFacts) -> MappingForm:
    data = request.POST if request.method == "POST" else None
    return MappingForm(data, judgement_import=row, facts=facts, defects=list_defects(row.campaign))


def _try_stored_mapping(row: JudgementImport) -> Preview:
    """Return the preview by the stored mapping; of the fields alone if it cannot be used yet."""
    try:
        mapping = check_mapping(row.mapping, row.campaign)
    except ValidationError:
        mapping = None
    return read_preview(row, mapping)


@role_required(Role.LEAD)
@require_safe
def refused_rows_file(request: AuthedRequest, name: str, pk: int) -> HttpResponseBase:
    """Send all rows that an import refused, with the reasons, as CSV."""
    row = get_object_or_404(JudgementImport, campaign__name=name, pk=pk)
    return send_csv(write_refusals(row), f"refused-ratings-{pk}.csv")


@role_required(Role.LEAD)
@require_POST
def delete_judgements(request: AuthedRequest, name: str, pk: int) -> HttpResponse:
    """Delete an import with its judgements, or a file that was never imported."""
    row = get_object_or_404(JudgementImport, campaign__name=name, pk=pk)
    count = delete_import(actor=request.user, judgement_import=row)
    done = ngettext("%(name)s and %(n)s judgement deleted.", "%(name)s and %(n)s judgements deleted.", count)
    messages.success(request, done % {"name": isolate(row.name), "n": count})
    return redirect("judgements", name=name)


@role_required(Role.LEAD)
@require_POST
def match_judgements(request: AuthedRequest, name: str) -> HttpResponse:
    """Give judgements of absent clips to the clips that came in since."""
    get_object_or_404(Campaign, name=name)
    count = match_absent_clips(actor=request.user)
    if count:
        done = ngettext("%(n)s clip got its judgements.", "%(n)s clips got their judgements.", count)
        messages.success(request, done % {"n": count})
    else:
        messages.info(request, _("None of these clips has come in yet."))
    return redirect("judgements", name=name)
