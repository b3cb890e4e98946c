"""Requests and responses of the API of campaigns and their clips."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from annotation.api.base import JSON
from annotation.campaigns.guidelines import MAX_TEXT_LENGTH
from annotation.campaigns.policy import POLICY_FIELDS
from annotation.campaigns.progress import Progress
from annotation.models import Campaign, Item

LEADS_ONLY = ("seed", "seats", "done", "leased")
"""Hidden from annotators: the order of clips and the arms are drawn from the seed, and the counts grow with each rating
slot but not with a check slot."""


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A campaign. Only leads see `seed`, and `seats`, `done` and `leased`, which count its rating slots."""

    seats = serializers.SerializerMethodField()
    done = serializers.SerializerMethodField()
    leased = serializers.SerializerMethodField()

    class Meta:
        model = Campaign
        fields = (
            "name",
            "title",
            "state",
            "overlap",
            "assisted_share",
            "shows_draft_scores",
            "lease_minutes",
            "min_reason_length",
            "waives_reason_when_excellent",
            "taxonomy",
            "seed",
            "is_simulated",
            "created_at",
            "seats",
            "done",
            "leased",
        )
        read_only_fields = fields

    def _progress(self, campaign: Campaign) -> Progress:
        progress: Progress = self.context["progress"][campaign.pk]
        return progress

    def to_representation(self, instance: Campaign) -> JSON:
        fields: JSON = super().to_representation(instance)
        if not self.context["is_lead"]:
            for name in LEADS_ONLY:
                del fields[name]
        return fields

    def get_seats(self, campaign: Campaign) -> int:
        return self._progress(campaign).slots

    def get_done(self, campaign: Campaign) -> int:
        return self._progress(campaign).done

    def get_leased(self, campaign: Campaign) -> int:
        return self._progress(campaign).leased


class PolicySerializer(serializers.ModelSerializer[Campaign]):
    """The settings of a campaign. The service checks their bounds and when each may change."""

    class Meta:
        model = Campaign
        fields: tuple[str, ...] = ("title", *sorted(POLICY_FIELDS))

    def validate(self, attrs: JSON) -> JSON:
        """Refuse unknown settings: a misspelt name is an error."""
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), _("A campaign has no such setting.")))
        return attrs


class NewCampaignSerializer(PolicySerializer):
    """A new campaign; a setting that is left out has its default."""

    guidelines = serializers.CharField(required=False, allow_blank=True, max_length=MAX_TEXT_LENGTH, write_only=True)

    class Meta(PolicySerializer.Meta):
        fields = ("name", *PolicySerializer.Meta.fields, "guidelines")


class StateSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(Campaign.State.choices)


class ItemSerializer(serializers.ModelSerializer[Item]):
    """A clip in a campaign."""

    clip = serializers.IntegerField(source="clip.pk")
    clip_id = serializers.CharField(source="clip.clip_id")
    sha256 = serializers.CharField(source="clip.sha256")
    prompt = serializers.CharField(source="clip.prompt")
    generator = serializers.CharField(source="clip.generator")
    duration = serializers.FloatField(source="clip.duration")
    split = serializers.CharField(source="clip.prompt_group.split")
    bridges_splits = serializers.BooleanField(source="clip.bridges_splits")
    version = serializers.IntegerField(source="clip.version", help_text="Rises when the file of the clip is replaced.")
    withdrawal_reason = serializers.CharField(source="clip.withdrawal_reason")
    successor = serializers.CharField(
        source="clip.successor.clip_id", default=None, allow_null=True, help_text="The clip with the corrected prompt."
    )

    class Meta:
        model = Item
        fields: tuple[str, ...] = (
            "id",
            "clip",
            "clip_id",
            "sha256",
            "prompt",
            "generator",
            "duration",
            "split",
            "bridges_splits",
            "gold",
            "is_qualification",
            "feedback",
            "priority",
            "order_score",
            "availability",
            "exclusion_reason",
            "version",
            "withdrawal_reason",
            "successor",
        )
        read_only_fields = fields
