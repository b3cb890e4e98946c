"""The page that freezes a release: its options in groups, and a preview that follows them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import AuthedRequest, role_required
from accounts.models import Role
from datasets.forms import FreezeForm, select_campaigns_with_ratings
from datasets.preview_texts import list_alphas, list_effects, list_plots, list_steps
from datasets.services.options import GROUPS, OPTIONS, Names
from datasets.services.policy import ReleaseRefused
from datasets.services.preview import preview_release
from datasets.services.releases import request_release


@role_required(Role.ENGINEER)
@require_safe
def release_new(request: AuthedRequest) -> HttpResponse:
    """Show the options of a release with their preview."""
    return _render_page(request, _read_form(request))


@role_required(Role.ENGINEER)
@require_safe
def release_preview(request: AuthedRequest) -> HttpResponse:
    """Show what a release with these options would be: the preview alone to the page's script."""
    form = _read_form(request)
    if "HX-Request" not in request.headers:
        return _render_page(request, form)
    return render(request, "datasets/_preview.html", _make_preview(form) | {"is_update": True})


@role_required(Role.ENGINEER)
@require_POST
def release_freeze(request: AuthedRequest) -> HttpResponse:
    """Request a release; its page shows the progress of the build."""
    form = FreezeForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        try:
            requested = request_release(
                actor=request.user, campaign=data["campaign"], name=data["name"], policy=form.make_policy()
            )
        except ReleaseRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            if requested.is_requested_again:
                messages.info(request, _("This release is being built already, so no second one was started."))
            return redirect("release", number=requested.number)
    return _render_page(request, form)


def _read_form(request: AuthedRequest) -> FreezeForm:
    """Return the form with the options of the address, or with the defaults for its campaign."""
    if "target" in request.GET:
        return FreezeForm(request.GET)
    campaign = select_campaigns_with_ratings().order_by("title")
    chosen = campaign.filter(name=request.GET.get("campaign", "")).first() or campaign.first()
    return FreezeForm(initial={"campaign": chosen.name} if chosen else {})


def _render_page(request: AuthedRequest, form: FreezeForm) -> HttpResponse:
    preview = _make_preview(form)
    context = {"form": form, "can_freeze": select_campaigns_with_ratings().exists()}
    context |= {"groups": _list_groups(form, preview["effects"])}
    return render(request, "datasets/release_new.html", context | preview)


def _list_groups(form: FreezeForm, effects: dict[str, str]) -> list[tuple[Any, list[tuple[forms.BoundField, str]]]]:
    """Return the title of each group of options, with its fields and their effects. A field without choices is not
    listed."""
    names = [name for name, option in OPTIONS.items() if not isinstance(option.kind, Names) or _get_choices(form, name)]
    return [
        (title, [(form[name], effects.get(name, "")) for name in names if OPTIONS[name].group is group])
        for group, title in GROUPS.items()
    ]


def _get_choices(form: FreezeForm, name: str) -> Any:
    field = form.fields[name]
    assert isinstance(field, forms.MultipleChoiceField)
    return field.choices


def _make_preview(form: FreezeForm) -> dict[str, Any]:
    """Return what the preview shows; `problem` says why there is no preview."""
    filled = form if form.is_bound else FreezeForm(_list_initial(form))
    wrong = [(name, errors) for name, errors in filled.errors.items() if name in filled.fields]
    if wrong:
        problems = [f"{filled[name].label}: {error}" for name, errors in wrong for error in errors]
        return {"effects": {}, "problems": problems}
    try:
        policy = filled.make_policy()
    except ReleaseRefused as refusal:
        return {"effects": {}, "problems": [str(refusal)]}
    preview = preview_release(filled.cleaned_data["campaign"], policy)
    return {
        "preview": preview,
        "effects": list_effects(preview),
        "steps": list_steps(preview),
        "alphas": list_alphas(preview),
        "plots": list(list_plots(preview)),
    }


def _list_initial(form: FreezeForm) -> dict[str, Any]:
    """Return the values of a form that nobody has filled in yet."""
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value is not None and value is not False}
