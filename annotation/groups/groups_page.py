"""The pages of prompt groups: the list, one group, and filling small splits."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.corrections.group_settling import select_decided
from annotation.groups import acts, filling
from annotation.groups.group_list import GroupFilter, read_filter, read_page
from annotation.groups.group_reasons import MOST_PROMPTS, count_clips, count_clips_without_campaign, read_prompts
from annotation.intake.import_report import read_split_sizes
from annotation.intake.split_draw import read_shares
from annotation.models import Campaign, HeldOutGenerator, PromptGroup, Split
from annotation.shared.text import parse_number
from qsave.splits import HELD_OUT


@role_required(Role.LEAD)
@require_safe
def prompt_groups(request: AuthedRequest) -> HttpResponse:
    return _render_list(request)


@role_required(Role.LEAD)
@require_POST
def change_groups(request: AuthedRequest) -> HttpResponse:
    """Merge the chosen groups, or draw their splits again."""
    chosen, reason = _read_keys(request.POST, "group"), request.POST.get("reason", "")
    try:
        if request.POST.get("act") == "merge":
            group = acts.merge_groups(actor=request.user, groups=chosen, reason=reason)
            messages.success(request, _("Groups merged."))
            return redirect("prompt-group", pk=group.pk)
        counts = acts.redraw_groups(actor=request.user, groups=chosen, reason=reason)
    except ValidationError as refusal:
        return _render_list(request, refusal=" ".join(refusal.messages), chosen=chosen, reason=reason)
    messages.success(request, _("Splits drawn again: %(counts)s.") % {"counts": _describe_counts(counts)})
    return redirect("prompt-groups")


@role_required(Role.LEAD)
@require_safe
def prompt_group(request: AuthedRequest, pk: int) -> HttpResponse:
    return _render_group(request, pk)


@role_required(Role.LEAD)
@require_POST
def split_group(request: AuthedRequest, pk: int) -> HttpResponse:
    """Move the chosen prompts into a new group."""
    chosen, reason = _read_keys(request.POST, "prompt"), request.POST.get("reason", "")
    try:
        new = acts.split_group(actor=request.user, group=pk, prompts=chosen, reason=reason)
    except ValidationError as refusal:
        return _render_group(request, pk, refusal=" ".join(refusal.messages), chosen=chosen, reason=reason)
    messages.success(request, _("The prompts have a group of their own now."))
    return redirect("prompt-group", pk=new.pk)


@role_required(Role.LEAD)
@require_POST
def redraw_group(request: AuthedRequest, pk: int) -> HttpResponse:
    try:
        acts.redraw_groups(actor=request.user, groups=[pk], reason=request.POST.get("reason", ""))
    except ValidationError as refusal:
        return _render_group(request, pk, refusal=" ".join(refusal.messages))
    group = get_object_or_404(PromptGroup, pk=pk)
    messages.success(request, _("The split was drawn again: %(split)s.") % {"split": group.split})
    return redirect("prompt-group", pk=pk)


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def fill_splits(request: AuthedRequest) -> HttpResponse:
    """Show which groups would leave train so that val and test are no longer small, and move them."""
    name = request.GET.get("campaign", "")
    campaign = get_object_or_404(Campaign, name=name) if name else None
    refusal = ""
    if request.method == "POST":
        try:
            plan = filling.fill_splits(actor=request.user, campaign=campaign, reason=request.POST.get("reason", ""))
        except ValidationError as error:
            refusal = " ".join(error.messages)
        else:
            messages.success(request, _describe_moves(plan.count))
            return redirect(request.get_full_path())
    context = {"campaign": campaign, "plan": filling.plan_fill(campaign), "refusal": refusal}
    return render(request, "annotation/prompt_groups_fill.html", context, status=422 if refusal else 200)


def _render_list(
    request: AuthedRequest, *, refusal: str = "", chosen: list[int] | None = None, reason: str = ""
) -> HttpResponse:
    query = request.GET if request.method in ("GET", "HEAD") else QueryDict(request.POST.get("query", ""))
    wanted = read_filter({name: query.get(name, "") for name in query})
    sizes, shares = read_split_sizes(None), read_shares()
    page = read_page(wanted, before=parse_number(query.get("before", "")))
    context = {
        "filter": wanted,
        "query": _write_filter(wanted),
        "page": page,
        "next_url": f"?{_write_filter(wanted, before=page.before)}",
        "splits": [(split, sizes[split], shares[split]) for split in Split.values],
        "is_small": any(sizes[split].is_small for split in HELD_OUT),
        "has_groups": PromptGroup.objects.exists(),
        "held_out": list(HeldOutGenerator.objects.select_related("created_by").order_by("generator")),
        "refusal": refusal,
        "chosen": chosen or [],
        "reason": reason,
    }
    return render(request, "annotation/prompt_groups.html", context, status=422 if refusal else 200)


def _render_group(
    request: AuthedRequest, pk: int, *, refusal: str = "", chosen: list[int] | None = None, reason: str = ""
) -> HttpResponse:
    group = get_object_or_404(PromptGroup, pk=pk)
    prompts = read_prompts(group)
    context: dict[str, Any] = {
        "group": group,
        "title": group.name or (prompts[0].prompt.text if prompts else group.representative),
        "prompts": prompts,
        "prompt_count": group.prompts.count(),
        "most_prompts": MOST_PROMPTS,
        "campaigns": count_clips(group),
        "without_campaign": count_clips_without_campaign(group),
        "is_decided": select_decided().filter(pk=pk).exists(),
        "refusal": refusal,
        "chosen": chosen or [],
        "reason": reason,
    }
    return render(request, "annotation/prompt_group.html", context, status=422 if refusal else 200)


def _read_keys(query: QueryDict, name: str) -> list[int]:
    keys = (parse_number(value) for value in query.getlist(name))
    return [key for key in keys if key is not None]


def _write_filter(wanted: GroupFilter, *, before: int = 0) -> str:
    values = {name: getattr(wanted, name) for name in ("words", "split", "kind", "state")} | {"before": before}
    return urlencode({name: value for name, value in values.items() if value})


def _describe_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {split}" for split, count in counts.items())


def _describe_moves(count: int) -> str:
    return ngettext("%(n)s group moved.", "%(n)s groups moved.", count) % {"n": count}
