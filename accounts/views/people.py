"""The lead's page of people, and the links by which people come in and come back."""

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
BACKEND = "django.contrib.auth.backends.ModelBackend"


@role_required(Role.LEAD)
@require_safe
def people(request: AuthedRequest) -> HttpResponse:
    """All people by name, a page at a time (`after` is the last name shown); guests and simulated raters apart."""
    return _people_page(request, InviteForm(inviter=request.user))


def _people_page(request: AuthedRequest, form: InviteForm, **more: object) -> HttpResponse:
    after = request.GET.get("after", "")
    kind = request.GET.get("kind", "")
    shown = User.objects.filter(is_simulated=kind == "simulated", is_guest=kind == "guests", username__gt=after)
    rows = list(shown.order_by("username")[: PAGE + 1])
    own_rank = Role(request.user.role).rank
    context = {
        "people": [(user, user != request.user and Role(user.role).rank <= own_rank) for user in rows[:PAGE]],
        "more": rows[PAGE - 1].username if len(rows) > PAGE else "",
        "kind": kind,
        "roles": [role for role in Role if role.rank <= own_rank],
        "invitations": services.valid_invitations().order_by("-created_at")[:PAGE],
        "form": form,
        **more,
    }
    return render(request, "accounts/people.html", context)


@role_required(Role.LEAD)
@never_cache
@require_POST
def invite(request: AuthedRequest) -> HttpResponse:
    """Makes an invitation and shows its link, this once: the secret is stored nowhere, so this answers with a page."""
    form = InviteForm(request.POST, inviter=request.user)
    if not form.is_valid():
        return _people_page(request, form)
    invitation, secret = services.invite(
        actor=request.user, role=Role(form.cleaned_data["role"]), note=form.cleaned_data["note"]
    )
    link = request.build_absolute_uri(reverse("accept-invitation", args=[secret]))
    return render(request, "accounts/link_once.html", {"link": link, "invitation": invitation})


@role_required(Role.LEAD)
@require_POST
def revoke_invitation(request: AuthedRequest, pk: int) -> HttpResponse:
    invitation = get_object_or_404(Invitation, pk=pk)
    return _deed(
        request, lambda: services.revoke_invitation(actor=request.user, invitation=invitation), _("Invitation revoked.")
    )


@role_required(Role.LEAD)
@require_POST
def deactivate(request: AuthedRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    return _deed(
        request,
        lambda: services.deactivate(actor=request.user, user=user),
        _("%(user)s can no longer sign in.") % {"user": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def reactivate(request: AuthedRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    return _deed(
        request,
        lambda: services.reactivate(actor=request.user, user=user),
        _("%(user)s can sign in again.") % {"user": isolate(user)},
    )


@role_required(Role.LEAD)
@require_POST
def change_role(request: AuthedRequest, pk: int) -> HttpResponse:
    user, role = get_object_or_404(User, pk=pk), request.POST.get("role", "")
    if role not in Role.values:
        raise BadRequest(f"There is no role {role!r}; there are {', '.join(Role.values)}.")
    done = _("%(user)s is %(role)s now.") % {"user": isolate(user), "role": Role(role).label.lower()}
    return _deed(request, lambda: services.change_role(actor=request.user, user=user, role=Role(role)), done)


@role_required(Role.LEAD)
@never_cache
@require_POST
def reset_link(request: AuthedRequest, pk: int) -> HttpResponse:
    """Makes a reset link and shows it, this once."""
    user = get_object_or_404(User, pk=pk)
    try:
        secret = services.start_password_reset(actor=request.user, user=user)
    except services.AccountError as refusal:
        messages.error(request, str(refusal))
        return redirect("people")
    link = request.build_absolute_uri(reverse("set-password", args=[secret]))
    return render(request, "accounts/link_once.html", {"link": link, "person": user})


def _deed(request: AuthedRequest, deed: Callable[[], None], done: str) -> HttpResponse:
    try:
        deed()
    except services.AccountError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done)
    return redirect("people")


@public(reason="the invited have no account yet; the link carries a secret")
@sensitive_post_parameters("password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept_invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Where an invitation leads: choose a name and a password, and be signed in."""
    invitation = services.open_invitation(secret)
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
            login(request, user, backend=BACKEND)
            return remember_browser(redirect("home"), user)
    return render(request, "accounts/accept_invitation.html", {"form": form, "role": Role(invitation.role).label})


@public(reason="who forgot a password cannot sign in; the link carries a secret")
@sensitive_post_parameters("password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_password(request: HttpRequest, secret: str) -> HttpResponse:
    """Where a reset link leads."""
    reset = services.open_reset(secret)
    if reset is None:
        return render(request, "accounts/link_dead.html", {"what": "link"}, status=410)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.finish_password_reset(secret=secret, password=form.cleaned_data["password"])
        except services.AccountError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Your password is set. Sign in with it."))
            # The link has proved who they are, so wrong tries of others do not keep this browser from signing in.
            return remember_browser(redirect("sign-in"), user)
    return render(request, "accounts/set_password.html", {"form": form, "person": reset.user})
