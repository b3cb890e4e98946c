"""The page of a campaign's defects: add, rename, reorder, retire and restore them."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role, User
from annotation.campaigns import taxonomy as services
from annotation.campaigns.taxonomy import MAX_LABEL_LENGTH, is_retired, list_offered_defects
from annotation.models import Campaign
from qsave.axes import AXES

Change = Callable[[User, Campaign, QueryDict], str]


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_taxonomy(request: AuthedRequest, name: str) -> HttpResponse:
    """Show the defects of each axis, each with a small form; a refusal appears beside the form that was sent."""
    campaign = get_object_or_404(Campaign, name=name)
    problem: dict[str, str] = {}
    if request.method == "POST":
        apply = _CHANGES.get(request.POST.get("change", ""), _refuse_unknown)
        try:
            anchor = apply(request.user, campaign, request.POST)
        except ValidationError as refusal:
            problem = {"at": _find_form(campaign, request.POST), "message": " ".join(refusal.messages)}
            campaign.refresh_from_db()
        else:
            return redirect(f"{reverse('campaign-taxonomy', args=[name])}#{anchor}")
    context = {"campaign": campaign, "axes": _group_by_axis(campaign), "problem": problem}
    context["max_length"] = MAX_LABEL_LENGTH
    return render(request, "annotation/campaign_taxonomy.html", context, status=422 if problem else 200)


def _group_by_axis(campaign: Campaign) -> list[tuple[str, list[services.Entry], list[services.Entry]]]:
    """Return each axis with its offered and its retired defects."""
    return [
        (
            axis.value,
            list_offered_defects(campaign.taxonomy, axis),
            [entry for entry in campaign.taxonomy if entry["axis"] == axis.value and is_retired(entry)],
        )
        for axis in AXES
    ]


def _find_form(campaign: Campaign, post: QueryDict) -> str:
    """Return the form that was sent: the id of a defect, new-<axis>, or "" if it is unknown."""
    forms = {entry["id"] for entry in campaign.taxonomy} | {f"new-{axis}" for axis in AXES}
    name = post.get("defect") or f"new-{post.get('axis', '')}"
    return name if name in forms else ""


def _add(actor: User, campaign: Campaign, post: QueryDict) -> str:
    axis, label = post.get("axis", ""), post.get("label", "")
    return f"defect-{services.add_defect(actor=actor, campaign=campaign, axis=axis, label=label)}"


def _relabel(actor: User, campaign: Campaign, post: QueryDict) -> str:
    services.relabel_defect(actor=actor, campaign=campaign, defect=post.get("defect", ""), label=post.get("label", ""))
    return f"defect-{post['defect']}"


def _retire(actor: User, campaign: Campaign, post: QueryDict) -> str:
    services.retire_defect(actor=actor, campaign=campaign, defect=post.get("defect", ""))
    return f"defect-{post['defect']}"


def _restore(actor: User, campaign: Campaign, post: QueryDict) -> str:
    services.restore_defect(actor=actor, campaign=campaign, defect=post.get("defect", ""))
    return f"defect-{post['defect']}"


def _move(by: int) -> Change:
    def move(actor: User, campaign: Campaign, post: QueryDict) -> str:
        services.move_defect(actor=actor, campaign=campaign, defect=post.get("defect", ""), by=by)
        return f"defect-{post['defect']}"

    return move


def _refuse_unknown(actor: User, campaign: Campaign, post: QueryDict) -> str:
    raise ValidationError(_("This change is not possible. Reload the page."))


_CHANGES: dict[str, Change] = {
    "add": _add,
    "relabel": _relabel,
    "retire": _retire,
    "restore": _restore,
    "up": _move(-1),
    "down": _move(1),
}
