"""The prompt groups and splits that an import gives to its clips."""

from pathlib import Path

import pytest

from annotation.intake import clips, row_work
from annotation.models import Clip, GroupedPrompt, PromptGroup
from tests.annotation import factories
from tests.annotation.intake.imports import make_row, patch_step, run_import, write_csv

pytestmark = pytest.mark.django_db


def test_near_prompts_share_a_group_and_its_split_across_imports(video_folder: Path) -> None:
    words = "a red ball rolls slowly over the wooden table past a sleeping cat"
    run_import(
        write_csv(video_folder / "m.csv", [make_row(1, prompt=words), make_row(2, prompt=factories.make_prompt(2))])
    )

    run_import(write_csv(video_folder / "n.csv", [make_row(3, prompt=words.upper() + "!!")]))

    one, two, three = Clip.objects.order_by("clip_id")
    assert one.prompt_group == three.prompt_group != two.prompt_group
    assert PromptGroup.objects.count() == 2


def test_a_prompt_near_groups_of_two_splits_is_marked(video_folder: Path) -> None:
    base = [f"word{number}" for number in range(20)]
    left, right = " ".join(base[:17]), " ".join(base[3:])
    run_import(write_csv(video_folder / "m.csv", [make_row(1, prompt=left), make_row(2, prompt=right)]))
    one, two = Clip.objects.order_by("clip_id")
    assert one.prompt_group != two.prompt_group
    PromptGroup.objects.filter(pk=one.prompt_group_id).update(split="train")
    PromptGroup.objects.filter(pk=two.prompt_group_id).update(split="test")

    run_import(write_csv(video_folder / "m.csv", [make_row(3, prompt=" ".join(base))]))

    assert Clip.objects.get(clip_id="c3").bridges_splits
    assert not Clip.objects.filter(clip_id__in=["c1", "c2"], bridges_splits=True).exists()


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (1, 3, 2)])
def test_the_whole_manifest_is_grouped_before_its_first_row_is_stored(
    video_folder: Path, order: tuple[int, ...]
) -> None:
    texts = {number: " ".join(f"word{word}" for word in range(2 * number, 2 * number + 20)) for number in order}

    run_import(write_csv(video_folder / "m.csv", [make_row(number, prompt=texts[number]) for number in order]))

    assert PromptGroup.objects.count() == 1
    assert not Clip.objects.filter(bridges_splits=True).exists()


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_an_import_that_is_killed_and_run_again_ends_as_one_that_ran_once(
    video_folder: Path, monkeypatch: pytest.MonkeyPatch, stored: int
) -> None:
    texts = [" ".join(f"word{word}" for word in range(2 * n, 2 * n + 20)) for n in range(2)]
    manifest = write_csv(
        video_folder / "m.csv", [make_row(1, prompt=texts[0]), make_row(2), make_row(3, prompt=texts[1])]
    )
    campaign = factories.make_campaign()

    class Killed(BaseException):
        pass

    def die(share: float, _: str) -> None:
        if share > stored / 3:
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        if stored == 0:
            patch_step(patched, "copy_and_hash", lambda *_: die(1.0, ""))
        patched.setattr(clips, "PROGRESS_SECONDS", 0)
        patched.setattr(row_work, "CLAIM_SIZE", 1)
        run_import(manifest, campaign, on_progress=die)
    plan = list(GroupedPrompt.objects.order_by("pk").values_list("text", "group", "group__split", "bridges_splits"))
    assert len(plan) == 3

    report = run_import(manifest, campaign)

    fields = ("prompt", "prompt_group", "prompt_group__split", "bridges_splits")
    assert sorted(Clip.objects.values_list(*fields)) == sorted(plan)
    assert (report.added + report.present, report.problems, PromptGroup.objects.count()) == (3, [], 2)


def test_a_column_prompt_group_wins_over_similarity(video_folder: Path) -> None:
    rows = [
        make_row(1, prompt_group="pets"),
        make_row(2, prompt_group="pets"),
        make_row(3, prompt=factories.make_prompt(1)),
    ]

    report = run_import(write_csv(video_folder / "m.csv", [rows[0], rows[1], rows[2] | {"prompt_group": "others"}]))

    groups = dict(Clip.objects.values_list("clip_id", "prompt_group__name"))
    assert (groups, report.problems) == ({"c1": "pets", "c2": "pets", "c3": "others"}, [])
    assert not Clip.objects.filter(metadata__has_key="prompt_group").exists()


def test_a_stored_clip_keeps_its_group_and_a_row_that_names_another_says_so(video_folder: Path) -> None:
    run_import(write_csv(video_folder / "m.csv", [make_row(1)]))
    before = Clip.objects.get().prompt_group

    report = run_import(write_csv(video_folder / "m.csv", [make_row(1, prompt_group="pets")]))

    assert Clip.objects.get().prompt_group == before
    assert "another prompt group, which cannot change" in report.problems[0].reason


def test_one_video_under_prompts_of_two_splits_is_marked(video_folder: Path) -> None:
    run_import(write_csv(video_folder / "m.csv", [make_row(1), make_row(2)]))
    for number, split in ((1, "train"), (2, "test")):
        PromptGroup.objects.filter(clips__clip_id=f"c{number}").update(split=split)

    run_import(write_csv(video_folder / "m.csv", [make_row(4, video="v/1.mp4", prompt=factories.make_prompt(2))]))

    assert Clip.objects.get(clip_id="c4").bridges_splits


def test_a_very_long_prompt_is_stored_whole_and_found_again(video_folder: Path) -> None:
    words = " ".join(f"{letter}{number}" for number in range(300) for letter in ("é", "word", "term"))
    run_import(write_csv(video_folder / "m.csv", [make_row(1, prompt=words), make_row(2, prompt=words)]))

    assert set(Clip.objects.values_list("prompt", flat=True)) == {words}
    assert PromptGroup.objects.count() == 1
