"""Change accounts: each function holds the rule, the transaction and the audit entry of one change.

Each function takes the actor as a keyword. It raises `AccountError`, with a text for the page, if a rule forbids it.
"""

from datetime import timedelta

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import ApiToken, Invitation, PasswordReset, Role, User
from accounts.signals import invitation_accepted
from accounts.tokens import PREFIX_LENGTH, hash_secret, new_secret
from qsave.words import isolate

INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=24)


class AccountError(ValueError):
    """The action is not allowed or came too late; the text says why, and what to do."""


def _require_rank(actor: User, role: str, action: str) -> None:
    """Raise AccountError unless the actor is a lead or above, and `role` is not above their own."""
    if not actor.has_role(Role.LEAD):
        raise AccountError(_("Only a lead or an engineer may %(action)s.") % {"action": action})
    if not actor.may_give(role):
        raise AccountError(_("You may not %(action)s if the role is above your own.") % {"action": action})


def _check_password(password: str, user: User) -> str:
    try:
        validate_password(password, user)
    except ValidationError as refusal:
        raise AccountError(" ".join(refusal.messages)) from refusal
    return password


@transaction.atomic
def create_user(
    *,
    actor: User | None,
    username: str,
    password: str | None,
    role: Role = Role.ANNOTATOR,
    display_name: str = "",
    is_simulated: bool = False,
    is_guest: bool = False,
) -> User:
    """Create an account. Actor None is the command line; with password None the account cannot sign in."""
    if actor is not None:
        _require_rank(actor, role, _("create an account"))
    user = User(username=username.strip(), role=role, display_name=display_name.strip())
    user.is_simulated, user.is_guest = is_simulated, is_guest
    _save_new(user, password)
    record(actor=actor, action="user.created", target=user, role=str(role), simulated=is_simulated)
    return user


def _save_new(user: User, password: str | None) -> None:
    user.set_password(None if password is None else _check_password(password, user))
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as refusal:
        raise AccountError(_explain_refusal(user, refusal)) from refusal
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as refusal:  # another request took the name after the check
        raise AccountError(_describe_taken_name(user)) from refusal


def _explain_refusal(user: User, refusal: ValidationError) -> str:
    if User.objects.named(user.username).exists():
        return _describe_taken_name(user)
    return " ".join(refusal.messages)


def _describe_taken_name(user: User) -> str:
    return _("The name %(name)s is taken. Choose another.") % {"name": isolate(user.username)}


def has_people() -> bool:
    """Return whether anybody can sign in, or holds a link to set their first password."""
    people = User.objects.filter(is_guest=False, is_simulated=False)
    links = PasswordReset.objects.filter(user=OuterRef("pk"), used_at=None, expires_at__gt=timezone.now())
    return people.filter(~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) | Exists(links)).exists()


@transaction.atomic
def invite(*, actor: User, role: Role, note: str = "") -> tuple[Invitation, str]:
    """Create an invitation. Return it with its secret, of which only a hash is stored."""
    _require_rank(actor, role, _("invite a person"))
    secret = new_secret()
    invitation = Invitation.objects.create(
        token_hash=hash_secret(secret),
        role=role,
        note=note.strip(),
        created_by=actor,
        expires_at=timezone.now() + INVITATION_LIFE,
    )
    record(actor=actor, action="invitation.made", target=invitation, role=str(role))
    return invitation, secret


@transaction.atomic
def revoke_invitation(*, actor: User, invitation: Invitation) -> None:
    """Revoke an invitation's link. An accepted one stays as it is."""
    _require_rank(actor, invitation.role, _("revoke an invitation"))
    open_rows = Invitation.objects.filter(pk=invitation.pk, accepted_by=None, revoked_at=None)
    if open_rows.update(revoked_at=timezone.now()):
        record(actor=actor, action="invitation.revoked", target=invitation)


def find_open_invitation(secret: str) -> Invitation | None:
    """Return the invitation of a link if it can still be accepted."""
    invitation = list_valid_invitations().filter(token_hash=hash_secret(secret)).first()
    return invitation if invitation is not None and invitation.is_backed else None


def list_valid_invitations() -> QuerySet[Invitation]:
    """Return the invitations that are not accepted, revoked or expired. Check `is_backed` of each before use."""
    valid = Invitation.objects.filter(accepted_by=None, revoked_at=None, expires_at__gt=timezone.now())
    return valid.select_related("created_by")


@transaction.atomic
def accept_invitation(*, secret: str, username: str, password: str, display_name: str = "") -> User:
    """Create the account of an invitation. Raises AccountError if the link was used, expired or revoked."""
    invitation = find_open_invitation(secret)
    if invitation is None:
        raise AccountError(_("This invitation is no longer valid. Ask the person who sent it for a new one."))
    user = User(username=username.strip(), role=invitation.role, display_name=display_name.strip())
    _save_new(user, password)
    open_rows = Invitation.objects.filter(pk=invitation.pk, accepted_by=None, revoked_at=None)
    if not open_rows.update(accepted_by=user):
        raise AccountError(_("This invitation has just been used. Ask for a new one."))
    record(actor=user, action="invitation.accepted", target=invitation, role=user.role)
    invitation_accepted.send(sender=Invitation, user=user, invitation=invitation)
    return user


@transaction.atomic
def change_role(*, actor: User, user: User, role: Role) -> None:
    """Change a person's role. Nobody changes their own role, and nobody gives or takes a role above their own."""
    _require_rank(actor, user.role, _("change a role"))
    _require_rank(actor, role, _("give a role"))
    if user == actor:
        raise AccountError(_("You cannot change your own role. Ask another lead."))
    if user.is_guest or user.is_simulated:
        raise AccountError(_("%(user)s cannot sign in, so the role stays annotator.") % {"user": isolate(user)})
    before = user.role
    if before != role:
        user.role = role
        user.save(update_fields=["role"])
        record(actor=actor, action="user.role_changed", target=user, before=before, after=str(role))


@transaction.atomic
def deactivate(*, actor: User, user: User) -> None:
    """End a person's access: sign-in, sessions, tokens, reset links, and links that they made. Their ratings stay."""
    _require_rank(actor, user.role, _("deactivate an account"))
    if user == actor:
        raise AccountError(_("You cannot deactivate yourself. Ask another lead."))
    User.objects.filter(pk=user.pk).update(is_active=False)
    _end_access(user)
    record(actor=actor, action="user.deactivated", target=user)


def deactivate_guests(guests: QuerySet[User]) -> None:
    """End the access of a panel's guests, who have no password, token or link. The caller writes the audit entry."""
    guests.filter(is_guest=True).update(is_active=False, sessions_ended=F("sessions_ended") + 1)


def _end_access(user: User) -> None:
    """End every session, token and open reset link of a person."""
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(sessions_ended=F("sessions_ended") + 1)
    user.refresh_from_db(fields=["sessions_ended"])
    user.api_tokens.filter(revoked_at=None).update(revoked_at=now)
    user.password_resets.filter(used_at=None).update(expires_at=now)


@transaction.atomic
def reactivate(*, actor: User, user: User) -> None:
    """Let a person sign in again. Their tokens stay revoked."""
    _require_rank(actor, user.role, _("reactivate an account"))
    User.objects.filter(pk=user.pk).update(is_active=True)
    record(actor=actor, action="user.reactivated", target=user)


@transaction.atomic
def start_password_reset(*, actor: User | None, user: User) -> str:
    """Return the secret of a link by which `user` sets a password; earlier links end. Actor None: the command line."""
    if actor is not None:
        _require_rank(actor, user.role, _("reset a password"))
    if not user.is_active or user.is_simulated or user.is_guest:
        raise AccountError(_("%(user)s cannot sign in, so there is no password to reset.") % {"user": isolate(user)})
    now = timezone.now()
    user.password_resets.filter(used_at=None).update(expires_at=now)
    secret = new_secret()
    PasswordReset.objects.create(
        token_hash=hash_secret(secret), user=user, created_by=actor, expires_at=now + RESET_LIFE
    )
    record(actor=actor, action="user.reset_started", target=user)
    return secret


def find_open_reset(secret: str) -> PasswordReset | None:
    """Return the password reset of a link if it can still be used."""
    valid = PasswordReset.objects.filter(used_at=None, expires_at__gt=timezone.now(), user__is_active=True)
    reset = valid.select_related("user", "created_by").filter(token_hash=hash_secret(secret)).first()
    return reset if reset is not None and reset.is_backed else None


@transaction.atomic
def finish_password_reset(*, secret: str, password: str) -> User:
    """Set the password by a reset link; every session and token of that person ends."""
    reset = find_open_reset(secret)
    if reset is None:
        raise AccountError(_("This link is no longer valid. Ask a lead for a new one."))
    open_rows = PasswordReset.objects.filter(pk=reset.pk, used_at=None)
    if not open_rows.update(used_at=timezone.now()):
        raise AccountError(_("This link has just been used. Ask a lead for a new one."))
    set_password(actor=reset.user, user=reset.user, password=password)
    return reset.user


@transaction.atomic
def set_password(*, actor: User | None, user: User, password: str) -> None:
    """Set a person's own password, and end their sessions, tokens and links. Actor None is the command line."""
    if actor is not None and actor != user:
        raise AccountError(_("You can set only your own password. Create a reset link instead."))
    user.set_password(_check_password(password, user))
    user.save(update_fields=["password"])
    _end_access(user)
    record(actor=actor, action="user.password_set", target=user)


@transaction.atomic
def rename(*, actor: User, display_name: str) -> None:
    """Set the display name of the actor."""
    actor.display_name = display_name.strip()
    actor.save(update_fields=["display_name"])
    record(actor=actor, action="user.renamed", target=actor)


@transaction.atomic
def issue_token(*, actor: User, name: str) -> tuple[ApiToken, str]:
    """Create a bearer token for the actor. Return it with its secret, of which only a hash is stored."""
    if not name.strip():
        raise AccountError(_("Give the token a name, so that you know later what it is for."))
    secret = new_secret()
    token = ApiToken.objects.create(
        user=actor, name=name.strip(), prefix=secret[:PREFIX_LENGTH], token_hash=hash_secret(secret)
    )
    record(actor=actor, action="token.issued", target=token, name=token.name)
    return token, secret


@transaction.atomic
def revoke_token(*, actor: User, token: ApiToken) -> None:
    """Revoke a token of the actor; raise AccountError for another person's."""
    if token.user != actor:
        raise AccountError(_("Only its owner can revoke a token."))
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record(actor=actor, action="token.revoked", target=token)
