"""The lead's page of people, and the pages of invitation and reset links."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.access import AuthedRequest, public, role_required
from accounts.forms import AcceptInvitationForm, InviteForm, NewPasswordForm
from accounts.known_browsers import remember_browser
from accounts.models import Invitation, Role, User
from qsave.words import isolate

PAGE = 50


@role_required(Role.LEAD)
@require_safe
def people(request: AuthedRequest) -> HttpResponse:
    """List people by name, a page at a time (`after` is the last name shown), by kind: guests, simulated or others."""
    return _render_people(request, InviteForm(inviter=request.user))


def _render_people(request: AuthedRequest, form: InviteForm, **more: object) -> HttpResponse:
    after = request.GET.get("after", "")
    kind = request.GET.get("kind", "")
    users = User.objects.filter(is_simulated=kind == "simulated", is_guest=kind == "guests", username__gt=after)
    rows = list(users.order_by("username")[: PAGE + 1])
    context = {
        "people": [(user, user != request.user and request.user.may_give(user.role)) for user in rows[:PAGE]],
        "more": rows[PAGE - 1].username if len(rows) > PAGE else "",
        "kind": kind,
        "roles": request.user.list_roles_to_give(),
        "invitations": services.list_valid_invitations().order_by("-created_at")[:PAGE],
        "form": form,
        **more,
    }
    return render(request, "accounts/people.html", context)


@role_required(Role.LEAD)
@never_cache
@require_POST
def invite(request: AuthedRequest) -> HttpResponse:
    """Create an invitation and show its link. The secret is stored nowhere, so no redirect could show it."""
    form = InviteForm(request.POST, inviter=request.user)
    if not form.is_valid():
        return _render_people(request, form)
    invitation, secret = services.invite(
        actor=request.user, role=Role(form.cleaned_data["role"]), note=form.cleaned_data["note"]
    )
    link = request.build_absolute_uri(reverse("accept-invitation", args=[secret]))
    return render(request, "accounts/link_once.html", {"link": link, "invitation": invitation})


@role_required(Role.LEAD)
@require_POST
def revoke_invitation(request: AuthedRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(Invitation, pk=pk)
    return _run(
        request, lambda: services.revoke_invitation(actor=request.user, invitation=invitation), _("Invitation revoked.")
    )


@role_required(Role.LEAD)
@require_POST
def deactivate(request: AuthedRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    return _run(
        request,
        lambda: services.deactivate(actor=request.user, user=user),
        _("%(user)s can no longer sign in.") % {"user": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def reactivate(request: AuthedRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    return _run(
        request,
        lambda: services.reactivate(actor=request.user, user=user),
        _("%(user)s can sign in again.") % {"user": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def change_role(request: AuthedRequest, pk: int) -> HttpResponse:
    user, role = get_object_or_404(User, pk=pk), request.POST.get("role", "")
    if role not in Role.values:
        raise BadRequest(
            _("The role %(role)s does not exist. Choose one of %(roles)s.")
            % {"role": isolate(role), "roles": ", ".join(Role.values)}
        )
    success = _("%(user)s now has the role %(role)s.") % {"user": isolate(user), "role": Role(role).label.lower()}
    return _run(request, lambda: services.change_role(actor=request.user, user=user, role=Role(role)), success)


@role_required(Role.LEAD)
@never_cache
@require_POST
def reset_link(request: AuthedRequest, pk: int) -> HttpResponse:
    """Create a reset link and show it; its secret is stored nowhere."""
    user = get_object_or_404(User, pk=pk)
    try:
        secret = services.start_password_reset(actor=request.user, user=user)
    except services.AccountError as refusal:
        messages.error(request, str(refusal))
        return redirect("people")
    link = request.build_absolute_uri(reverse("set-password", args=[secret]))
    return render(request, "accounts/link_once.html", {"link": link, "person": user})


def _run(request: AuthedRequest, action: Callable[[], None], success: str) -> HttpResponse:
    """Run an action and return to the page of people, with a message of its success or its refusal."""
    try:
        action()
    except services.AccountError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, success)
    return redirect("people")


@public(reason="an invited person has no account yet; the link carries a secret")
@sensitive_post_parameters("password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Let an invited person choose a name and a password, then sign them in."""
    invitation = services.find_open_invitation(secret)
    if invitation is None:
        return render(request, "accounts/link_dead.html", {"what": "invitation"}, status=410)
    form = AcceptInvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            user = services.accept_invitation(
                secret=secret, username=data["username"], password=data["password"], display_name=data["display_name"]
            )
        except services.AccountError as refusal:
            form.add_error(None, str(refusal))
        else:
            login(request, user)
            return remember_browser(redirect("home"), user)
    return render(request, "accounts/accept_invitation.html", {"form": form, "role": Role(invitation.role).label})


@public(reason="a person who forgot their password cannot sign in; the link carries a secret")
@sensitive_post_parameters("password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: HttpRequest, secret: str) -> HttpResponse:
    """Let a person who has a reset link set a new password."""
    reset = services.find_open_reset(secret)
    if reset is None:
        return render(request, "accounts/link_dead.html", {"what": "link"}, status=410)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.finish_password_reset(secret=secret, password=form.cleaned_data["password"])
        except services.AccountError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Password saved. Sign in with your new password."))
            # The link proves who they are, so failed sign-ins elsewhere do not block this browser.
            return remember_browser(redirect("sign-in"), user)
    return render(request, "accounts/set_password.html", {"form": form, "person": reset.user})
