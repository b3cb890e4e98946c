"""Requests and responses of the API of campaigns, clips and ratings."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from annotation.campaigns.guidelines import MAX_TEXT_LENGTH
from annotation.campaigns.policy import POLICY_FIELDS
from annotation.campaigns.progress import Progress
from annotation.models import Arm, Campaign, Draft, Item, Rating, Skip, Slot
from annotation.rating.drafts import find_shown_draft
from annotation.rating.queue import REASON_LIMIT
from annotation.rating.rating_sql import LARGEST_KEY
from annotation.rating.ratings import LONGEST_SECONDS
from operations.models import Job

JSON = dict[str, Any]
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


class ImportSerializer(serializers.Serializer[Any]):
    """Either `manifest`, a path under the site's import folder, or `files` as multipart (a manifest with its videos, or
    a zip of them). Without a manifest, the folders in a zip are generators; `generator` is that of videos in none. With
    `preview` the import waits to be started."""

    preview = serializers.BooleanField(default=False)

    manifest = serializers.CharField(required=False, max_length=1000)
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), required=False, allow_empty=False)
    generator = serializers.CharField(default="", allow_blank=True, max_length=120)

    def validate(self, attrs: JSON) -> JSON:
        if ("manifest" in attrs) == ("files" in attrs):
            raise serializers.ValidationError({"manifest": _("Send either the path of a manifest or files.")})
        return attrs


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job in the background: poll it until `state` is done, failed or cancelled."""

    class Meta:
        model = Job
        fields = ("id", "kind", "state", "progress", "message", "result", "error", "created_at", "finished_at")
        read_only_fields = fields


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


class AnswerSerializer(serializers.Serializer[Any]):
    """One axis of a rating. `evidence` is empty if the rater answered "no defect".

    `exposure` is "none" if the rater saw no draft of this axis. `draft_edit_distance` is null if no reason was drafted.
    """

    axis = serializers.CharField()
    score = serializers.IntegerField()
    evidence = serializers.JSONField()
    reason = serializers.CharField()
    exposure = serializers.CharField()
    draft_use = serializers.CharField()
    draft_edit_distance = serializers.IntegerField(allow_null=True)


class RatingSerializer(serializers.ModelSerializer[Rating]):
    """The rating of one item by one rater, by its current revision."""

    clip_id = serializers.CharField(source="item.clip.clip_id")
    rater = serializers.CharField(source="rater.username")
    critic = serializers.CharField(source="draft.critic", default=None, allow_null=True)
    revision = serializers.SerializerMethodField()
    seconds_spent = serializers.FloatField(source="seconds", help_text="Of the first submit and all edits.")
    answers = serializers.SerializerMethodField()

    class Meta:
        model = Rating
        fields = (
            "id",
            "item",
            "clip_id",
            "rater",
            "arm",
            "exposure",
            "critic",
            "is_simulated",
            "created_at",
            "revision",
            "seconds_spent",
            "answers",
        )
        read_only_fields = fields

    def get_revision(self, rating: Rating) -> int:
        return next(revision.number for revision in rating.revisions.all())

    def get_answers(self, rating: Rating) -> list[JSON]:
        rows = [answer for revision in rating.revisions.all() for answer in revision.answers.all()]
        return [dict(row) for row in AnswerSerializer(rows, many=True).data]


class DraftSerializer(serializers.ModelSerializer[Draft]):
    """A critic's proposal: `{axis: {"score", "evidence", "reason", "note"}}` of the axes of which it says something.

    A score is null if the critic gives none or the campaign does not show scores. `note` says what was measured and by
    which threshold; it is absent if the critic gives none.
    """

    proposal = serializers.SerializerMethodField()

    class Meta:
        model = Draft
        fields = ("id", "critic", "proposal")
        read_only_fields = fields

    def get_proposal(self, draft: Draft) -> JSON:
        shows = self.context["shows_draft_scores"]
        return {axis: {**one, "score": one["score"] if shows else None} for axis, one in draft.proposal.items()}


@extend_schema_serializer(component_name="Seat")
class SlotSerializer(serializers.ModelSerializer[Slot]):
    """A slot that a rater holds, by its `lease`. A submit and a skip also name the `item`, if the lease is lost."""

    clip = serializers.IntegerField(source="item.clip.pk")
    prompt = serializers.CharField(source="item.clip.prompt")
    duration = serializers.FloatField(source="item.clip.duration")
    content_warning = serializers.CharField(source="item.clip.content_warning")
    draft = serializers.SerializerMethodField()

    class Meta:
        model = Slot
        fields = (
            "lease",
            "lease_expires_at",
            "item",
            "clip",
            "prompt",
            "duration",
            "content_warning",
            "draft",
        )
        read_only_fields = fields

    def get_draft(self, slot: Slot) -> JSON | None:
        assert slot.rater is not None
        draft, _exposure = find_shown_draft(slot.rater, slot.item_id) if slot.arm == Arm.ASSISTED else (None, "")
        if draft is None:
            return None
        return dict(DraftSerializer(draft, context={"shows_draft_scores": slot.campaign.shows_draft_scores}).data)


class RenewSerializer(serializers.Serializer[Any]):
    item = serializers.IntegerField(source="item_id", min_value=1, max_value=LARGEST_KEY, required=False)


class LeaseEndSerializer(serializers.Serializer[Any]):
    lease_expires_at = serializers.DateTimeField()


class SkipSerializer(serializers.Serializer[Any]):
    item = serializers.IntegerField(source="item_id", min_value=1, max_value=LARGEST_KEY)
    kind = serializers.ChoiceField(Skip.Kind.choices)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=REASON_LIMIT)


class SubmitSerializer(serializers.Serializer[Any]):
    """`answers` holds, for each axis, score, evidence or no_defect, and reason. The same `key` is never stored twice.

    The site knows which draft it gave you with the slot, and decides from your text and marks what became of it. A
    proposed axis that you leave as drafted needs `draft_use` "confirmed"; "cleared" means that you removed the draft
    first.
    """

    item = serializers.IntegerField(source="item_id", min_value=1, max_value=LARGEST_KEY)
    key = serializers.UUIDField()
    answers = serializers.DictField()
    viewing = serializers.DictField(required=False, default=dict)
    seconds_spent = serializers.FloatField(min_value=0, max_value=LONGEST_SECONDS)


class RatedSerializer(serializers.Serializer[Any]):
    rating = serializers.IntegerField()
