"""The engineer's pages of releases: the list, and one release with its files and its verification."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from datasets.counts import describe_counts, list_left_out
from datasets.forms import select_campaigns_with_ratings
from datasets.jobs import VERIFY
from datasets.models import Release
from datasets.preset_texts import HOLDS, LEAVES_OUT
from datasets.services.card import read_card
from datasets.services.policy import ReleaseRefused
from datasets.services.presets import list_presets, request_preset
from datasets.services.releases import cancel_job, locate_release
from datasets.services.tombstones import find_replacement
from datasets.services.withdrawal import list_withdrawn_clips, withdraw_release
from datasets.ways_to_get import list_ways
from operations.jobs import enqueue
from operations.models import Job, JobState
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import read_manifest
from qsave.words import isolate

NEWEST = 100
MOST_FILES = 100
"""The most files that the page names; the manifest names all."""


@role_required(Role.ENGINEER)
@require_safe
def releases(request: AuthedRequest) -> HttpResponse:
    """Show all releases, newest first."""
    rows = Release.objects.select_related("campaign", "job", "created_by")[:NEWEST]
    context = {"releases": rows, "can_freeze": select_campaigns_with_ratings().exists()}
    return render(request, "datasets/releases.html", context)


@role_required(Role.ENGINEER)
@require_safe
def release(request: AuthedRequest, number: int) -> HttpResponse:
    """Show one release: its counts, its hash, its files and the result of its last verification."""
    row = get_object_or_404(
        Release.objects.select_related("campaign", "job", "created_by", "parent", "withdrawn_by"), number=number
    )
    context = {
        "release": row,
        "verification": _find_last_verification(row),
        "replacement": find_replacement(row) if row.state == Release.State.WITHDRAWN else None,
        "withdrawn_clips": list_withdrawn_clips(row),
        "ways": list_ways(request, row),
        **_read_contents(row),
    }
    return render(request, "datasets/release.html", context)


def _read_contents(release: Release) -> dict[str, Any]:
    """Return the manifest and its files, media counted separately, or why they cannot be read."""
    if release.state != Release.State.FROZEN:
        return {}
    try:
        folder = locate_release(release)
        manifest = read_manifest(folder)
        card = read_card(folder)
    except (ReleaseError, ReleaseRefused, OSError) as error:
        return {"unreadable": str(error)}
    files = sorted(manifest["files"].items())
    rows = manifest["counts"].get("rows", {})
    presets = [(HOLDS[one.preset.name], LEAVES_OUT[one.preset.name], one) for one in list_presets(release)]
    data = [(name, entry, rows.get(name)) for name, entry in files if not name.startswith("media/")]
    return {
        "card": card,
        "presets": presets,
        "counts": describe_counts(manifest["counts"]),
        "left_out": list_left_out(manifest["counts"]),
        "manifest": {name: value for name, value in manifest.items() if name != "files"},
        "files": data[:MOST_FILES],
        "media_count": len(files) - len(data),
        "media_bytes": sum(entry["bytes"] for name, entry in files if name.startswith("media/")),
    }


@role_required(Role.ENGINEER)
@require_POST
def release_verify(request: AuthedRequest, number: int) -> HttpResponse:
    """Queue a check of every byte of a release against its manifest."""
    release = get_object_or_404(Release, number=number)
    last = _find_last_verification(release)
    if release.state != Release.State.FROZEN:
        messages.error(
            request,
            _("%(release)s is %(state)s, so there is nothing to verify.")
            % {"release": isolate(release), "state": release.state},
        )
    elif release.is_of_earlier_format:
        messages.error(
            request,
            _("%(release)s has an earlier format, which this version does not read.") % {"release": isolate(release)},
        )
    elif last is None or last.state not in (JobState.QUEUED, JobState.RUNNING):
        enqueue(kind=VERIFY, arguments={"release": release.pk}, actor=request.user)
    return redirect("release", number=number)


@role_required(Role.ENGINEER)
@require_POST
def release_preset(request: AuthedRequest, number: int) -> HttpResponse:
    """Queue the writing of a preset of a release."""
    release = get_object_or_404(Release, number=number)
    try:
        request_preset(actor=request.user, release=release, name=request.POST.get("preset", ""))
    except ReleaseRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("release", number=number)


@role_required(Role.ENGINEER)
@require_POST
def release_job_cancel(request: AuthedRequest, number: int, pk: UUID) -> HttpResponse:
    """Cancel a job of a release: its build, its verification or one of its presets."""
    row = get_object_or_404(Release, number=number)
    if cancel_job(actor=request.user, release=row, job=get_object_or_404(Job, pk=pk)):
        messages.success(request, _("Job cancelled. Nothing of it is left behind."))
    else:
        messages.error(request, _("This job has ended, so it cannot be cancelled."))
    return redirect("release", number=number)


@role_required(Role.ENGINEER)
@require_POST
def release_withdraw(request: AuthedRequest, number: int) -> HttpResponse:
    """Withdraw a frozen release, with a reason."""
    row = get_object_or_404(Release, number=number)
    try:
        withdraw_release(actor=request.user, release=row, reason=request.POST.get("reason", ""))
    except ReleaseRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Release withdrawn. Its data is being deleted; its number, hash and counts stay."))
    return redirect("release", number=number)


def _find_last_verification(release: Release) -> Job | None:
    return Job.objects.filter(kind=VERIFY, arguments__release=release.pk).order_by("-created_at").first()
