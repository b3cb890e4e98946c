"""Delete imports of judgements, and give judgements to clips that came in after them."""

from collections.abc import Sequence

from django.db import transaction

from accounts import audit
from accounts.models import Role, User
from annotation.judgements.importing import describe_import, discard_file
from annotation.judgements.matching import ClipMatcher
from annotation.judgements.storing import move_judgements
from annotation.models import AbsentClip, Clip, ImportedJudgement, JudgementImport
from annotation.shared.permissions import require_role
from qsave.judgements.records import ClipKey

BATCH = 500


@transaction.atomic
def delete_import(*, actor: User, judgement_import: JudgementImport) -> int:
    """Delete an import with all judgements that came by it; return how many. Frozen releases stay as they are."""
    require_role(actor, Role.LEAD)
    row = JudgementImport.objects.select_for_update().get(pk=judgement_import.pk)
    count = row.judgements.count()
    if row.state != JudgementImport.State.PREVIEWED:
        audit.record(actor=actor, action="judgements.deleted", target=row, count=count, **describe_import(row))
    row.judgements.all().delete()
    row.delete()
    AbsentClip.objects.filter(judgements__isnull=True).delete()
    transaction.on_commit(lambda: discard_file(judgement_import))
    return count


def match_absent_clips(*, actor: User) -> int:
    """Give the judgements of absent clips to the clips that came in since; return how many clips that were."""
    require_role(actor, Role.LEAD)
    return match_after_import(actor=actor)


def match_after_import(*, actor: User) -> int:
    """Do the same at the end of an import of clips, whatever end, which its actor was allowed to start."""
    matcher, matched, last = ClipMatcher(), 0, 0
    while batch := list(AbsentClip.objects.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last = batch[-1].pk
        matched += _match_batch(batch, matcher)
    if matched:
        audit.record(actor=actor, action="judgements.matched", target=actor, count=matched)
    return matched


@transaction.atomic
def _match_batch(batch: Sequence[AbsentClip], matcher: ClipMatcher) -> int:
    matches = matcher.match([_make_key(one) for one in batch])
    clips = {one.pk: match.clip for one, match in zip(batch, matches, strict=True) if match.clip is not None}
    versions = dict(Clip.objects.filter(pk__in=clips.values()).values_list("pk", "version"))
    for absent, clip in clips.items():
        judgements = ImportedJudgement.objects.filter(absent_clip=absent)
        move_judgements(judgements, clip=clip, clip_version=versions[clip])
    AbsentClip.objects.filter(pk__in=clips).delete()
    return len(clips)


def _make_key(one: AbsentClip) -> ClipKey:
    return ClipKey(one.clip_id, one.sha256, one.video, one.prompt, one.generator, one.prompt_group)
