"""Clips in, from a manifest with real (tiny) videos beside it to rows, media and items."""

import csv
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from annotation import jobs
from annotation.intake import clips, uploads
from annotation.intake.clips import ImportReport, ManifestError
from annotation.models import Campaign, Clip, GroupedPrompt, Item, PromptGroup
from operations import jobs as operations_jobs
from operations.models import Job, JobState
from qsave.frames.slowfast import FrameConfig
from qsave.frames.times import shown_times
from tests.annotation import factories

pytestmark = pytest.mark.django_db
Rows = Sequence[Mapping[str, Any]]


def row(number: int, **changes: Any) -> dict[str, Any]:
    values = {
        "clip_id": f"c{number}",
        "video": f"v/{number}.mp4",
        "prompt": factories.make_prompt(number),
        "generator": "toy-1",
    }
    return values | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three videos of different content."""
    source = tmp_path / "source"
    for number in (1, 2, 3):
        factories.write_video(source / "v" / f"{number}.mp4", 40 + 20 * number)
    return source


def write_csv(path: Path, rows: Rows, delimiter: str = ",") -> Path:
    text = StringIO()
    names = list(dict.fromkeys(name for one in rows for name in one))
    writer = csv.DictWriter(text, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def take(manifest: Path, campaign: Campaign | None = None, **options: Any) -> ImportReport:
    return clips.import_manifest(actor=factories.make_lead(), campaign=campaign, manifest=manifest, **options)


def files() -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_each_row_becomes_a_clip_with_its_facts_media_frame_times_group_and_split(folder: Path) -> None:
    report = take(write_csv(folder / "m.csv", [row(1, seed="42", note="kept")]))

    clip = Clip.objects.get()
    content = (folder / "v" / "1.mp4").read_bytes()
    assert (report.added, report.present, report.problems) == (1, 0, [])
    assert (clip.clip_id, clip.sha256, clip.bytes) == ("c1", hashlib.sha256(content).hexdigest(), len(content))
    assert (clip.codec, clip.width, clip.height, clip.frames, clip.has_audio) == ("h264", 64, 48, 8, False)
    assert (clip.fps_numerator, clip.fps_denominator, clip.duration) == (8, 1, 1.0)
    assert (clip.seed, clip.metadata, clip.is_simulated) == (42, {"note": "kept"}, False)
    assert (Path(settings.MEDIA_ROOT) / clip.original).read_bytes() == content
    assert (Path(settings.MEDIA_ROOT) / clip.poster).read_bytes().startswith(b"\xff\xd8\xff")
    assert clip.rendition == ""
    assert clip.shown_times == [number / 8 for number in range(8)]
    times = clip.frame_times[FrameConfig().key()]
    assert times["fast"] == [number / 8 for number in range(8)]
    assert 1 <= len(times["slow"]) <= 4
    assert clip.prompt_group.split in {"train", "val", "test"}


def test_a_second_import_of_the_same_manifest_adds_nothing(folder: Path) -> None:
    campaign = factories.make_campaign()
    manifest = write_csv(folder / "m.csv", [row(1), row(2), row(3)])
    first = take(manifest, campaign)
    before = files()

    second = take(manifest, campaign)

    assert (first.added, first.items, second.added, second.present, second.items) == (3, 3, 0, 3, 0)
    assert (Clip.objects.count(), Item.objects.count(), files()) == (3, 3, before)


def test_a_clip_that_is_here_joins_a_further_campaign(folder: Path) -> None:
    manifest = write_csv(folder / "m.csv", [row(1)])
    take(manifest)

    report = take(manifest, factories.make_campaign())

    assert (report.added, report.present, report.items) == (0, 1, 1)


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_form_of_manifest_says_the_same(folder: Path, form: str) -> None:
    rows = [row(1, gold_visual=4.5, mood="calm"), row(2, gold_visual=2.0, mood="wild")]
    path = folder / f"manifest.{form}"
    if form in {"csv", "tsv"}:
        write_csv(path, rows, "," if form == "csv" else "\t")
    elif form == "json":
        path.write_text("\ufeff" + json.dumps(rows))
    elif form == "jsonl":
        path.write_text("\n".join(json.dumps(one) for one in rows) + "\n\n")
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    campaign = factories.make_campaign()

    report = take(path, campaign)

    assert report.problems == []
    told = Item.objects.order_by("clip__clip_id").values_list("clip__clip_id", "gold", "clip__metadata")
    assert list(told) == [("c1", {"visual": 4.5}, {"mood": "calm"}), ("c2", {"visual": 2.0}, {"mood": "wild"})]


def test_bad_rows_are_named_by_number_and_reason_and_the_others_go_in(folder: Path, tmp_path: Path) -> None:
    (folder / "v" / "empty.mp4").write_bytes(b"")
    (folder / "v" / "text.mp4").write_text("<html>no video</html>" * 20)
    (folder / "v" / "cut.mp4").write_bytes((folder / "v" / "1.mp4").read_bytes()[:700])
    (folder / "v" / "dir.mp4").mkdir()
    secret = factories.write_video(tmp_path / "secret.mp4", 200)
    (folder / "v" / "link.mp4").symlink_to(secret)
    (folder / "behind").symlink_to(tmp_path)
    bad = {
        "v/empty.mp4": "empty",
        "v/text.mp4": "not a video",
        "v/cut.mp4": "cut off",
        "v/dir.mp4": "not a file",
        "v/link.mp4": "symbolic link",
        "behind/secret.mp4": "symbolic link",
        "../secret.mp4": "leads out",
        "v/../../secret.mp4": "leads out",
        str(secret): "leads out",
        "C:\\secret.mp4": "leads out",
        "v\\1.mp4": "leads out",
        "v/none.mp4": "not there",
        "https://example.org/1.mp4": "address",
        "": "video is empty",
    }
    rows = [row(1), *[row(9, clip_id=f"bad{n}", video=video) for n, video in enumerate(bad)]]
    rows += [row(2, prompt=" "), row(2, seed="one"), row(2, gold_visual="6"), row(2, generator="g" * 200), row(3)]

    report = take(write_csv(folder / "m.csv", rows))

    found = {problem.row: problem.reason for problem in report.problems}
    assert report.added == 2
    assert sorted(found) == list(range(2, len(bad) + 6))
    for number, words in enumerate(bad.values(), start=2):
        assert words in found[number]
    last = [found[number] for number in range(len(bad) + 2, len(bad) + 6)]
    assert [reason.split()[0] for reason in last] == ["prompt", "seed", "gold_visual", "generator"]
    assert not any(str(folder) in reason for reason in found.values())
    assert len(files()) == 4  # two clips and two posters, and nothing of the rest


@pytest.mark.parametrize("gold", [True, [4], {"a": 4}, "4,5", "nan", "inf", 10**400, 0, "9" * 400])
def test_a_gold_that_is_no_score_costs_its_row(folder: Path, gold: object) -> None:
    (folder / "m.json").write_text(json.dumps([row(1, gold_dynamic=gold), row(2, gold_dynamic=4)]))
    report = take(folder / "m.json")
    assert report.added == 1
    assert [problem.reason.split()[0] for problem in report.problems] == ["gold_dynamic"]


def test_a_row_with_too_many_cells_or_an_open_quote_is_one_bad_row(folder: Path) -> None:
    manifest = folder / "m.csv"
    prompt = factories.make_prompt(2)
    manifest.write_text(
        f'video,prompt,generator\nv/1.mp4,a dog, running,toy\nv/2.mp4,{prompt},toy\nv/3.mp4,"open,toy\n'
    )

    report = take(manifest)

    assert report.added == 1
    assert [problem.row for problem in report.problems] == [1, 3]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.csv", b"file,prompt,generator\na,b,c\n", "lacks the column video"),
        ("m.csv", b"video,prompt,generator,prompt\na,b,c,d\n", "twice"),
        ("m.csv", b"", "lacks the column"),
        ("m.csv", b"video,prompt,generator\n", "no row"),
        ("m.csv", b"video,prompt,generator\n\xff\xfe,b,c\n", "cannot be read as CSV"),
        ("m.json", b"{}", "one list"),
        ("m.json", b"[" * 100_000, "cannot be read as JSON"),
        ("m.parquet", b"PAR1 not really", "cannot be read as PARQUET"),
        ("m.xlsx", b"", "ends in"),
    ],
)
def test_a_manifest_that_is_none_says_what_it_needs(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ManifestError, match=words):
        take(tmp_path / name)


def test_a_manifest_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        take(tmp_path / "none.csv")


def test_a_name_that_is_taken_by_another_video_or_prompt_is_refused(folder: Path) -> None:
    take(write_csv(folder / "m.csv", [row(1)]))

    report = take(write_csv(folder / "m.csv", [row(1, video="v/2.mp4"), row(1, prompt="something else altogether")]))

    assert [problem.reason.split("already with ")[1] for problem in report.problems] == [
        "another video",
        "another prompt or generator",
    ]


def test_a_clip_without_a_name_is_named_by_its_content(folder: Path) -> None:
    take(write_csv(folder / "m.csv", [row(1, clip_id="")]))

    assert Clip.objects.get().clip_id == hashlib.sha256((folder / "v/1.mp4").read_bytes()).hexdigest()


def test_near_prompts_share_a_group_and_its_split_across_imports(folder: Path) -> None:
    words = "a red ball rolls slowly over the wooden table past a sleeping cat"
    take(write_csv(folder / "m.csv", [row(1, prompt=words), row(2, prompt=factories.make_prompt(2))]))

    take(write_csv(folder / "n.csv", [row(3, prompt=words.upper() + "!!")]))

    one, two, three = Clip.objects.order_by("clip_id")
    assert one.prompt_group == three.prompt_group != two.prompt_group
    assert PromptGroup.objects.count() == 2


def test_a_prompt_near_groups_of_two_splits_is_marked(folder: Path) -> None:
    base = [f"word{number}" for number in range(20)]
    left, right = " ".join(base[:17]), " ".join(base[3:])
    take(write_csv(folder / "m.csv", [row(1, prompt=left), row(2, prompt=right)]))
    one, two = Clip.objects.order_by("clip_id")
    assert one.prompt_group != two.prompt_group
    PromptGroup.objects.filter(pk=one.prompt_group_id).update(split="train")
    PromptGroup.objects.filter(pk=two.prompt_group_id).update(split="test")

    take(write_csv(folder / "m.csv", [row(3, prompt=" ".join(base))]))

    assert Clip.objects.get(clip_id="c3").bridges_splits
    assert not Clip.objects.filter(clip_id__in=["c1", "c2"], bridges_splits=True).exists()


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (1, 3, 2)])
def test_the_whole_manifest_is_grouped_before_its_first_row_is_stored(folder: Path, order: tuple[int, ...]) -> None:
    texts = {number: " ".join(f"word{word}" for word in range(2 * number, 2 * number + 20)) for number in order}

    take(write_csv(folder / "m.csv", [row(number, prompt=texts[number]) for number in order]))

    assert PromptGroup.objects.count() == 1
    assert not Clip.objects.filter(bridges_splits=True).exists()


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_an_import_that_is_killed_and_run_again_ends_as_one_that_ran_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, stored: int
) -> None:
    texts = [" ".join(f"word{word}" for word in range(2 * n, 2 * n + 20)) for n in range(2)]
    manifest = write_csv(folder / "m.csv", [row(1, prompt=texts[0]), row(2), row(3, prompt=texts[1])])
    campaign = factories.make_campaign()

    class Killed(BaseException):
        pass

    def die(share: float, _: str) -> None:
        if share > stored / 3:
            raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        if stored == 0:
            patched.setattr(clips, "copy_in", lambda *_: die(1.0, ""))
        take(manifest, campaign, on_progress=die)
    plan = list(GroupedPrompt.objects.order_by("pk").values_list("text", "group", "group__split", "bridges_splits"))
    assert len(plan) == 3

    report = take(manifest, campaign)

    fields = ("prompt", "prompt_group", "prompt_group__split", "bridges_splits")
    assert sorted(Clip.objects.values_list(*fields)) == sorted(plan)
    assert (report.added + report.present, report.problems, PromptGroup.objects.count()) == (3, [], 2)


def test_a_column_prompt_group_wins_over_similarity(folder: Path) -> None:
    rows = [row(1, prompt_group="pets"), row(2, prompt_group="pets"), row(3, prompt=factories.make_prompt(1))]

    report = take(write_csv(folder / "m.csv", [rows[0], rows[1], rows[2] | {"prompt_group": "others"}]))

    groups = dict(Clip.objects.values_list("clip_id", "prompt_group__name"))
    assert (groups, report.problems) == ({"c1": "pets", "c2": "pets", "c3": "others"}, [])
    assert not Clip.objects.filter(metadata__has_key="prompt_group").exists()


def test_a_stored_clip_keeps_its_group_and_a_row_that_names_another_says_so(folder: Path) -> None:
    take(write_csv(folder / "m.csv", [row(1)]))
    before = Clip.objects.get().prompt_group

    report = take(write_csv(folder / "m.csv", [row(1, prompt_group="pets")]))

    assert Clip.objects.get().prompt_group == before
    assert "another prompt group, which it keeps for good" in report.problems[0].reason


def test_one_video_under_prompts_of_two_splits_is_marked(folder: Path) -> None:
    take(write_csv(folder / "m.csv", [row(1), row(2)]))
    for number, split in ((1, "train"), (2, "test")):
        PromptGroup.objects.filter(clips__clip_id=f"c{number}").update(split=split)

    take(write_csv(folder / "m.csv", [row(4, video="v/1.mp4", prompt=factories.make_prompt(2))]))

    assert Clip.objects.get(clip_id="c4").bridges_splits


def test_a_very_long_prompt_is_stored_whole_and_found_again(folder: Path) -> None:
    words = " ".join(f"{letter}{number}" for number in range(300) for letter in ("é", "word", "term"))
    take(write_csv(folder / "m.csv", [row(1, prompt=words), row(2, prompt=words)]))

    assert set(Clip.objects.values_list("prompt", flat=True)) == {words}
    assert PromptGroup.objects.count() == 1


def test_what_browsers_cannot_play_gets_a_rendition_and_keeps_its_original(folder: Path) -> None:
    factories.write_video(folder / "v" / "old.avi", 90, codec="mpeg4")

    take(write_csv(folder / "m.csv", [row(1, video="v/old.avi")]))

    clip = Clip.objects.get()
    assert clip.codec == "mpeg4"
    assert clip.playable == clip.rendition != clip.original
    assert clip.shown_times == list(shown_times(Path(settings.MEDIA_ROOT) / clip.rendition))
    assert len(files()) == 3


def test_a_full_disk_ends_the_import_and_leaves_no_half_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(clips, "write_poster", full)

    with pytest.raises(OSError, match="No space"):
        take(write_csv(folder / "m.csv", [row(1)]))
    assert (Clip.objects.count(), files()) == (0, [])


def test_simulated_clips_are_stored_as_such(folder: Path) -> None:
    take(write_csv(folder / "m.csv", [row(1)]), simulated=True)

    assert Clip.objects.get().is_simulated


def test_progress_rises_to_one(folder: Path) -> None:
    told: list[float] = []

    take(write_csv(folder / "m.csv", [row(1), row(2)]), on_progress=lambda share, _: told.append(share))

    assert told == [0.5, 1.0]


def test_annotators_import_nothing(folder: Path) -> None:
    manifest = write_csv(folder / "m.csv", [row(1)])

    with pytest.raises(PermissionDenied):
        clips.import_manifest(actor=factories.make_user(), campaign=None, manifest=manifest)


def test_the_command_makes_the_campaign_when_told_and_prints_bad_rows(folder: Path) -> None:
    factories.make_lead()
    manifest = write_csv(folder / "m.csv", [row(1), row(2, video="v/none.mp4")])
    out, err = StringIO(), StringIO()

    call_command("import_clips", str(manifest), "--campaign", "fresh-one", "--create", stdout=out, stderr=err)

    assert Campaign.objects.get().name == "fresh-one"
    assert "row 2: video is not there" in err.getvalue()
    assert "Warning: The split test " in err.getvalue()
    assert "The manifest has 1 prompt groups; 0 of its clips bridge two splits." in out.getvalue()
    assert "1 added" in out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--campaign", "none"], "--create"), (["--campaign", "none", "--as", "nobody"], "nobody")],
)
def test_the_command_says_how_to_go_on(folder: Path, arguments: list[str], words: str) -> None:
    factories.make_lead()

    with pytest.raises(CommandError, match=words):
        call_command("import_clips", str(write_csv(folder / "m.csv", [row(1)])), *arguments)


@pytest.fixture
def job_of() -> Callable[[Path, Campaign], Job]:
    def ask(manifest: Path, campaign: Campaign) -> Job:
        arguments = {"campaign": campaign.pk, "manifest": str(manifest)}
        job = operations_jobs.enqueue(kind="import_clips", arguments=arguments, actor=factories.make_lead())
        done = operations_jobs.run(job.pk)
        assert done is not None
        return done

    return ask


def test_the_job_reports_what_went_in_and_clears_the_upload(
    folder: Path, job_of: Callable[[Path, Campaign], Job]
) -> None:
    upload = uploads.upload_root() / "one"
    upload.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(upload)
    manifest = write_csv(upload / "m.csv", [row(1), row(2, video="")])

    job = job_of(manifest, factories.make_campaign())

    assert job.state == JobState.DONE
    rows = {name: job.result[name] for name in ("added", "present", "items", "problems")}
    assert rows == {"added": 1, "present": 0, "items": 1, "problems": [{"row": 2, "reason": "video is empty"}]}
    assert (job.result["groups"], job.result["bridges"]) == (1, 0)
    assert sum(size["clips"] for size in job.result["splits"].values()) == 1
    assert [warning.split()[:3] for warning in job.result["warnings"]] == [
        ["The", "split", "val"],
        ["The", "split", "test"],
    ]
    assert not upload.exists()
    assert jobs.import_clips.__module__ == "annotation.jobs"


def test_the_job_fails_in_plain_words_for_a_bad_manifest(folder: Path, job_of: Callable[[Path, Campaign], Job]) -> None:
    (folder / "m.csv").write_text("a,b\n1,2\n")

    job = job_of(folder / "m.csv", factories.make_campaign())

    assert job.state == JobState.FAILED
    assert job.error.startswith("m.csv lacks the column video and prompt and generator.")


@pytest.mark.real_clips
def test_the_real_clips_go_in(real_clips: Path) -> None:
    report = take(real_clips / "manifest.csv", factories.make_campaign())

    assert (report.added, report.problems) == (18, [])
    assert {clip.rendition for clip in Clip.objects.all()} == {""}
    assert all(clip.frame_times and clip.duration > 1 for clip in Clip.objects.all())
