"""A release is withdrawn by an engineer; which releases hold a withdrawn clip is said where it matters."""

import hashlib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AuditEntry, Role, User
from annotation.corrections.withdrawal import restore_clip, withdraw_clips
from annotation.models import Campaign, Clip
from annotation.shared.clip_holders import list_holders
from datasets.models import Release
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.releases import build_release, locate_release
from datasets.services.withdrawal import (
    count_withdrawn_clips,
    list_releases_with,
    list_withdrawn_clips,
    read_clip_ids,
    withdraw_release,
)
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


def test_a_withdrawn_release_keeps_its_folder_and_is_not_served(release: Release, client: Client) -> None:
    person, before = engineer(), hash_folder(release)
    client.force_login(person)
    assert b"".join(client.get(f"/api/releases/{release.number}/files/manifest.json"))
    withdraw_release(actor=person, release=release, reason="It holds a clip that was withdrawn.")
    release.refresh_from_db()
    assert (release.state, release.withdrawn_by, hash_folder(release)) == ("withdrawn", person, before)
    assert client.get(f"/api/releases/{release.number}/files/manifest.json").status_code == 404
    assert client.get(f"/api/releases/{release.number}").json()["withdrawal_reason"].startswith("It holds")
    with pytest.raises(ReleaseRefused):
        locate_release(release)
    entry = AuditEntry.objects.get(action="release.withdrawn")
    assert (entry.actor, entry.campaign) == (person, release.campaign.name)


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
