"""Freezing: numbered, whole or not at all, the same again."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied

from accounts.models import AuditEntry
from annotation.models import Campaign, Clip
from datasets.models import Release
from datasets.services import releases
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from operations import jobs
from operations.models import JobState
from qsave.release.manifest import hash_file, verify_release
from qsave.release.reader import ReleaseReader
from tests.annotation.factories import make_campaign, make_lead
from tests.datasets.world import campaign_with, clip_with_file, engineer, rate, rated_campaign

pytestmark = pytest.mark.django_db


def build(campaign: Campaign, name: str = "first", **choices: object) -> Release:
    return releases.build_release(
        actor=engineer(),
        campaign=campaign,
        name=name,
        policy=ReleasePolicy.from_json({"allow_small_splits": True} | choices),
    )


def left_over() -> list[str]:
    """The files under the release folder, without the empty folders of finished builds."""
    root = Path(settings.RELEASE_ROOT)
    return sorted(path.name for path in root.iterdir() if path.name != releases.BUILDING or any(path.iterdir()))


def same_rows(first: Release, second: Release) -> bool:
    """Whether two releases hold the same files but for those that tell a number."""
    mine, theirs = (releases.locate_release(release) for release in (first, second))
    named = {"manifest.json", "README.md", "croissant.json"}
    paths = {path.relative_to(mine) for path in mine.rglob("*") if path.is_file()}
    assert paths == {path.relative_to(theirs) for path in theirs.rglob("*") if path.is_file()}
    return all(hash_file(mine / path) == hash_file(theirs / path) for path in paths if path.name not in named)


def test_a_frozen_release_is_numbered_whole_and_intact() -> None:
    release = build(rated_campaign())
    folder = releases.locate_release(release)
    assert (release.state, release.number) == (Release.State.FROZEN, 1)
    assert verify_release(folder) == []
    reader = ReleaseReader(folder)
    assert reader.manifest["content_hash"] == release.content_hash
    assert release.counts["clips"] == {"train": 5, "val": 2, "test": 3}
    for split in ("train", "val", "test"):
        rows = list(reader.rows("sft", split))
        assert rows
        for row in rows:
            assert hash_file(reader.media_path(row)) == row.media.sha256
            assert row.media.fast
            assert row.split == split
    assert AuditEntry.objects.filter(action="release.frozen", target_id=str(release.pk)).exists()
    assert left_over() == ["0001-first"]


def test_made_again_it_has_the_same_rows_and_hash_and_the_next_number() -> None:
    campaign = rated_campaign()
    first, second = build(campaign), build(campaign, "second")
    assert second.number == 2
    assert second.parent == first
    assert first.content_hash == second.content_hash
    assert same_rows(first, second)
    assert ReleaseReader(releases.locate_release(second)).manifest["parent"] == {
        "number": 1,
        "content_hash": first.content_hash,
    }


def test_a_release_stays_as_it_is_when_ratings_come_after_it() -> None:
    campaign = campaign_with([clip_with_file("a")], assisted_share=0.0, overlap=2)
    rate(campaign, 1)
    first = build(campaign)
    rate(campaign, 1)
    second = build(campaign, "second")
    assert verify_release(releases.locate_release(first)) == []
    assert first.content_hash != second.content_hash


def test_splits_never_move_between_releases() -> None:
    campaign = rated_campaign()
    before = dict(Clip.objects.values_list("clip_id", "prompt_group__split"))
    for release in (build(campaign), build(campaign, "second", seed=3)):
        reader = ReleaseReader(releases.locate_release(release))
        for split in ("train", "val", "test"):
            rows = list(reader.rows("rl", split))
            assert rows
            assert all(before[row.clip_id] == split for row in rows)


def test_without_media_the_rows_are_the_same() -> None:
    campaign = rated_campaign(2, 1, 1)
    first, bare = build(campaign), build(campaign, "bare", media="none")
    assert first.content_hash == bare.content_hash
    assert not (releases.locate_release(bare) / "media").exists()
    assert verify_release(releases.locate_release(bare)) == []


def test_a_campaign_without_ratings_is_refused_and_costs_no_number() -> None:
    with pytest.raises(ReleaseRefused, match="no ratings yet"):
        build(make_campaign(2))
    assert not Release.objects.exists()


@pytest.mark.parametrize("name", ["", "../up", "a b", "a/b", "x" * 81])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ReleaseRefused, match="is made of letters"):
        build(rated_campaign(1, 0, 0), name)


def test_a_lead_does_not_freeze_releases() -> None:
    with pytest.raises(PermissionDenied):
        releases.build_release(actor=make_lead(), campaign=rated_campaign(1, 0, 0), name="first")


def planned(campaign: Campaign) -> Release:
    return releases.request_release(
        actor=engineer(), campaign=campaign, name="first", policy=ReleasePolicy(allow_small_splits=True)
    )


def test_a_job_builds_what_was_asked_for() -> None:
    release = planned(rated_campaign(2, 1, 1))
    assert release.state == Release.State.BUILDING
    assert release.job is not None
    job = jobs.run(release.job.pk)
    release.refresh_from_db()
    assert job is not None
    assert (job.state, job.error) == (JobState.DONE, "")
    assert release.state == Release.State.FROZEN
    assert job.result == {"number": release.number, "content_hash": release.content_hash}


def test_a_job_cut_off_by_a_kill_starts_over_and_cleans_up() -> None:
    """What a killed build can leave: a half-written folder, or a whole one under its name with the row not frozen."""
    release = planned(rated_campaign(2, 0, 0))
    root = Path(settings.RELEASE_ROOT)
    for left in (root / releases.BUILDING / f"{release.pk}-dead" / "release", root / "0001-first"):
        left.mkdir(parents=True)
        (left / "half.jsonl").write_text("{")
    assert release.job is not None
    jobs.run(release.job.pk)
    release.refresh_from_db()
    assert verify_release(releases.locate_release(release)) == []
    assert left_over() == ["0001-first"]


def test_a_job_run_again_changes_nothing() -> None:
    release = planned(rated_campaign(2, 0, 0))
    first = releases.build(release, progress=lambda share, message: None)
    before = (releases.locate_release(first) / "manifest.json").stat()
    again = releases.build(release, progress=lambda share, message: None)
    assert again.frozen_at == first.frozen_at
    assert (releases.locate_release(again) / "manifest.json").stat() == before


def test_a_refusal_is_the_jobs_error() -> None:
    campaign = rated_campaign(1, 0, 0)
    release = releases.request_release(
        actor=engineer(), campaign=campaign, name="first", policy=ReleasePolicy(target="bt500", allow_small_splits=True)
    )
    assert release.job is not None
    job = jobs.run(release.job.pk)
    release.refresh_from_db()
    assert job is not None
    assert job.state == JobState.FAILED
    assert "7 ratings or more" in job.error
    assert release.state == Release.State.FAILED


def test_a_simulated_campaign_makes_a_simulated_release() -> None:
    release = build(rated_campaign(1, 0, 0, is_simulated=True))
    assert release.is_simulated
    assert ReleaseReader(releases.locate_release(release)).manifest["simulated"]


def test_no_name_of_a_person_stands_in_a_release() -> None:
    campaign = rated_campaign(2, 1, 1)
    folder = releases.locate_release(build(campaign))
    names = {user.username.encode() for user in {slot.rater for slot in campaign.slots.all()} if user}
    assert names
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".mp4":
            assert not any(name in path.read_bytes() for name in (*names, campaign.salt.encode()))
