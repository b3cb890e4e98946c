"""The folder: the same bytes every time, no leak between splits, and nothing left out in silence."""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlcroissant
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.services.options import TargetPolicy
from datasets.services.policy import ReleasePolicy, ReleaseRefused, SmallSplits
from datasets.services.records import ClipRecord
from qsave.axes import AXES, Axis
from qsave.grammar import parse
from qsave.release.manifest import verify_release
from qsave.release.reader import ReleaseReader
from qsave.splits import SPLITS
from tests.datasets.records import HEADER, NO_MEDIA, clip, rating, release, review


def some_clips() -> list[ClipRecord]:
    return [
        clip("t1", rating("ann", 2, defects=["blur"]), rating("bob", 3)),
        clip("t2", rating("ann", 5), rating("bob", 1)),
        clip("t3", rating("ann", 4, arm="assisted", own_words=False), generator="toy-2"),
        clip("t4", rating("ann", 4, screened=True)),
        clip("v1", rating("ann", 4), rating("bob", 4, arm="assisted"), split="val"),
        clip("e1", rating("ann", 1), rating("bob", 2), split="test", review=review(5)),
        clip("e2", split="test"),
        clip("x1", rating("ann", 1), bridges=True),
    ]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows_by_split(folder: Path, kind: str) -> dict[str, list[Any]]:
    reader = ReleaseReader(folder)
    return {split: list(reader.rows(kind, split)) for split in SPLITS}


def test_it_holds_the_files_that_a_release_holds(tmp_path: Path) -> None:
    release(tmp_path / "a", some_clips())
    rows = {f"{kind}/{split}.jsonl" for kind in ("sft", "rl") for split in SPLITS} | {"cooldown/train.jsonl"}
    tables = {"clips.parquet", "ratings.parquet", "targets.parquet"}
    assert set(contents(tmp_path / "a")) == rows | tables | {"manifest.json", "README.md", "croissant.json"}
    assert verify_release(tmp_path / "a") == []


def test_clips_of_a_held_out_generator_are_in_test_only_and_the_others_are_listed(tmp_path: Path) -> None:
    held_out = [clip(f"h-{split}", rating("ann", 3), split=split, generator="new-1", held_out=True) for split in SPLITS]
    manifest = release(tmp_path / "a", [*some_clips(), *held_out])

    listed = {row.clip_id for rows in rows_by_split(tmp_path / "a", "rl").values() for row in rows}
    assert listed & {"h-train", "h-val", "h-test"} == {"h-test"}
    reasons = manifest["counts"]["left_out"]["the release"]
    assert reasons["its generator new-1 is held out for test, and its prompt is in train"] == 1


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    release(tmp_path / "a", some_clips())
    release(tmp_path / "b", some_clips()[::-1])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_the_content_hash_does_not_hang_on_name_or_number(tmp_path: Path) -> None:
    first = release(tmp_path / "a", some_clips())
    second = release(tmp_path / "b", some_clips(), header=replace(HEADER, name="other", number=7))
    assert first["content_hash"] == second["content_hash"]


@pytest.mark.parametrize(
    "change",
    [
        lambda clips: [*clips[1:], clip("t1", rating("ann", 2, defects=["blur"]), rating("bob", 4))],
        lambda clips: [*clips[1:], clip("t1", rating("ann", 2, defects=["noise"]), rating("bob", 3))],
        lambda clips: [*clips[1:], clip("t1", rating("ann", 2, defects=["blur"], reason="?"), rating("bob", 3))],
        lambda clips: clips[1:],
        lambda clips: [replace(row, prompt=f"{row.prompt}!") for row in clips],
    ],
)
def test_the_content_hash_tells_other_rows(tmp_path: Path, change: Any) -> None:
    first = release(tmp_path / "a", some_clips())
    assert release(tmp_path / "b", change(some_clips()))["content_hash"] != first["content_hash"]


def test_what_was_left_out_is_listed_with_its_reason(tmp_path: Path) -> None:
    manifest = release(tmp_path / "a", some_clips())
    reasons = {row["clip_id"]: (row["from"], row["reason"]) for row in manifest["excluded"]}
    assert set(reasons) == {"t3", "t4", "e2", "x1"}
    assert reasons["t3"] == (
        "sft, cooldown",
        "only unedited drafts describe visual, dynamic, alignment",
    )
    assert reasons["t4"] == ("the release", "no rating that counts")
    assert reasons["e2"] == ("the release", "not rated")
    assert "different split" in reasons["x1"][1]


def test_rows_say_what_the_targets_say(tmp_path: Path) -> None:
    release(tmp_path / "a", some_clips())
    for rows in rows_by_split(tmp_path / "a", "sft").values():
        assert rows
        for row in rows:
            assert row.task.answer is not None
            card = parse(row.task.answer)
            assert {axis: card.axis(axis).score for axis in AXES} == {a: row.targets[a].level for a in AXES}
    for rows in rows_by_split(tmp_path / "a", "rl").values():
        assert rows
        assert all(row.task.answer is None for row in rows)


def test_val_and_test_count_blind_ratings_only(tmp_path: Path) -> None:
    release(tmp_path / "a", some_clips())
    (row,) = rows_by_split(tmp_path / "a", "sft")["val"]
    assert {target.n for target in row.targets.values()} == {1}
    table = pq.read_table(tmp_path / "a" / "ratings.parquet").to_pylist()
    found = {(row["clip_id"], row["arm"]): row["not_counted_because"] for row in table if row["clip_id"] == "v1"}
    assert found == {("v1", "blind"): "", ("v1", "assisted"): "not blind, and the clip is not for training"}


def test_cool_down_is_a_part_of_train(tmp_path: Path) -> None:
    release(tmp_path / "a", some_clips())
    reader = ReleaseReader(tmp_path / "a")
    train, agreed = list(reader.rows("sft", "train")), list(reader.rows("cooldown", "train"))
    assert [row.id for row in agreed] == ["t1"]
    assert all(row in train for row in agreed)


records = st.builds(
    clip,
    st.from_regex(r"[a-z]{1,3}", fullmatch=True),
    st.builds(rating, st.just("ann"), st.integers(1, 5), arm=st.sampled_from(["blind", "assisted"])),
    split=st.sampled_from(SPLITS),
    sha256=st.sampled_from([character * 64 for character in "abcd"]),
    bridges=st.booleans(),
    simulated=st.booleans(),
)


@settings(max_examples=40)
@given(st.lists(records, min_size=1, max_size=8, unique_by=lambda record: record.clip_id))
def test_no_video_stands_in_two_splits_and_every_clip_is_in_or_listed(given_clips: list[ClipRecord]) -> None:
    with TemporaryDirectory() as root:
        folder = Path(root) / "a"
        try:
            manifest = release(folder, given_clips)
        except ReleaseRefused:
            return
        rows = pq.read_table(folder / "clips.parquet").to_pylist()
        splits: dict[str, set[str]] = {}
        for row in rows:
            splits.setdefault(row["sha256"], set()).add(row["split"])
        assert all(len(found) == 1 for found in splits.values())
        bridging = {record.clip_id for record in given_clips if record.bridges}
        assert not bridging & {row["id"] for row in rows}
        out = {row["clip_id"] for row in manifest["excluded"] if row["from"] == "the release"}
        assert out | {row["id"] for row in rows} == {record.clip_id for record in given_clips}
        assert not out & {row["id"] for row in rows}
        assert manifest["simulated"] == any(row["simulated"] for row in rows)
        assert verify_release(folder) == []


def test_what_is_simulated_says_so_everywhere(tmp_path: Path) -> None:
    people, programs = clip("a", rating("ann")), clip("b", rating("bot", simulated=True))
    manifest = release(tmp_path / "a", [people, programs], replace(NO_MEDIA, simulated_ratings=True))
    assert manifest["simulated"]
    assert "**Simulated.**" in (tmp_path / "a" / "README.md").read_text()
    assert "SIMULATED" in (tmp_path / "a" / "croissant.json").read_text()
    assert [row.simulated for row in ReleaseReader(tmp_path / "a").rows("sft", "train")] == [False, True]
    assert not release(tmp_path / "b", [people, programs])["simulated"]
    assert "Simulated" not in (tmp_path / "b" / "README.md").read_text()


def test_nothing_to_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefused, match="no rating that counts"):
        release(tmp_path / "a", [clip("a"), clip("b", rating("ann", screened=True))])
    with pytest.raises(ReleaseRefused, match=r"No clip of the train split .* under the policy reviewed.* Review some"):
        release(
            tmp_path / "b",
            [clip("a", rating("ann"))],
            ReleasePolicy(target="reviewed", media="none", allow_small_splits=True),
        )


def test_a_defect_that_the_grammar_cannot_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefused, match=r"Clip a: .*taxonomy"):
        release(tmp_path / "a", [clip("a", rating("ann", defects=["Very Bad!"]))])


def test_the_card_and_the_manifest_tell_how_it_was_made(tmp_path: Path) -> None:
    manifest = release(tmp_path / "a", some_clips())
    text = (tmp_path / "a" / "README.md").read_text()
    assert manifest["content_hash"] in text
    assert manifest["policies"]["level"] in text
    assert manifest["counts"]["rows"]["sft/train.jsonl"] == 2
    assert json.loads((tmp_path / "a" / "manifest.json").read_text())["policies"]["target"] == "mean"


def test_a_hostile_title_stays_text_in_the_card(tmp_path: Path) -> None:
    header = replace(HEADER, title="<script>alert(1)</script>\n---\n# [x](javascript:y)")
    release(tmp_path / "a", some_clips(), header=header)
    text = (tmp_path / "a" / "README.md").read_text()
    assert "<script>" not in text
    assert "](javascript" not in text
    assert text.count("\n---\n") == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # inside mlcroissant's own libraries
def test_the_croissant_file_is_valid(tmp_path: Path) -> None:
    release(tmp_path / "a", some_clips(), NO_MEDIA)
    loaded = mlcroissant.Dataset(jsonld=str(tmp_path / "a" / "croissant.json"))
    assert not loaded.metadata.ctx.issues.errors
    assert {record["targets/axis"] for record in loaded.records("targets")} == {axis.value.encode() for axis in AXES}


def many_clips(*, val: int, test: int, per_group: int = 1) -> list[ClipRecord]:
    sizes = {"train": 2, "val": val, "test": test}
    return [
        clip(f"{split}{number:02}", rating("ann", 3), split=split, prompt_group=f"{split}-{number // per_group}")
        for split, size in sizes.items()
        for number in range(size)
    ]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"val": 20, "test": 20}, ""),
        ({"val": 20, "test": 20, "per_group": 2}, ""),
        ({"val": 19, "test": 20}, r"^val has 19 clips of 19 prompt groups\. "),
        ({"val": 20, "test": 1}, r"^test has 1 clip of 1 prompt group\. "),
        ({"val": 20, "test": 0}, r"^test has 0 clips of 0 prompt groups\. "),
        ({"val": 20, "test": 20, "per_group": 3}, r"^val has 20 clips of 7 prompt groups; test has 20 clips of 7"),
    ],
)
def test_small_val_and_test_have_to_be_allowed(tmp_path: Path, sizes: dict[str, int], message: str) -> None:
    records, strict = many_clips(**sizes), ReleasePolicy(media="none")
    if message:
        with pytest.raises(SmallSplits, match=rf"{message}.*allow_small_splits"):
            release(tmp_path / "a", records, strict)
    else:
        release(tmp_path / "a", records, strict)
    assert release(tmp_path / "b", records)["policies"]["allow_small_splits"]


def test_rl_rows_do_not_need_words(tmp_path: Path) -> None:
    """All that was written of t3 is a critic's: its scores are people's, and GRPO needs no more."""
    release(tmp_path / "a", some_clips())
    reader = ReleaseReader(tmp_path / "a")
    assert [row.id for row in reader.rows("sft", "train")] == ["t1", "t2"]
    rows = {row.id: row for row in reader.rows("rl", "train")}
    assert list(rows) == ["t1", "t2", "t3"]
    assert {row_id: row.solution[Axis.VISUAL].described for row_id, row in rows.items()} == {
        "t1": True,
        "t2": True,
        "t3": False,
    }


def test_reviewed_leaves_clips_without_a_review_out_and_counts_them(tmp_path: Path) -> None:
    records = [*some_clips(), clip("t5", rating("ann", 2), review=review(4))]
    manifest = release(tmp_path / "a", records, replace(NO_MEDIA, target="reviewed"))
    assert manifest["counts"]["left_out"]["the release"]["not reviewed"] == 3
    assert "| 3 | the release | not reviewed |" in (tmp_path / "a" / "README.md").read_text()
    reader = ReleaseReader(tmp_path / "a")
    assert [(row.id, row.targets[Axis.VISUAL].mos) for row in reader.rows("sft", "train")] == [("t5", 4.0)]
    assert [row.targets[Axis.VISUAL].mos for row in reader.rows("sft", "test")] == [1.5]


def test_clips_of_val_and_test_that_leads_excluded_are_counted(tmp_path: Path) -> None:
    assert "excluded_held_out" not in release(tmp_path / "a", some_clips())["counts"]
    out = [clip(f"x{split}", rating("ann"), split=split, excluded="A person.") for split in ("train", "test", "val")]
    manifest = release(tmp_path / "b", [*some_clips(), *out])
    assert manifest["counts"]["excluded_held_out"] == {"test": 1, "val": 1}
    assert "Leads excluded 1 of test and 1 of val" in (tmp_path / "b" / "README.md").read_text()


@pytest.mark.parametrize("target", ["mean", "reviewed", "bias_corrected"])
def test_a_release_without_train_rows_is_refused(tmp_path: Path, target: TargetPolicy) -> None:
    records = [clip("v", rating("ann"), split="val"), clip("e", rating("ann"), split="test"), clip("t")]
    with pytest.raises(ReleaseRefused, match=r"No clip of the train split .* nothing to train on"):
        release(tmp_path / "a", records, replace(NO_MEDIA, target=target))


def test_ratings_say_whether_they_are_blind_and_the_card_what_agreement_rests_on(tmp_path: Path) -> None:
    records = [
        clip("t1", rating("ann"), rating("bob"), rating("cy", arm="assisted"), rating("d", arm="assisted", blind=True))
    ]
    manifest = release(tmp_path / "a", records)
    table = pq.read_table(tmp_path / "a" / "ratings.parquet").to_pylist()
    assert {row["rater"]: row["blind"] for row in table} == {"ann": True, "bob": True, "cy": False, "d": True}
    assert manifest["agreement"]["visual"]["blind_ratings"] == 3
    text = (tmp_path / "a" / "README.md").read_text()
    assert "| visual | 1 clip has two ratings; agreement can be read from about 20. | 3 | 1 |" in text
