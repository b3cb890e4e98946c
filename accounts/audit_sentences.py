"""The sentences of the acts on accounts, invitations and tokens in the audit trail."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.audit_trail import Act, Target, register_acts, register_target_reader
from accounts.models import ApiToken, Invitation, User

register_acts(
    {
        "user.created": Act(
            _("Account created"), _("%(actor)s created the account %(target)s with the role %(role)s.")
        ),
        "user.role_changed": Act(
            _("Role changed"), _("%(actor)s changed the role of %(target)s from %(before)s to %(after)s.")
        ),
        "user.deactivated": Act(_("Account deactivated"), _("%(actor)s deactivated the account %(target)s.")),
        "user.reactivated": Act(_("Account reactivated"), _("%(actor)s reactivated the account %(target)s.")),
        "user.reset_started": Act(
            _("Password link created"), _("%(actor)s created a link by which %(target)s can set a password.")
        ),
        "user.password_set": Act(_("Password set"), _("%(actor)s set the password of %(target)s.")),
        "user.renamed": Act(_("Name changed"), _("%(actor)s changed the name that others see.")),
        "invitation.made": Act(
            _("Invitation created"), _("%(actor)s created the invitation %(target)s for the role %(role)s.")
        ),
        "invitation.revoked": Act(_("Invitation revoked"), _("%(actor)s revoked the invitation %(target)s.")),
        "invitation.accepted": Act(
            _("Invitation accepted"), _("%(actor)s accepted the invitation %(target)s and has the role %(role)s.")
        ),
        "token.issued": Act(_("API token created"), _("%(actor)s created the API token %(name)s.")),
        "token.revoked": Act(_("API token revoked"), _("%(actor)s revoked the API token %(target)s.")),
    }
)


@register_target_reader("accounts.user")
def read_users(keys: Collection[str]) -> Mapping[str, Target]:
    return {str(user.pk): Target(str(user)) for user in User.objects.filter(pk__in=keys)}


@register_target_reader("accounts.invitation")
def read_invitations(keys: Collection[str]) -> Mapping[str, Target]:
    page = reverse("people")
    invitations = Invitation.objects.filter(pk__in=keys)
    return {str(one.pk): Target(one.note or f"#{one.pk}", page) for one in invitations}


@register_target_reader("accounts.apitoken")
def read_tokens(keys: Collection[str]) -> Mapping[str, Target]:
    return {str(token.pk): Target(token.name) for token in ApiToken.objects.filter(pk__in=keys)}
