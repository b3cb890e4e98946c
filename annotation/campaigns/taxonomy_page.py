"""The page of a campaign's defects: add, rename, reorder, retire, take up again."""

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
from annotation.campaigns.taxonomy import LABEL_LENGTH, is_retired
from annotation.models import Campaign
from qsave.axes import AXES

Deed = Callable[[User, Campaign, QueryDict], str]


@role_required(Role.LEAD)
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_taxonomy(request: AuthedRequest, name: str) -> HttpResponse:
    """The defects of each axis, with a small form on each; what was refused is said beside the form that asked."""
    campaign = get_object_or_404(Campaign, name=name)
    problem: dict[str, str] = {}
    if request.method == "POST":
        deed = _DEEDS.get(request.POST.get("deed", ""), _unknown)
        try:
            where = deed(request.user, campaign, request.POST)
        except ValidationError as refusal:
            problem = {"at": _place(campaign, request.POST), "words": " ".join(refusal.messages)}
            campaign.refresh_from_db()
        else:
            return redirect(f"{reverse('campaign-taxonomy', args=[name])}#{where}")
    context = {"campaign": campaign, "axes": _axes(campaign), "problem": problem, "longest": LABEL_LENGTH}
    return render(request, "annotation/campaign_taxonomy.html", context, status=422 if problem else 200)


def _axes(campaign: Campaign) -> list[tuple[str, list[services.Entry], list[services.Entry]]]:
    """Each axis with the defects that are offered and those that are retired."""
    return [
        (
            axis.value,
            [entry for entry in campaign.taxonomy if entry["axis"] == axis.value and not is_retired(entry)],
            [entry for entry in campaign.taxonomy if entry["axis"] == axis.value and is_retired(entry)],
        )
        for axis in AXES
    ]


def _place(campaign: Campaign, post: QueryDict) -> str:
    """Beside which form a refusal is said: a defect's, an axis's, or (empty) at the top of the page."""
    places = {entry["id"] for entry in campaign.taxonomy} | {f"new-{axis}" for axis in AXES}
    asked = post.get("defect") or f"new-{post.get('axis', '')}"
    return asked if asked in places else ""


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


def _move(by: int) -> Deed:
    def move(actor: User, campaign: Campaign, post: QueryDict) -> str:
        services.move_defect(actor=actor, campaign=campaign, defect=post.get("defect", ""), by=by)
        return f"defect-{post['defect']}"

    return move


def _unknown(actor: User, campaign: Campaign, post: QueryDict) -> str:
    raise ValidationError(_("The page asked for something that is not there. Load it again."))


_DEEDS: dict[str, Deed] = {
    "add": _add,
    "relabel": _relabel,
    "retire": _retire,
    "restore": _restore,
    "up": _move(-1),
    "down": _move(1),
}
