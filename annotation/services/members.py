"""Members of a campaign: added by a lead, or invited by a link that also makes their account."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Invitation, Role, User
from accounts.services import invite
from annotation.models import Campaign, CampaignInvitation, CampaignMember, Qualification
from annotation.services.permissions import require
from annotation.services.text import clean_text
from operations import audit

MOST_ROWS = 500
MOST_LETTERS = 120


class MemberRefused(ValueError):
    """Somebody cannot become a member; the text says why and what to do."""


@dataclass(slots=True)
class NameList:
    """The rows of a list of names that can be invited, and those that cannot, by number from 1 and why."""

    names: list[str] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


@transaction.atomic
def add_member(*, actor: User, campaign: Campaign, username: str) -> CampaignMember:
    """Makes somebody who has an account a member; who is one already stays one."""
    require(actor, Role.LEAD)
    user = User.objects.filter(username__iexact=username.strip()).first()
    if user is None:
        raise MemberRefused(_("There is nobody with the name %(name)s. Invite them by a link.") % {"name": username})
    if not user.is_active or user.is_guest:
        raise MemberRefused(_("%(name)s cannot sign in, so cannot be a member.") % {"name": user})
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
def invite_members(*, actor: User, campaign: Campaign, names: Iterable[str]) -> list[tuple[str, str]]:
    """An invitation for each name: (name, secret). The secrets are stored nowhere and cannot be had again."""
    require(actor, Role.LEAD)
    made = []
    for name in names:
        invitation, secret = invite(actor=actor, role=Role.ANNOTATOR, note=f"{name}: {campaign}"[:MOST_LETTERS])
        CampaignInvitation.objects.create(campaign=campaign, invitation=invitation)
        made.append((name, secret))
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


def read_names(text: str) -> NameList:
    """The first column of a CSV, a name a row; a heading `name` is passed over, blank lines too."""
    found = NameList()
    for number, row in enumerate(csv.reader(StringIO(clean_text(text))), start=1):
        name = clean_text(row[0]) if row else ""
        if not name or (number == 1 and name.casefold() == "name"):
            continue
        problem = _name_problem(name, found.names)
        if problem:
            found.problems.append((number, problem))
        else:
            found.names.append(name)
    return found


def _name_problem(name: str, so_far: list[str]) -> str:
    if len(name) > MOST_LETTERS // 2:
        return _("this is longer than %(most)s letters") % {"most": MOST_LETTERS // 2}
    if name in so_far:
        return _("%(name)s stands there twice") % {"name": name}
    if len(so_far) >= MOST_ROWS:
        return _("more than %(most)s at once: invite the others by another list") % {"most": MOST_ROWS}
    return ""
