"""Members of a campaign: added by a lead, or invited by a link that also makes their account."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Invitation, Role, User
from accounts.services import invite
from annotation.models import Campaign, CampaignInvitation, CampaignMember, Qualification
from annotation.raters.name_lists import Invitee
from annotation.shared.permissions import require
from qsave.words import isolate

NOTE_LENGTH = 200


class MemberRefused(ValueError):
    """Somebody cannot become a member; the text says why and what to do."""


@transaction.atomic
def add_member(*, actor: User, campaign: Campaign, username: str) -> CampaignMember:
    """Makes somebody who has an account a member; who is one already stays one."""
    require(actor, Role.LEAD)
    user = User.objects.named(username).first()
    if user is None:
        raise MemberRefused(
            _("There is nobody with the name %(name)s. Invite them by a link.") % {"name": isolate(username)}
        )
    if not user.is_active or user.is_guest:
        raise MemberRefused(_("%(name)s cannot sign in, so cannot be a member.") % {"name": isolate(user)})
    member, is_new = CampaignMember.objects.get_or_create(campaign=campaign, user=user)
    if is_new:
        audit.record(actor=actor, action="member.added", target=campaign, user=user.username)
    return member


@transaction.atomic
def remove_member(*, actor: User, campaign: Campaign, user: User) -> None:
    """Takes somebody's membership away; what they rated stays, and a clip on their desk can still be submitted."""
    require(actor, Role.LEAD)
    gone, _per_model = CampaignMember.objects.filter(campaign=campaign, user=user).delete()
    if gone:
        audit.record(actor=actor, action="member.removed", target=campaign, user=user.username)


@transaction.atomic
def invite_members(*, actor: User, campaign: Campaign, people: Iterable[Invitee]) -> list[tuple[str, str]]:
    """An invitation for each of them: (name, secret). The secrets are stored nowhere and cannot be had again."""
    require(actor, Role.LEAD)
    made = []
    for person in people:
        note = ", ".join(part for part in (person.name, person.note, campaign.title) if part)
        invitation, secret = invite(actor=actor, role=Role.ANNOTATOR, note=note[:NOTE_LENGTH])
        CampaignInvitation.objects.create(campaign=campaign, invitation=invitation)
        made.append((person.name, secret))
    audit.record(actor=actor, action="member.invited", target=campaign, count=len(made))
    return made


def welcome(*, user: User, invitation: Invitation) -> None:
    """Makes who accepted an invitation to a campaign its member."""
    for bound in CampaignInvitation.objects.filter(invitation=invitation):
        CampaignMember.objects.get_or_create(campaign_id=bound.campaign_id, user=user)


@transaction.atomic
def let_in(*, actor: User, campaign: Campaign, rater: User) -> None:
    """Lets a rater in who did not pass the qualification; the verdict stays beside it."""
    require(actor, Role.LEAD)
    failed = Qualification.objects.filter(campaign=campaign, rater=rater, passed=False, let_in_by=None)
    if failed.update(let_in_by=actor):
        audit.record(actor=actor, action="member.let_in", target=campaign, user=rater.username)
