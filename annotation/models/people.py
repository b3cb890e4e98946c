"""Who may rate in a campaign: members and their invitations, outside panels, and qualifications."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from accounts.models import Invitation
from annotation.models.campaigns import Campaign


class CampaignMember(models.Model):
    """A rater who may rate in a campaign that is open to members only."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["campaign", "user"], name="member_once")]


class CampaignInvitation(models.Model):
    """A campaign whose member a person becomes when they accept the invitation."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="invitations")
    invitation = models.OneToOneField(Invitation, on_delete=models.CASCADE, related_name="+")


class Panel(models.Model):
    """Raters of an outside company: they share one link, bring a number of their own, and get a completion code."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="panels")
    name = models.CharField(max_length=120)
    token_hash = models.CharField(max_length=64, unique=True)
    completion_code = models.CharField(max_length=80)
    return_url = models.URLField(blank=True, help_text="Address that a participant returns to when done.")
    quota = models.PositiveIntegerField(help_text="Number of ratings after which a participant is done.")
    closed_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(quota__gte=1), name="panel_quota_at_least_one"),
        ]

    def __str__(self) -> str:
        return self.name


class PanelParticipant(models.Model):
    """One person of a panel: their number there, and their account here."""

    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="participants")
    external_id = models.CharField(max_length=120)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="panel_participant")
    started_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["panel", "external_id"], name="participant_once_a_panel"),
        ]


class Qualification(models.Model):
    """A rater's result on a campaign's qualification clips; a lead can let them in even if they failed."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="qualifications")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="qualifications")
    share = models.FloatField(help_text="Share of answers within one level of the known scores.")
    passed = models.BooleanField()
    let_in_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "rater"], name="qualified_once"),
            models.CheckConstraint(
                condition=models.Q(share__gte=0, share__lte=1), name="qualification_share_is_a_share"
            ),
        ]
