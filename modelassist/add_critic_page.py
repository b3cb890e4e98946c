"""The page that adds a critic: a model folder, a hub id or an endpoint, each tried before it is stored."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from modelassist.engine.models.folder import ModelError
from modelassist.forms import ADD_FORMS
from modelassist.services import adding
from operations.models import Job

WAYS = {
    "folder": gettext_lazy("Model folder"),
    "hub": gettext_lazy("Model hub"),
    "endpoint": gettext_lazy("Endpoint"),
}


@role_required(Role.ENGINEER)
@require_http_methods(["GET", "HEAD", "POST"])
def critic_add(request: AuthedRequest) -> HttpResponse:
    """Show the form of one way to add a critic, and queue the trial."""
    way = request.GET.get("way", "folder")
    form = ADD_FORMS.get(way, ADD_FORMS["folder"])(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            campaign = form.cleaned_data.get("campaign")
            adding.request_critic(actor=request.user, new=form.read_new_critic(), campaign=campaign)
        except (ModelError, adding.CannotAdd) as refusal:
            form.add_error("model" if isinstance(refusal, ModelError) else None, str(refusal))
        else:
            messages.success(request, _("The critic is being tried. If it answers, it is added."))
            return redirect(f"{request.path}?way={way}")
    context = {
        "form": form,
        "way": way if way in WAYS else "folder",
        "ways": WAYS,
        "adding": Job.objects.filter(kind=adding.KIND).order_by("-created_at").first(),
    }
    return render(request, "modelassist/critic_add.html", context)
