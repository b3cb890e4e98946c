"""Find the frozen releases that hold withdrawn clips, and withdraw a release.

A withdrawn release keeps its row and its number. A job deletes its data and leaves a tombstone
(`datasets.services.tombstones`).
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Role, User
from annotation.models import Clip, Item
from annotation.shared.permissions import require_role
from annotation.shared.text import clean_text
from datasets.models import Release
from datasets.services import tombstones
from datasets.services.policy import ReleaseRefused
from operations.jobs import enqueue
from qsave.words import isolate

MAX_REASON_LENGTH = 1000
MOST_READ = 50
"""Of a campaign with more frozen releases, only the newest are read."""

logger = logging.getLogger(__name__)


@transaction.atomic
def withdraw_release(*, actor: User, release: Release, reason: str) -> Release:
    """Mark a frozen release as withdrawn, queue the deletion of its data and return it.

    Raises ReleaseRefused without a reason or in other states.
    """
    require_role(actor, Role.ENGINEER)
    reason = clean_text(reason)[:MAX_REASON_LENGTH]
    if not reason:
        raise ReleaseRefused(_("Write why you withdraw this release. The reason is shown on its page."))
    current = Release.objects.select_for_update(no_key=True, of=("self",)).select_related("campaign").get(pk=release.pk)
    if current.state != Release.State.FROZEN:
        raise ReleaseRefused(
            _("Release %(release)s is %(state)s, so it cannot be withdrawn.")
            % {"release": isolate(current), "state": current.state}
        )
    current.state, current.withdrawal_reason = Release.State.WITHDRAWN, reason
    current.withdrawn_at, current.withdrawn_by = timezone.now(), actor
    current.save(update_fields=["state", "withdrawal_reason", "withdrawn_at", "withdrawn_by"])
    enqueue(kind=tombstones.KIND, arguments={"release": current.pk}, actor=actor)
    audit.record(actor=actor, action="release.withdrawn", target=current, number=current.number, reason=reason)
    return current


def list_releases_with(clips: Sequence[Clip]) -> list[Release]:
    """Return the frozen releases that hold one of these clips, newest first."""
    ids = {clip.clip_id for clip in clips}
    campaigns = Item.objects.filter(clip__in=[clip.pk for clip in clips]).values("campaign")
    frozen = Release.objects.filter(campaign__in=campaigns, state=Release.State.FROZEN)[:MOST_READ]
    return [release for release in frozen if ids & read_clip_ids(release)]


def list_withdrawn_clips(release: Release) -> list[str]:
    """Return the ids of the clips of a frozen release that are withdrawn by now, in order."""
    withdrawn = Clip.objects.filter(items__campaign=release.campaign_id, withdrawn_at__isnull=False)
    ids = set(withdrawn.values_list("clip_id", flat=True))
    return sorted(ids & read_clip_ids(release)) if ids and release.state == Release.State.FROZEN else []


def count_withdrawn_clips() -> list[tuple[Release, int]]:
    """Return the frozen releases that hold withdrawn clips, newest first, each with the number of these."""
    withdrawn: dict[int, set[str]] = defaultdict(set)
    items = Item.objects.filter(availability=Item.Availability.WITHDRAWN)
    for campaign, clip_id in items.values_list("campaign", "clip__clip_id"):
        withdrawn[campaign].add(clip_id)
    frozen = Release.objects.filter(campaign__in=list(withdrawn), state=Release.State.FROZEN)[:MOST_READ]
    counts = ((release, len(withdrawn[release.campaign_id] & read_clip_ids(release))) for release in frozen)
    return [(release, count) for release, count in counts if count]


def read_clip_ids(release: Release) -> set[str]:
    """Return the ids of the clips in a release's folder; an empty set if it cannot be read, which its page says."""
    path = Path(settings.RELEASE_ROOT) / release.folder / "clips.parquet"
    try:
        return set(pq.read_table(path, columns=["id"]).column("id").to_pylist())
    except (OSError, pa.ArrowException) as error:
        logger.warning("The clips of release %s cannot be read: %s", release.number, error)
        return set()
