"""The sentences of the acts on campaigns, clips, members and panels in the audit trail."""

from collections.abc import Collection, Mapping

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.audit import register_campaign_finder
from accounts.audit_trail import (
    Act,
    Data,
    Sentence,
    Target,
    register_acts,
    register_campaign_lister,
    register_target_reader,
)
from annotation.models import Campaign, Clip, Item, JudgementImport, Panel, PromptGroup, Screening

CAMPAIGNS_IN_FILTER = 200
LONGEST_PROMPT = 80


def _tell_exclusion_undone(data: Data) -> Sentence:
    if data.get("reports"):
        return _(
            "%(actor)s undid the exclusion of clip %(target)s from %(campaign)s. "
            "Reports that are open again: %(reports)s."
        )
    return _("%(actor)s undid the exclusion of clip %(target)s from %(campaign)s.")


def _tell_returned(data: Data) -> Sentence:
    # Entries of earlier versions have no reason, and a clip that was only held back needs none.
    if data.get("reason"):
        return _("%(actor)s returned clip %(target)s to the queue of %(campaign)s: %(reason)s")
    return _("%(actor)s returned clip %(target)s to the queue of %(campaign)s.")


_REVIEWED = {
    "consensus": _("%(actor)s took the consensus of raters on clip %(target)s of %(campaign)s: %(scores)s."),
    "card": _("%(actor)s took the card of %(rater)s on clip %(target)s of %(campaign)s: %(scores)s."),
}
_REVIEWED_WITH_REASON = {
    "consensus": _(
        "%(actor)s took the consensus of raters on clip %(target)s of %(campaign)s: %(scores)s. Reason: %(reason)s"
    ),
    "card": _(
        "%(actor)s took the card of %(rater)s on clip %(target)s of %(campaign)s: %(scores)s. Reason: %(reason)s"
    ),
}


def _tell_review(data: Data) -> Sentence:
    act, has_reason = str(data.get("act", "")), bool(data.get("reason"))
    sentences = _REVIEWED_WITH_REASON if has_reason else _REVIEWED
    if act in sentences:
        return sentences[act]
    if has_reason:
        return _("%(actor)s reviewed clip %(target)s of %(campaign)s: %(scores)s. Reason: %(reason)s")
    if data.get("scores"):
        return _("%(actor)s reviewed clip %(target)s of %(campaign)s: %(scores)s.")
    return _("%(actor)s reviewed clip %(target)s of %(campaign)s.")  # an entry of an earlier version


def _describe_review(data: Data) -> Data:
    return {"scores": _describe_scores({"gold": data.get("scores")})}


def _tell_more_ratings(data: Data) -> Sentence:
    if data.get("reason"):
        return _(
            "%(actor)s asked for %(after)s ratings of clip %(target)s of %(campaign)s; before: %(before)s. "
            "Reason: %(reason)s"
        )
    return _("%(actor)s asked for %(after)s ratings of clip %(target)s of %(campaign)s; before: %(before)s.")


_MARKED = {
    "gold": _("%(actor)s made clip %(target)s of %(campaign)s a gold with known scores %(scores)s."),
    "qualification": _(
        "%(actor)s made clip %(target)s of %(campaign)s a qualification clip with known scores %(scores)s. "
        "Feedback to raters: %(feedback)s"
    ),
}
_MARK_CHANGED = {
    "gold": _(
        "%(actor)s changed the known scores of the gold %(target)s of %(campaign)s to %(scores)s. "
        "Before: %(scores_before)s."
    ),
    "qualification": _(
        "%(actor)s changed the qualification clip %(target)s of %(campaign)s. Known scores: %(scores)s. "
        "Feedback to raters: %(feedback)s"
    ),
}
_MARK_REMOVED = {
    "gold": _("%(actor)s decided that clip %(target)s of %(campaign)s is no longer a gold."),
    "qualification": _("%(actor)s decided that clip %(target)s of %(campaign)s is no longer a qualification clip."),
}


def _tell_mark(data: Data) -> Sentence:
    before, after = (str(_get_part(data, part).get("mark", "")) for part in ("before", "after"))
    if after in _MARKED:
        return _MARK_CHANGED[after] if before == after else _MARKED[after]
    return _MARK_REMOVED.get(before, _("%(actor)s removed the mark of clip %(target)s of %(campaign)s."))


def _describe_mark(data: Data) -> Data:
    """Return the values of a sentence on a mark: the known scores before and after in words, and the feedback."""
    before, after = _get_part(data, "before"), _get_part(data, "after")
    return {
        "scores": _describe_scores(after),
        "scores_before": _describe_scores(before),
        "feedback": after.get("feedback"),
    }


def _describe_scores(mark: Data) -> str:
    """Write the known scores of a mark in words: `visual 5, dynamic 3.5`."""
    return ", ".join(f"{axis} {score:g}" for axis, score in (mark.get("gold") or {}).items())


def _get_part(data: Data, name: str) -> Data:
    """Return the mark before or after an act; an entry of an earlier version may lack it."""
    return data.get(name) or {}


def _get_count(data: Data, name: str) -> int:
    """Return a number of an entry; 0 if an earlier version stored none."""
    value = data.get(name)
    return value if isinstance(value, int) else 0


def _tell_clips_added(data: Data) -> Sentence:
    return ngettext(
        "%(actor)s added %(count)s clip to %(target)s.",
        "%(actor)s added %(count)s clips to %(target)s.",
        _get_count(data, "count"),
    )


def _tell_import(data: Data) -> Sentence:
    if data.get("refused"):
        return ngettext(
            "%(actor)s imported %(added)s new clip to %(target)s from %(manifest)s; refused: %(refused)s.",
            "%(actor)s imported %(added)s new clips to %(target)s from %(manifest)s; refused: %(refused)s.",
            _get_count(data, "added"),
        )
    return ngettext(
        "%(actor)s imported %(added)s new clip to %(target)s from %(manifest)s.",
        "%(actor)s imported %(added)s new clips to %(target)s from %(manifest)s.",
        _get_count(data, "added"),
    )


def _tell_judgements(data: Data) -> Sentence:
    if data.get("refused"):
        return _(
            "%(actor)s imported %(added)s judgements of %(source)s from %(target)s; stored already: %(present)s; "
            "refused rows: %(refused)s."
        )
    return _("%(actor)s imported %(added)s judgements of %(source)s from %(target)s; stored already: %(present)s.")


def _tell_invitations(data: Data) -> Sentence:
    return ngettext(
        "%(actor)s invited %(count)s person to %(target)s.",
        "%(actor)s invited %(count)s people to %(target)s.",
        _get_count(data, "count"),
    )


def _tell_withdrawal(data: Data) -> Sentence:
    if data.get("successor"):
        return _("%(actor)s withdrew clip %(target)s: %(reason)s The clip %(successor)s takes its place.")
    return _("%(actor)s withdrew clip %(target)s: %(reason)s")


def _describe_change(data: Data) -> Data:
    """Return the values before and after a correction in words: `generator: toy-1`."""
    return {part: _list_values(_get_part(data, part)) for part in ("before", "after")}


def _list_values(values: Data) -> str:
    return "; ".join(f"{name}: {value}" for name, value in values.items())


def _tell_screening(data: Data) -> Sentence:
    if data.get("verdict") == Screening.Verdict.SCREENED:
        return _("%(actor)s screened %(target)s out of %(campaign)s.")
    return _("%(actor)s decided that the ratings of %(target)s count in %(campaign)s.")


register_acts(
    {
        "campaign.created": Act(_("Campaign created"), _("%(actor)s created the campaign %(target)s.")),
        "campaign.duplicated": Act(
            _("Campaign duplicated"), _("%(actor)s made the campaign %(target)s as a copy of %(source)s.")
        ),
        "campaign.state": Act(
            _("Campaign state changed"), _("%(actor)s changed the state of %(target)s from %(before)s to %(after)s.")
        ),
        "campaign.policy": Act(
            _("Settings changed"), _("%(actor)s changed settings of %(target)s to %(after)s. Before: %(before)s.")
        ),
        "campaign.guidelines": Act(
            _("Guidelines changed"), _("%(actor)s saved version %(number)s of the guidelines of %(target)s.")
        ),
        "campaign.clips_added": Act(_("Clips added"), _tell_clips_added),
        "campaign.order_scores": Act(
            _("Order scores uploaded"), _("%(actor)s uploaded scores for the order of %(target)s: %(changed)s changed.")
        ),
        "campaign.defect_added": Act(
            _("Defect added"), _("%(actor)s added the defect %(label)s (%(axis)s) to %(target)s.")
        ),
        "campaign.defect_relabelled": Act(
            _("Defect renamed"), _("%(actor)s renamed a defect of %(target)s from %(before)s to %(after)s.")
        ),
        "campaign.defect_retired": Act(
            _("Defect retired"), _("%(actor)s retired the defect %(defect)s of %(target)s.")
        ),
        "campaign.defect_restored": Act(
            _("Defect restored"), _("%(actor)s restored the defect %(defect)s of %(target)s.")
        ),
        "campaign.defect_moved": Act(
            _("Defect moved"), _("%(actor)s moved the defect %(defect)s of %(target)s in the list.")
        ),
        "import.started": Act(_("Import started"), _("%(actor)s started the import of %(manifest)s to %(target)s.")),
        "import.cancelled": Act(
            _("Import cancelled"), _("%(actor)s cancelled the import of %(manifest)s to %(target)s.")
        ),
        "import.discarded": Act(
            _("Import discarded"), _("%(actor)s discarded the import of %(manifest)s to %(target)s before it began.")
        ),
        "import.undone": Act(
            _("Import undone"), _("%(actor)s undid the import of %(manifest)s to %(target)s: %(count)s clips removed.")
        ),
        "clips.imported": Act(_("Clips imported"), _tell_import),
        "judgements.imported": Act(_("Judgements imported"), _tell_judgements),
        "judgements.deleted": Act(
            _("Judgements deleted"),
            _("%(actor)s deleted the import of the file %(name)s with %(count)s judgements of %(source)s."),
        ),
        "judgements.matched": Act(
            _("Judgements matched"),
            _("%(actor)s matched judgements made elsewhere with clips that came in later: %(count)s clips."),
        ),
        "item.excluded": Act(_("Clip excluded"), _("%(actor)s excluded clip %(target)s from %(campaign)s: %(reason)s")),
        "item.exclusion_undone": Act(_("Exclusion undone"), _tell_exclusion_undone),
        "item.given_out_again": Act(_("Clip returned to the queue"), _tell_returned),
        "item.marked": Act(_("Clip marked"), _tell_mark, _describe_mark),
        "item.priority": Act(
            _("Priority changed"),
            _("%(actor)s changed the priority of clip %(target)s of %(campaign)s from %(before)s to %(after)s."),
        ),
        "item.more_ratings": Act(
            _("More ratings requested"),
            _tell_more_ratings,
        ),
        "item.ratings_withdrawn": Act(
            _("More ratings withdrawn"),
            _(
                "%(actor)s withdrew the request for more ratings of clip %(target)s of %(campaign)s: %(after)s rating "
                "slots; before: %(before)s."
            ),
        ),
        "item.reviewed": Act(_("Clip reviewed"), _tell_review, _describe_review),
        "item.review_undone": Act(
            _("Review undone"), _("%(actor)s undid the newest review of clip %(target)s of %(campaign)s.")
        ),
        "clip.edited": Act(
            _("Clip corrected"),
            _("%(actor)s corrected clip %(target)s to %(after)s. Before: %(before)s. Reason: %(reason)s"),
            _describe_change,
        ),
        "clip.prompt_changed": Act(
            _("Prompt corrected"),
            _("%(actor)s changed the prompt of clip %(target)s to %(after)s. Before: %(before)s. Reason: %(reason)s"),
            _describe_change,
        ),
        "clip.made_for_prompt": Act(
            _("Clip made for a corrected prompt"),
            _("%(actor)s made clip %(target)s with another prompt, %(after)s. Before: %(before)s. Reason: %(reason)s"),
            _describe_change,
        ),
        "clip.replaced": Act(
            _("File replaced"),
            _("%(actor)s replaced the file of clip %(target)s: %(reason)s It is version %(version)s now."),
            lambda data: {"version": _get_part(data, "after").get("version")},
        ),
        "clip.withdrawn": Act(_("Clip withdrawn"), _tell_withdrawal),
        "clip.restored": Act(_("Clip restored"), _("%(actor)s restored clip %(target)s: %(reason)s")),
        "splits.shares": Act(
            _("Split shares changed"),
            _("%(actor)s changed the shares of new prompt groups to %(after)s. Before: %(before)s."),
        ),
        "splits.held_out": Act(
            _("Generator held out"),
            _("%(actor)s held out the generator %(generator)s: %(reason)s Groups that moved to test: %(groups)s."),
        ),
        "splits.let_in": Act(
            _("Generator let in"), _("%(actor)s let the held-out generator %(generator)s back in: %(reason)s")
        ),
        "groups.merged": Act(
            _("Prompt groups merged"),
            _("%(actor)s merged %(count)s prompt groups into %(target)s, split %(split)s: %(reason)s"),
        ),
        "groups.split": Act(
            _("Prompt group split"),
            _("%(actor)s moved %(count)s prompts out of %(source)s into %(target)s: %(reason)s"),
        ),
        "groups.redrawn": Act(
            _("Split drawn again"),
            _(
                "%(actor)s drew the split of %(target)s again, with the seed %(seed)s. Now %(after)s, before "
                "%(before)s: %(reason)s"
            ),
        ),
        "groups.moved": Act(
            _("Prompt group moved"), _("%(actor)s moved %(target)s from %(before)s to %(after)s: %(reason)s")
        ),
        "rater.screened": Act(_("Rater screened"), _tell_screening),
        "rater.slots_reopened": Act(
            _("Rating slots reopened"),
            _("%(actor)s opened %(number)s rating slots of %(campaign)s in place of the ratings of %(target)s."),
        ),
        "member.added": Act(_("Member added"), _("%(actor)s made %(user)s a member of %(target)s.")),
        "member.removed": Act(_("Member removed"), _("%(actor)s removed %(user)s from the members of %(target)s.")),
        "member.invited": Act(_("Members invited"), _tell_invitations),
        "member.let_in": Act(
            _("Rater admitted"), _("%(actor)s admitted %(user)s to %(target)s in spite of the qualification.")
        ),
        "panel.made": Act(
            _("Panel created"), _("%(actor)s created the panel %(target)s of %(campaign)s with a quota of %(quota)s.")
        ),
        "panel.new_link": Act(
            _("Panel link replaced"), _("%(actor)s replaced the link of the panel %(target)s of %(campaign)s.")
        ),
        "panel.closed": Act(_("Panel closed"), _("%(actor)s closed the panel %(target)s of %(campaign)s.")),
        "panel.taken_over": Act(
            _("Panel taken over"), _("%(actor)s took over the panel %(target)s of %(campaign)s from %(before)s.")
        ),
    }
)


@register_campaign_finder("annotation.campaign")
def find_campaign_of_campaign(campaign: Campaign) -> str:
    return campaign.name


@register_campaign_finder("annotation.item")
@register_campaign_finder("annotation.panel")
def find_campaign_of_part(part: Item | Panel) -> str:
    return part.campaign.name


@register_campaign_lister
def list_campaigns() -> list[tuple[str, str]]:
    """Return the newest campaigns."""
    return list(Campaign.objects.order_by("-pk").values_list("name", "title")[:CAMPAIGNS_IN_FILTER])


@register_target_reader("annotation.campaign")
def read_campaigns(keys: Collection[str]) -> Mapping[str, Target]:
    campaigns = Campaign.objects.filter(pk__in=keys)
    return {str(one.pk): Target(one.title, reverse("campaign", args=[one.name])) for one in campaigns}


@register_target_reader("annotation.promptgroup")
def read_prompt_groups(keys: Collection[str]) -> Mapping[str, Target]:
    rows = PromptGroup.objects.filter(pk__in=keys).values_list("pk", "representative")
    return {str(pk): Target(text[:LONGEST_PROMPT], reverse("prompt-group", args=[pk])) for pk, text in rows}


@register_target_reader("annotation.item")
def read_items(keys: Collection[str]) -> Mapping[str, Target]:
    rows = Item.objects.filter(pk__in=keys).values_list("pk", "clip__clip_id", "campaign__name")
    return {str(pk): Target(clip, reverse("campaign-item", args=[name, pk])) for pk, clip, name in rows}


@register_target_reader("annotation.judgementimport")
def read_judgement_imports(keys: Collection[str]) -> Mapping[str, Target]:
    return {str(one.pk): Target(one.name) for one in JudgementImport.objects.filter(pk__in=keys)}


@register_target_reader("annotation.clip")
def read_clips(keys: Collection[str]) -> Mapping[str, Target]:
    return {str(pk): Target(clip_id) for pk, clip_id in Clip.objects.filter(pk__in=keys).values_list("pk", "clip_id")}


@register_target_reader("annotation.panel")
def read_panels(keys: Collection[str]) -> Mapping[str, Target]:
    rows = Panel.objects.filter(pk__in=keys).values_list("pk", "name", "campaign__name")
    return {str(pk): Target(panel, reverse("panels", args=[name])) for pk, panel, name in rows}
