"""The page of a person's own account: name, password, API tokens."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.access import AuthedRequest, colleagues_only
from accounts.forms import ChangePasswordForm, DisplayNameForm, TokenForm
from accounts.models import ApiToken
from qsave.words import isolate


@colleagues_only
@never_cache
@require_safe
def account(request: AuthedRequest) -> HttpResponse:
    return _render_page(request)


def _render_page(request: AuthedRequest, **forms: object) -> HttpResponse:
    context = {
        "tokens": request.user.api_tokens.filter(revoked_at=None).order_by("-created_at"),
        "name_form": DisplayNameForm(initial={"display_name": request.user.display_name}),
        "password_form": ChangePasswordForm(),
        "token_form": TokenForm(),
        **forms,
    }
    return render(request, "accounts/account.html", context)


@colleagues_only
@require_POST
def rename(request: AuthedRequest) -> HttpResponse:
    form = DisplayNameForm(request.POST)
    if not form.is_valid():
        return _render_page(request, name_form=form)
    services.rename(actor=request.user, display_name=form.cleaned_data["display_name"])
    messages.success(request, _("Name saved."))
    return redirect("account")


@colleagues_only
@sensitive_post_parameters("current", "password", "again")
@require_POST
def change_password(request: AuthedRequest) -> HttpResponse:
    """Set a new password. The person's other sessions and all their tokens end; this session stays open."""
    form = ChangePasswordForm(request.POST)
    if form.is_valid() and not request.user.check_password(form.cleaned_data["current"]):
        form.add_error("current", _("That is not your current password. Type it again."))
    if form.is_valid():
        try:
            services.set_password(actor=request.user, user=request.user, password=form.cleaned_data["password"])
        except services.AccountError as refusal:
            form.add_error("password", str(refusal))
    if not form.is_valid():
        return _render_page(request, password_form=form)
    update_session_auth_hash(request, request.user)
    messages.success(
        request, _("Password changed. Your other sessions are signed out and your API tokens are revoked.")
    )
    return redirect("account")


@colleagues_only
@never_cache
@require_POST
def issue_token(request: AuthedRequest) -> HttpResponse:
    """Create a token and show its secret, which is stored nowhere."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _render_page(request, token_form=form)
    token, secret = services.issue_token(actor=request.user, name=form.cleaned_data["name"])
    return _render_page(request, new_token=token, secret=secret)


@colleagues_only
@require_POST
def revoke_token(request: AuthedRequest, pk: int) -> HttpResponse:
    """Revoke one of the person's own tokens; 404 for another person's token."""
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    services.revoke_token(actor=request.user, token=token)
    messages.success(
        request, _("Token %(name)s revoked. Scripts that use it no longer work.") % {"name": isolate(token.name)}
    )
    return redirect("account")
