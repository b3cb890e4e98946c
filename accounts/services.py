"""All that changes an account: rules, transaction and trail in one place.

Each function takes the actor by name. A rule that says no raises `AccountError` with words that can stand on a page.
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
    """The deed is not allowed, or came too late; the text says which and what to do."""


def _refuse_above(actor: User, role: str, deed: str) -> None:
    if not actor.has_role(Role.LEAD):
        raise AccountError(_("Only a lead or an engineer may %(deed)s.") % {"deed": deed})
    if not actor.may_give(role):
        raise AccountError(_("You may not %(deed)s with a role above your own.") % {"deed": deed})


def _checked_password(password: str, user: User) -> str:
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
    """Makes an account. An actor of None is the command line; None as password makes one that cannot sign in."""
    if actor is not None:
        _refuse_above(actor, role, _("make somebody an account"))
    user = User(username=username.strip(), role=role, display_name=display_name.strip())
    user.is_simulated, user.is_guest = is_simulated, is_guest
    _save_new(user, password)
    record(actor=actor, action="user.created", target=user, role=str(role), simulated=is_simulated)
    return user


def _save_new(user: User, password: str | None) -> None:
    user.set_password(None if password is None else _checked_password(password, user))
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as refusal:
        raise AccountError(_why_refused(user, refusal)) from refusal
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as refusal:  # somebody took the name since it was looked up
        raise AccountError(_name_is_taken(user)) from refusal


def _why_refused(user: User, refusal: ValidationError) -> str:
    if User.objects.named(user.username).exists():
        return _name_is_taken(user)
    return " ".join(refusal.messages)


def _name_is_taken(user: User) -> str:
    return _("The name %(name)s is taken. Choose another.") % {"name": isolate(user.username)}


def has_people() -> bool:
    """Whether there is anybody who can sign in, or who holds a link to set their first password."""
    people = User.objects.filter(is_guest=False, is_simulated=False)
    links = PasswordReset.objects.filter(user=OuterRef("pk"), used_at=None, expires_at__gt=timezone.now())
    return people.filter(~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX) | Exists(links)).exists()


@transaction.atomic
def invite(*, actor: User, role: Role, note: str = "") -> tuple[Invitation, str]:
    """An invitation and its secret, which is in no table and cannot be had again."""
    _refuse_above(actor, role, _("invite somebody"))
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
    """Makes an invitation's link useless. An accepted one stays as it is."""
    _refuse_above(actor, invitation.role, _("revoke an invitation"))
    changed = Invitation.objects.filter(pk=invitation.pk, accepted_by=None, revoked_at=None)
    if changed.update(revoked_at=timezone.now()):
        record(actor=actor, action="invitation.revoked", target=invitation)


def open_invitation(secret: str) -> Invitation | None:
    """The invitation behind a link, while it can still be accepted."""
    invitation = valid_invitations().filter(token_hash=hash_secret(secret)).first()
    return invitation if invitation is not None and invitation.is_backed else None


def valid_invitations() -> QuerySet[Invitation]:
    """Invitations that are not accepted, revoked or too old. Whether their makers still back them is asked of each."""
    valid = Invitation.objects.filter(accepted_by=None, revoked_at=None, expires_at__gt=timezone.now())
    return valid.select_related("created_by")


@transaction.atomic
def accept_invitation(*, secret: str, username: str, password: str, display_name: str = "") -> User:
    """Makes the account an invitation stands for. Raises AccountError if the link is spent, old or revoked."""
    invitation = open_invitation(secret)
    if invitation is None:
        raise AccountError(_("This invitation is no longer valid. Ask the person who sent it for a new one."))
    user = User(username=username.strip(), role=invitation.role, display_name=display_name.strip())
    _save_new(user, password)
    taken = Invitation.objects.filter(pk=invitation.pk, accepted_by=None, revoked_at=None)
    if not taken.update(accepted_by=user):
        raise AccountError(_("This invitation has just been used. Ask for a new one."))
    record(actor=user, action="invitation.accepted", target=invitation, role=user.role)
    invitation_accepted.send(sender=Invitation, user=user, invitation=invitation)
    return user


@transaction.atomic
def change_role(*, actor: User, user: User, role: Role) -> None:
    """Gives a person another role. Nobody changes their own, nor gives or takes one above their own."""
    _refuse_above(actor, user.role, _("change the role of somebody"))
    _refuse_above(actor, role, _("make somebody one"))
    if user == actor:
        raise AccountError(_("You cannot change your own role. Ask another lead."))
    if user.is_guest or user.is_simulated:
        raise AccountError(
            _("%(user)s is no colleague who signs in, so the role stays annotator.") % {"user": isolate(user)}
        )
    before = user.role
    if before != role:
        user.role = role
        user.save(update_fields=["role"])
        record(actor=actor, action="user.role_changed", target=user, before=before, after=str(role))


@transaction.atomic
def deactivate(*, actor: User, user: User) -> None:
    """Shuts a person out: no sign-in, session, token or reset link. What they rated stays; links they made fail."""
    _refuse_above(actor, user.role, _("deactivate somebody"))
    if user == actor:
        raise AccountError(_("You cannot deactivate yourself. Ask another lead."))
    User.objects.filter(pk=user.pk).update(is_active=False)
    _end_access(user)
    record(actor=actor, action="user.deactivated", target=user)


def shut_out_guests(guests: QuerySet[User]) -> None:
    """Ends the accounts of a panel's guests. They have no password, token or link; the caller keeps the trail."""
    guests.filter(is_guest=True).update(is_active=False, sessions_ended=F("sessions_ended") + 1)


def _end_access(user: User) -> None:
    """Ends every session, token and open reset link of a person."""
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(sessions_ended=F("sessions_ended") + 1)
    user.refresh_from_db(fields=["sessions_ended"])
    user.api_tokens.filter(revoked_at=None).update(revoked_at=now)
    user.password_resets.filter(used_at=None).update(expires_at=now)


@transaction.atomic
def reactivate(*, actor: User, user: User) -> None:
    """Lets a person in again. Their tokens stay revoked."""
    _refuse_above(actor, user.role, _("reactivate somebody"))
    User.objects.filter(pk=user.pk).update(is_active=True)
    record(actor=actor, action="user.reactivated", target=user)


@transaction.atomic
def start_password_reset(*, actor: User | None, user: User) -> str:
    """The secret of a link by which `user` chooses a password (actor None: the command line). Earlier links end."""
    if actor is not None:
        _refuse_above(actor, user.role, _("reset the password of somebody"))
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


def open_reset(secret: str) -> PasswordReset | None:
    """The reset behind a link, while it can still be used."""
    valid = PasswordReset.objects.filter(used_at=None, expires_at__gt=timezone.now(), user__is_active=True)
    reset = valid.select_related("user", "created_by").filter(token_hash=hash_secret(secret)).first()
    return reset if reset is not None and reset.is_backed else None


@transaction.atomic
def finish_password_reset(*, secret: str, password: str) -> User:
    """Sets the password by a reset link; every session and token of that person ends with the old password."""
    reset = open_reset(secret)
    if reset is None:
        raise AccountError(_("This link is no longer valid. Ask a lead for a new one."))
    spent = PasswordReset.objects.filter(pk=reset.pk, used_at=None).update(used_at=timezone.now())
    if not spent:
        raise AccountError(_("This link has just been used. Ask a lead for a new one."))
    set_password(actor=reset.user, user=reset.user, password=password)
    return reset.user


@transaction.atomic
def set_password(*, actor: User | None, user: User, password: str) -> None:
    """Sets a person's own password (an actor of None is the command line). Ends their sessions, tokens and links."""
    if actor is not None and actor != user:
        raise AccountError(_("Only oneself sets a password. Make a reset link instead."))
    user.set_password(_checked_password(password, user))
    user.save(update_fields=["password"])
    _end_access(user)
    record(actor=actor, action="user.password_set", target=user)


@transaction.atomic
def rename(*, actor: User, display_name: str) -> None:
    """Sets one's own display name."""
    actor.display_name = display_name.strip()
    actor.save(update_fields=["display_name"])
    record(actor=actor, action="user.renamed", target=actor)


@transaction.atomic
def issue_token(*, actor: User, name: str) -> tuple[ApiToken, str]:
    """A bearer token of one's own and its secret, which is in no table and cannot be had again."""
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
    """Makes a token of one's own useless."""
    if token.user != actor:
        raise AccountError(_("A token is revoked by its owner."))
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record(actor=actor, action="token.revoked", target=token)
