"""People, their roles, the links that let them in, and the audit trail."""

import uuid
from typing import ClassVar, cast

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from accounts.names import KEY_LENGTH, clean_name, fold_name, has_control_characters

NAME_LENGTH = 80


class Role(models.TextChoices):
    """The roles in rising order: each may do everything that the earlier ones may do."""

    ANNOTATOR = "annotator", _("Annotator")
    LEAD = "lead", _("Lead")
    ENGINEER = "engineer", _("Engineer")

    @property
    def rank(self) -> int:
        return list(Role).index(self)


class NameKeyField(models.CharField[str, str]):
    """Holds the folded form of `username`; computed whenever a row is saved, also in bulk."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        user = cast(User, model_instance)
        user.name_key = fold_name(user.username)
        return user.name_key


class UserManager(BaseUserManager["User"]):
    def named(self, name: str) -> models.QuerySet["User"]:
        """Return the user who signs in by this name, however it is written: one or none."""
        return self.filter(name_key=fold_name(name))

    def with_role(self, role: Role) -> models.QuerySet["User"]:
        """Return the users who may do what `role` may: `User.has_role` for a queryset."""
        return self.filter(is_active=True, role__in=[other for other in Role if other.rank >= role.rank])

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(name_key=fold_name(username or ""))

    def create_user(self, username: str, password: str | None = None, *, role: Role = Role.ANNOTATOR) -> "User":
        user = self.model(username=self.model.normalize_username(username), role=role)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """One person. Accounts are deactivated, and never deleted while ratings point at them."""

    uuid = models.UUIDField(
        unique=True,
        default=uuid.uuid4,
        editable=False,
        help_text="Stays the same in a backup and in another database. Pseudonyms in releases are made from it.",
    )
    username = models.CharField(max_length=NAME_LENGTH, unique=True)
    name_key = NameKeyField(max_length=KEY_LENGTH, unique=True, editable=False, blank=True)
    display_name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.ANNOTATOR)
    is_active = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False, help_text="A program that rates, marked wherever its ratings go.")
    is_guest = models.BooleanField(default=False, help_text="Came by the link of an outside panel; has no password.")
    date_joined = models.DateTimeField(auto_now_add=True)
    sessions_ended = models.PositiveIntegerField(default=0, help_text="Counts how often all open sessions were ended.")

    objects = UserManager()

    USERNAME_FIELD = "username"

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=[role.value for role in Role]), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.username

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return clean_name(username)

    def clean(self) -> None:
        """Raise ValidationError if the name cannot be signed in with."""
        problem = self._explain_bad_name()
        if problem:
            raise ValidationError({"username": problem})
        super().clean()
        self.name_key = fold_name(self.username)

    def _explain_bad_name(self) -> str:
        if has_control_characters(self.username):
            return translate("The name holds a control character. Type it again, do not paste it.")
        if not fold_name(self.username):
            return translate("The name has no visible letter. Choose another.")
        if len(clean_name(self.username)) > NAME_LENGTH:  # composing can lengthen it
            return translate("The name is too long. Choose a shorter one.")
        return ""

    def has_role(self, role: Role) -> bool:
        """Return whether this person may do what `role` may."""
        return self.is_active and Role(self.role).rank >= role.rank

    def may_give(self, role: str) -> bool:
        """Return whether this person may give somebody `role`: leads and above may, up to their own role."""
        return self.has_role(Role.LEAD) and self.has_role(Role(role))

    def list_roles_to_give(self) -> list[Role]:
        """Return the roles that this person may give, in rising order."""
        return [role for role in Role if self.may_give(role)]

    def get_session_auth_hash(self) -> str:
        """Return what an open session must carry: it changes with the password and when sessions are ended."""
        password_hash = super().get_session_auth_hash()
        return f"{password_hash}-{self.sessions_ended}" if self.sessions_ended else password_hash


class Invitation(models.Model):
    """A link that creates one account. Only a hash of its secret is stored."""

    token_hash = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.ANNOTATOR)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations_made")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.OneToOneField(User, null=True, blank=True, on_delete=models.PROTECT, related_name="invitation")

    @property
    def is_backed(self) -> bool:
        """Whether its maker may still give its role. Check this at use, because people leave and change roles."""
        return self.created_by.may_give(self.role)


class ApiToken(models.Model):
    """A bearer token for scripts: shown once, stored as a hash, revocable."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class PasswordReset(models.Model):
    """A link by which somebody sets a new password, without mail. Only a hash of its secret is stored."""

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_resets")
    created_by = models.ForeignKey(
        User,
        null=True,
        on_delete=models.PROTECT,
        related_name="password_resets_made",
        help_text="Empty for a link made by a command on the site's machine.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    @property
    def is_backed(self) -> bool:
        """Whether its maker may still give the role that the person has now."""
        return self.created_by is None or self.created_by.may_give(self.user.role)


class SignInAttempt(models.Model):
    """A failed sign-in, or another try that `accounts.throttle` limits. `deed` names the action."""

    deed = models.CharField(max_length=16, default="sign-in")
    username = models.CharField(max_length=NAME_LENGTH, db_index=True)
    address = models.GenericIPAddressField(null=True, db_index=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)


def _index_by(*fields: str) -> models.Index:
    """Return the index from which one page of the audit trail is read if it is filtered by these fields."""
    return models.Index(fields=[*fields, "id"], name=f"audit_by_{'_'.join(fields)}")


class AuditEntry(models.Model):
    """Records who did what to which object. Written in the transaction of the change; never changed afterwards."""

    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=60)
    target_id = models.CharField(max_length=60)
    campaign = models.CharField(
        max_length=80, blank=True, default="", help_text="Name of the campaign that it was done in; empty for none."
    )
    data = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        db_table = "operations_auditentry"  # the name it got before the model moved here
        ordering: ClassVar = ["-at"]
        indexes: ClassVar = [
            models.Index(fields=["target_type", "target_id"], name="audit_by_target"),
            # Each combination of filters reads a page as one range of an index, however many entries there are.
            _index_by("actor"),
            _index_by("action"),
            _index_by("campaign"),
            _index_by("actor", "action"),
            _index_by("actor", "campaign"),
            _index_by("campaign", "action"),
            _index_by("actor", "campaign", "action"),
        ]
