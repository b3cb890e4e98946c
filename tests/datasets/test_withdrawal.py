"""A release is withdrawn by an engineer; which releases hold a withdrawn clip is said where it matters."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AuditEntry, Role, User
from annotation.corrections.withdrawal import restore_clip, withdraw_clips
from annotation.models import Campaign, Clip
from annotation.shared.clip_holders import list_holders
from datasets.models import Release
from datasets.services import presets, tombstones
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.presets import locate_preset, request_preset
from datasets.services.releases import build_release, locate_release
from datasets.services.withdrawal import (
    count_withdrawn_clips,
    list_releases_with,
    list_withdrawn_clips,
    read_clip_ids,
    withdraw_release,
)
from operations import jobs
from operations.jobs import enqueue
from operations.models import Job, JobState
from qsave.release.diff_summary import summarise
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import verify_release
from qsave.release.reader import ReleaseReader
from tests.annotation.factories import make_clip, make_lead, make_user
from tests.datasets.world import engineer, rated_campaign

pytestmark = pytest.mark.django_db
POLICY = ReleasePolicy(media="none", allow_small_splits=True)


@pytest.fixture
def campaign() -> Campaign:
    return rated_campaign(2, 1, 1)


@pytest.fixture
def release(campaign: Campaign) -> Release:
    return build_release(actor=engineer(), campaign=campaign, name="spring", policy=POLICY)


def hash_folder(release: Release) -> str:
    folder = Path(settings.RELEASE_ROOT) / release.folder
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()


def withdraw_first(campaign: Campaign) -> Clip:
    clip = Clip.objects.get(clip_id="train-00")
    withdraw_clips(actor=campaign.created_by, clips=[clip], reason="The licence forbids it.")
    return clip


def test_frozen_releases_that_hold_a_clip_are_found_and_their_folders_stay(
    campaign: Campaign, release: Release
) -> None:
    before = hash_folder(release)
    clip = withdraw_first(campaign)
    assert [holder.name for holder in list_holders([clip])] == [str(release)]
    assert list_withdrawn_clips(release) == ["train-00"]
    later = build_release(actor=engineer(), campaign=campaign, name="summer", policy=POLICY)
    assert list_releases_with([clip]) == [release]
    assert list_withdrawn_clips(later) == []
    assert set(read_clip_ids(later)) == set(read_clip_ids(release)) - {"train-00"}
    assert hash_folder(release) == before
    restore_clip(actor=campaign.created_by, clip=clip, reason="It is free.")
    assert list_withdrawn_clips(release) == []


def test_a_clip_of_no_campaign_or_of_an_unreadable_release_is_in_none(campaign: Campaign, release: Release) -> None:
    assert list_releases_with([make_clip()]) == []
    (Path(settings.RELEASE_ROOT) / release.folder / "clips.parquet").write_bytes(b"no parquet")
    assert list_releases_with([withdraw_first(campaign)]) == []


def test_a_withdrawn_release_leaves_a_tombstone_and_every_way_to_it_says_so(
    campaign: Campaign, release: Release, client: Client
) -> None:
    person, folder = engineer(), locate_release(release)
    preset = locate_preset(release, "pairs")
    preset.mkdir(parents=True)
    client.force_login(person)
    assert b"".join(client.get(f"/api/releases/{release.number}/files/manifest.json"))
    later = build_release(actor=person, campaign=campaign, name="summer", policy=POLICY)
    withdraw(person, release)
    sentence = f"Release 1 (spring) was withdrawn on {release.withdrawn_at:%Y-%m-%d} by an engineer, and its data was "
    sentence += "deleted. The reason: It holds a clip that was withdrawn. Use release 2 (summer)."
    assert [path.name for path in folder.iterdir()] == ["tombstone.json"]
    assert not preset.parent.exists()
    assert verify_release(folder) == [f"{folder}: {sentence}"]
    for read in (ReleaseReader, lambda path: summarise(path, locate_release(later))):
        with pytest.raises(ReleaseError, match=re.escape(sentence)):
            read(folder)
    for refuse in (locate_release, lambda row: request_preset(actor=person, release=row, name="pairs")):
        with pytest.raises(ReleaseRefused, match=re.escape(sentence)):
            refuse(release)
    for path in ("files/manifest.json", "presets", "presets/pairs/files/preset.json"):
        answer = client.get(f"/api/releases/{release.number}/{path}")
        assert (answer.status_code, answer.json()["detail"]) == (410, sentence)
    detail = client.get(f"/api/releases/{release.number}").json()
    assert detail["tombstone"] == json.loads((folder / "tombstone.json").read_bytes())
    assert detail["tombstone"]["replaced_by"]["content_hash"] == later.content_hash
    assert (detail["tombstone"]["counts"], detail["tombstone"]["withdrawn_by"]) == (release.counts, "engineer")
    assert verify_release(locate_release(later)) == []
    assert later.parent == release
    assert "Use this release instead" in client.get(f"/releases/{release.number}").content.decode()
    entry = AuditEntry.objects.get(action="release.withdrawn")
    assert (entry.actor, entry.campaign) == (person, release.campaign.name)


def withdraw(person: User, release: Release) -> None:
    """Withdraw a release and run the job that deletes its data."""
    withdraw_release(actor=person, release=release, reason="It holds a clip that was withdrawn.")
    release.refresh_from_db()
    jobs.run(Job.objects.get(kind=tombstones.KIND).pk)


def test_a_deletion_that_was_interrupted_is_finished_and_one_of_an_earlier_version_is_queued(release: Release) -> None:
    folder = locate_release(release)
    withdraw_release(actor=engineer(), release=release, reason="Old.")
    release.refresh_from_db()
    assert tombstones.queue_deletions() == 0  # its job is open
    Job.objects.all().delete()
    (folder / "manifest.json").unlink()
    assert tombstones.queue_deletions() == 1
    jobs.run(Job.objects.get(kind=tombstones.KIND).pk)
    assert [path.name for path in folder.iterdir()] == ["tombstone.json"]
    assert tombstones.queue_deletions() == 0


def test_the_data_of_a_frozen_release_stays(release: Release) -> None:
    assert tombstones.queue_deletions() == 0
    job = enqueue(kind=tombstones.KIND, arguments={"release": release.pk}, actor=None)
    before = hash_folder(release)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, hash_folder(release)) == (JobState.FAILED, before)


def test_a_preset_that_ends_after_the_withdrawal_is_deleted(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(name: str, source: Path, folder: Path, **options: Any) -> dict[str, Any]:
        withdraw_release(actor=engineer(), release=Release.objects.get(), reason="Old.")
        folder.mkdir(parents=True)
        return {}

    monkeypatch.setattr(presets, "write_preset", write)
    with pytest.raises(ReleaseRefused, match="was withdrawn"):
        presets.build_preset(release, "pairs", progress=lambda share, message: None)
    assert not locate_preset(release, "pairs").exists()


@pytest.mark.parametrize(("reason", "state"), [(" ", "frozen"), ("Old.", "building"), ("Old.", "withdrawn")])
def test_only_a_frozen_release_is_withdrawn_and_with_a_reason(release: Release, reason: str, state: str) -> None:
    Release.objects.update(state=state)
    with pytest.raises(ReleaseRefused):
        withdraw_release(actor=engineer(), release=release, reason=reason)


def test_leads_cannot_withdraw_a_release(release: Release) -> None:
    with pytest.raises(PermissionDenied):
        withdraw_release(actor=make_lead(), release=release, reason="Old.")


def test_the_page_names_withdrawn_clips_and_withdraws(campaign: Campaign, release: Release, client: Client) -> None:
    person: User = make_user(role=Role.ENGINEER)
    client.force_login(person)
    withdraw_first(campaign)
    page = f"/releases/{release.number}"
    text = client.get(page).content.decode()
    assert "holds 1 clip that was withdrawn since" in " ".join(text.split())
    assert "train-00" in text
    home = " ".join(client.get("/").content.decode().split())
    assert "holds 1 clip that was withdrawn since" in home
    assert "Write why" in client.post(f"{page}/withdraw", {"reason": ""}, follow=True).content.decode()
    text = client.post(f"{page}/withdraw", {"reason": "It holds train-00."}, follow=True).content.decode()
    assert "This release is withdrawn" in text
    assert "It holds train-00." in text
    assert f"{page}/withdraw" not in text
    assert count_withdrawn_clips() == []


def test_a_script_withdraws_a_release(release: Release, client: Client) -> None:
    client.force_login(engineer())
    path = f"/api/releases/{release.number}/withdraw"
    assert client.post(path, {"reason": ""}).status_code == 400
    assert client.post(path, {"reason": "Old."}).json()["state"] == "withdrawn"
    assert client.post(path, {"reason": "Again."}).status_code == 400
