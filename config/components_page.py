"""`/components`: a page with every component in every state, as a reference for developers. No menu leads to it."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from annotation.templatetags.studio import STATES
from qsave.axes import Axis


class SampleForm(forms.Form):
    """One field of each kind. It is shown filled in wrongly, so that the errors can be seen."""

    name = forms.CharField(label=_("Name"), help_text=_("At most 80 characters."), max_length=80)
    overlap = forms.IntegerField(label=_("Ratings for each clip"), min_value=1, max_value=20)
    order = forms.ChoiceField(
        label=_("Order of clips"), choices=[("balanced", _("balanced")), ("score", _("by score"))]
    )
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea)
    file = forms.FileField(label=_("File"), required=False)
    is_shown = forms.BooleanField(label=_("Show the critic's scores"), required=False, help_text=_("Off at first."))


@role_required(Role.LEAD)
@require_safe
def components(request: AuthedRequest) -> HttpResponse:
    messages.success(request, _("Settings saved."))
    messages.error(request, _("The file is not a manifest. Choose a CSV or JSON Lines file."))
    context = {
        "forms": [SampleForm(), SampleForm({"overlap": "99", "order": "balanced"}, prefix="wrong")],
        "here": "#lists",
        "secret": "qs_0123456789",
        "axes": list(Axis),
        "states": list(STATES),
        "tones": [
            ("success", _("Success")),
            ("info", _("Information")),
            ("warning", _("Warning")),
            ("error", _("Error")),
        ],
        "notes": [_("Two rows name the same file."), _("One file is named by no row.")],
        "rows": [(_("A red fox jumps over a fence"), "train", 4, 3.25), (_("Rain on a tin roof"), "test", 2, 4.5)],
    }
    return render(request, "config/components.html", context)
