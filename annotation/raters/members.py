"""Add, invite and remove members of a campaign, and let in raters who failed the qualification."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Invitation, Role, User
from accounts.services import invite
from annotation.models import Campaign, CampaignInvitation, CampaignMember, Qualification
from annotation.raters.name_lists import Invitee
from annotation.shared.permissions import require_role
from qsave.words import isolate

MAX_NOTE_LENGTH = 200


class MemberRefused(ValueError):
    """A person cannot become a member; the message says why and what to do."""


@transaction.atomic
def add_member(*, actor: User, campaign: Campaign, username: str) -> CampaignMember:
    """Make a person who has an account a member of the campaign, if they are not yet. Raises MemberRefused."""
    require_role(actor, Role.LEAD)
    user = User.objects.named(username).first()
    if user is None:
        raise MemberRefused(
            _("There is no account with the name %(name)s. Invite the person by a link.") % {"name": isolate(username)}
        )
    if not user.is_active or user.is_guest:
        raise MemberRefused(_("%(name)s cannot sign in, so they cannot be a member.") % {"name": isolate(user)})
    member, is_new = CampaignMember.objects.get_or_create(campaign=campaign, user=user)
    if is_new:
        audit.record(actor=actor, action="member.added", target=campaign, user=user.username)
    return member


@transaction.atomic
def remove_member(*, actor: User, campaign: Campaign, user: User) -> None:
    """End a membership. The person's ratings stay, and they can still submit the clip they have open."""
    require_role(actor, Role.LEAD)
    deleted, _per_model = CampaignMember.objects.filter(campaign=campaign, user=user).delete()
    if deleted:
        audit.record(actor=actor, action="member.removed", target=campaign, user=user.username)


@transaction.atomic
def invite_members(*, actor: User, campaign: Campaign, people: Iterable[Invitee]) -> list[tuple[str, str]]:
    """Create an invitation for each person; return (name, secret) of each. The secrets are not stored."""
    require_role(actor, Role.LEAD)
    invitations = []
    for person in people:
        note = ", ".join(part for part in (person.name, person.note, campaign.title) if part)
        invitation, secret = invite(actor=actor, role=Role.ANNOTATOR, note=note[:MAX_NOTE_LENGTH])
        CampaignInvitation.objects.create(campaign=campaign, invitation=invitation)
        invitations.append((person.name, secret))
    audit.record(actor=actor, action="member.invited", target=campaign, count=len(invitations))
    return invitations


def add_invited_member(*, user: User, invitation: Invitation) -> None:
    """Make a person who accepted a campaign's invitation its member."""
    for link in CampaignInvitation.objects.filter(invitation=invitation):
        CampaignMember.objects.get_or_create(campaign_id=link.campaign_id, user=user)


@transaction.atomic
def let_in(*, actor: User, campaign: Campaign, rater: User) -> None:
    """Let a rater who failed the qualification rate. Their result stays recorded."""
    require_role(actor, Role.LEAD)
    failed = Qualification.objects.filter(campaign=campaign, rater=rater, passed=False, let_in_by=None)
    if failed.update(let_in_by=actor):
        audit.record(actor=actor, action="member.let_in", target=campaign, user=rater.username)
