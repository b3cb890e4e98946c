"""What a release cannot be made of: an error names it, and nothing half built is left."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from annotation.models import Campaign, Clip, HeldOutGenerator, PromptGroup
from datasets.models import Release
from datasets.services import clip_files, folder, releases, snapshot, writers
from datasets.services.policy import ReleaseRefused
from qsave.release.manifest import verify_release
from qsave.release.reader import ReleaseReader
from tests.datasets.test_releases import build, left_over
from tests.datasets.world import rated_campaign

pytestmark = pytest.mark.django_db


def find_file(clip_id: str) -> Path:
    return Path(settings.MEDIA_ROOT) / Clip.objects.get(clip_id=clip_id).original


def remove_files(_campaign: Campaign) -> None:
    for clip in Clip.objects.all():
        find_file(clip.clip_id).unlink()


def change_size(_campaign: Campaign) -> None:
    find_file("train-01").write_bytes(b"something else")


def change_bytes(_campaign: Campaign) -> None:
    path = find_file("train-00")
    path.write_bytes(path.read_bytes()[:-1] + b"!")  # in an atom that no decoder reads


def lead_out(_campaign: Campaign) -> None:
    (Path(settings.MEDIA_ROOT).parent / "secret.mp4").write_bytes(b"secret")
    Clip.objects.filter(clip_id="val-00").update(original="clips/../../secret.mp4")


def merge_groups(_campaign: Campaign) -> None:
    group = PromptGroup.objects.filter(split="train")[0]
    Clip.objects.update(prompt_group=group)


def change_nothing(_campaign: Campaign) -> None:
    """The choices alone are bad."""


def hold_out_of_train(campaign: Campaign) -> None:
    """The generator of every clip is held out, and no clip is in test."""
    Clip.objects.filter(clip_id__startswith="test").update(bridges_splits=True)
    generator = Clip.objects.values_list("generator", flat=True)[0]
    HeldOutGenerator.objects.create(generator=generator, reason="Unseen", created_by=campaign.created_by)
    Clip.objects.update(generator=generator)


STRICT: dict[str, Any] = {"allow_small_splits": False}
CASES: list[tuple[str, Callable[[Campaign], None], dict[str, Any], str]] = [
    (
        "no file at all",
        remove_files,
        {},
        r"^10 clips have no file in .*: .*test-00.* and 5 more\.",
    ),
    ("a file of another size", change_size, {}, r"^1 clip has a file that is no longer the video .*train-01"),
    ("a file of the same size", change_bytes, {}, r"^1 clip has a file that is no longer the video .*train-00"),
    ("a path to another folder", lead_out, {}, r"^1 clip has a path that leads out of the media folder: .*val-00"),
    ("one prompt group", merge_groups, STRICT, r"^val has 0 clips of 0 prompt groups; test has 0 clips"),
    ("a held-out generator without clips in test", hold_out_of_train, {}, r"nothing to train on"),
    (
        "filters that leave nothing",
        lambda _campaign: None,
        {"minimum_ratings": 99},
        r"no rating that counts under this policy",
    ),
]


@pytest.mark.parametrize(("case", "spoil", "choices", "error"), CASES, ids=[case[0] for case in CASES])
def test_bad_input_is_named_and_nothing_is_left(
    case: str, spoil: Callable[[Campaign], None], choices: dict[str, Any], error: str
) -> None:
    campaign = rated_campaign()
    spoil(campaign)
    with pytest.raises(ReleaseRefused, match=error):
        build(campaign, **choices)
    assert left_over() == []
    assert not Release.objects.exclude(state=Release.State.FAILED).exists()


def test_a_held_out_generator_that_made_no_clip_of_the_campaign_changes_nothing() -> None:
    campaign = rated_campaign()
    first = build(campaign)
    HeldOutGenerator.objects.create(generator="elsewhere-1", reason="Unseen", created_by=campaign.created_by)
    assert build(campaign, "second").content_hash == first.content_hash


@pytest.mark.parametrize("text", ["../../../up", "/etc/passwd", "a\nb: |\n---", "=cmd()", "\u202e{{ x }}<script>"])
def test_hostile_text_stays_text(text: str) -> None:
    campaign = rated_campaign(2, 0, 0)
    Clip.objects.update(prompt=text, generator=text)
    Clip.objects.filter(clip_id="train-00").update(clip_id=text)
    release = releases.locate_release(build(campaign))
    assert verify_release(release) == []
    assert left_over() == ["0001-first"]
    rows = list(ReleaseReader(release).rows("rl", "train"))
    assert [(row.video_prompt, row.generator) for row in rows] == [(text, text)] * 2
    assert text in {row.clip_id for row in rows}


def refuse_space(*_arguments: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


PLACES = [
    (snapshot, "write_records"),
    (folder, "_write_clip"),
    (clip_files, "copy_clip"),
    (writers.ParquetWriter, "_flush"),
    (writers.JsonlWriter, "_put"),
    (folder, "_make_manifest"),
    (folder, "encode_manifest"),
]


@pytest.mark.parametrize(("owner", "name"), PLACES, ids=[name for _owner, name in PLACES])
def test_a_full_disk_is_named_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    campaign = rated_campaign(2, 0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, refuse_space)
        with pytest.raises(ReleaseRefused, match=r"disk of the releases .* is full .* Nothing of release first #1"):
            build(campaign)
    assert left_over() == []
    assert build(campaign, "second").state == Release.State.FROZEN


def test_clips_that_do_not_fit_are_refused_before_they_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = rated_campaign(2, 0, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=100))
    with pytest.raises(ReleaseRefused, match=r"the disk of the releases has 0 MB left"):
        build(campaign)
    assert left_over() == []


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyboardInterrupt()])
def test_a_build_that_breaks_leaves_nothing_that_looks_like_a_release(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_arguments: object) -> None:
        raise error

    campaign = rated_campaign(2, 0, 0)
    monkeypatch.setattr(folder, "_write_clip", fail)
    with pytest.raises(type(error)):
        build(campaign)
    assert left_over() == []
    assert Release.objects.get().state == Release.State.FAILED
