"""Every preset of a release: its shape, its pictures, its bytes, and what it does with damaged releases."""

import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from qsave.frames.slowfast import FrameConfig, read
from qsave.release.__main__ import main
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import verify_release
from qsave.release.presets.catalogue import PRESETS
from qsave.release.presets.write import NO_ANSWER, read_summary, write_preset
from qsave.release.reader import ReleaseReader
from tests.qsave.release.presets.world import DRAFTED, make_release

FRAME_PRESETS = [name for name, preset in PRESETS.items() if preset.shows_frames]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("presets") / "release")


@pytest.fixture(scope="module")
def presets(release: Path) -> Mapping[str, Path]:
    """Every preset of the release, by name."""
    folders = {name: release.with_name(f"preset-{name}") for name in PRESETS}
    for name, folder in folders.items():
        write_preset(name, release, folder)
    return folders


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def list_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_every_preset_says_what_it_holds_and_how_it_is_loaded(presets: Mapping[str, Path]) -> None:
    for name, folder in presets.items():
        summary = read_summary(folder)
        assert summary["preset"] == name
        assert summary["rows"]
        assert all((folder / file).is_file() for file in summary["rows"])
        readme = (folder / "README.md").read_text()
        for line in PRESETS[name].render_lines("PATH/TO/THIS/FOLDER").splitlines():
            assert line in readme


def test_counts_of_rows_and_of_what_is_left_out(presets: Mapping[str, Path]) -> None:
    rows = read_summary(presets["trl"])["rows"]
    assert {name: rows[f"{name}/train.jsonl"] for name in ("sft", "grpo", "cooldown")} == {
        "sft": 3,
        "grpo": 4,
        "cooldown": 2,
    }
    assert read_summary(presets["trl"])["left_out"] == {NO_ANSWER: 1}
    assert read_summary(presets["verl"])["left_out"] == {}
    assert NO_ANSWER in (presets["ms-swift"] / "README.md").read_text()


def test_trl_has_a_block_for_each_picture_and_the_answer_apart(presets: Mapping[str, Path]) -> None:
    for row in read_lines(presets["trl"] / "sft/train.jsonl"):
        system, user = row["prompt"]
        assert (system["role"], user["role"], row["completion"][0]["role"]) == ("system", "user", "assistant")
        assert sum(block["type"] == "image" for block in user["content"]) == len(row["images"]) > 0
        assert row["completion"][0]["content"][0]["text"].startswith("<think>")
        assert user["content"][-1]["text"] == "Prompt: A square < image> wanders"
    for row in read_lines(presets["trl"] / "grpo/train.jsonl"):
        assert row.keys() == {"id", "prompt", "images", "solution"}
        assert row["solution"].keys() == {"visual", "dynamic", "alignment"}


@pytest.mark.parametrize("name", ["llama-factory", "ms-swift"])
def test_marked_texts_have_as_many_marks_as_pictures(presets: Mapping[str, Path], name: str) -> None:
    for row in read_lines(presets[name] / "sft/train.jsonl"):
        assert [turn["role"] for turn in row["messages"]] == ["system", "user", "assistant"]
        assert sum(turn["content"].count("<image>") for turn in row["messages"]) == len(row["images"])
        assert all((presets[name] / image).is_file() for image in row["images"])


def test_llama_factory_finds_every_file_by_its_name(presets: Mapping[str, Path]) -> None:
    info = json.loads((presets["llama-factory"] / "dataset_info.json").read_text())
    assert info["qsave_sft_train"]["file_name"] == "sft/train.jsonl"
    assert len(info["qsave_sft_train"]["tags"]) == 5
    assert {entry["file_name"] for entry in info.values()} == set(read_summary(presets["llama-factory"])["rows"])


def test_ms_swift_has_its_solution_as_text(presets: Mapping[str, Path]) -> None:
    row = read_lines(presets["ms-swift"] / "grpo/train.jsonl")[0]
    assert [turn["role"] for turn in row["messages"]] == ["system", "user"]
    assert json.loads(row["solution"])["visual"]["mos"] == 1.0


def test_verl_has_the_pictures_in_its_rows(presets: Mapping[str, Path]) -> None:
    rows = pq.read_table(presets["verl"] / "rl/train.parquet").to_pylist()
    assert len(rows) == 4
    for row in rows:
        assert row["prompt"][1]["content"].count("<image>") == len(row["images"])
        assert row["images"][0]["bytes"].startswith(b"\x89PNG")
        assert set(json.loads(row["reward_model"]["ground_truth"])) == {"visual", "dynamic", "alignment"}


def test_pictures_are_the_frames_of_the_engine_with_their_times(release: Path, presets: Mapping[str, Path]) -> None:
    clip = next(ReleaseReader(release).rows("rl", "test"))
    frames = read(release / clip.media.path, FrameConfig())
    row = read_lines(presets["ms-swift"] / "grpo/test.jsonl")[0]
    pictures = [np.asarray(Image.open(presets["ms-swift"] / name)) for name in row["images"]]
    for picture, pixels in zip(pictures, [*frames.slow, *frames.fast], strict=True):
        assert np.array_equal(picture, pixels)
    times = [f"<{seconds:.1f} seconds><image>" for seconds in (*frames.slow_times, *frames.fast_times)]
    text = row["messages"][1]["content"]
    assert [text.find(time) >= 0 for time in times] == [True] * len(times)


def test_hugging_face_has_every_kind_and_table_as_a_config(presets: Mapping[str, Path]) -> None:
    folder = presets["hf"]
    front = json.loads((folder / "README.md").read_text().split("---")[1])
    names = {config["config_name"]: config["data_files"] for config in front["configs"]}
    assert names.keys() == {"sft", "rl", "cooldown", "clips", "ratings", "targets"}
    assert all((folder / file["path"]).is_file() for files in names.values() for file in files)
    rows = pq.read_table(folder / "rl/train.parquet").to_pylist()
    assert all((folder / row["media"]["path"]).is_file() for row in rows)
    assert pq.read_schema(folder / "sft/train.parquet") == pq.read_schema(folder / "sft/val.parquet")


def test_a_webdataset_has_a_clip_and_its_row_under_a_key_without_dots(
    release: Path, presets: Mapping[str, Path]
) -> None:
    with tarfile.open(presets["webdataset"] / "train-000000.tar") as shard:
        names = shard.getnames()
        rows = [json.loads(shard.extractfile(name).read()) for name in names if name.endswith(".json")]  # type: ignore[union-attr]
        clips = [shard.extractfile(name).read() for name in names if name.endswith(".mp4")]  # type: ignore[union-attr]
    assert all(name.count(".") == 1 for name in names)
    assert len(rows) == len(clips) == len(set(names)) / 2 == 4
    assert clips == [(release / row["media"]["path"]).read_bytes() for row in rows]
    assert [bool(row["answer"]) for row in rows] == [row["id"] != DRAFTED for row in rows]


def test_pairs_name_both_clips_and_no_text_that_a_trainer_would_learn(presets: Mapping[str, Path]) -> None:
    pairs = read_lines(presets["pairs"] / "train.jsonl")
    assert ("good", "bad") in {(pair["chosen"]["clip_id"], pair["rejected"]["clip_id"]) for pair in pairs}
    for pair in pairs:
        assert pair["difference"] > 1.96 * pair["error"] > 0
        assert (presets["pairs"] / pair["chosen"]["path"]).is_file()
        assert "prompt" not in pair


@pytest.mark.parametrize("name", ["trl", "hf", "webdataset", "verl"])
def test_the_same_release_gives_the_same_bytes_with_any_number_of_processes(
    release: Path, presets: Mapping[str, Path], tmp_path: Path, name: str
) -> None:
    write_preset(name, release, tmp_path / "again", processes=2 if name == "trl" else 1)
    assert list_files(tmp_path / "again") == list_files(presets[name])
    assert verify_release(release) == []


@pytest.fixture
def copy(release: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be damaged."""
    return Path(shutil.copytree(release, tmp_path / "copy"))


def remove_clip(folder: Path) -> None:
    next((folder / "media").iterdir()).unlink()


def change_clip(folder: Path) -> None:
    path = next((folder / "media").iterdir())
    path.write_bytes(path.read_bytes() + b"\0")


def reorder(folder: Path) -> None:
    path = folder / "sft/train.jsonl"
    path.write_text("".join(f"{line}\n" for line in reversed(path.read_text().splitlines())))


def choose_other_frames(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(FrameConfig().compute_key(), "0" * 16))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove_clip, "is missing"),
        (change_clip, "changed since it was rated"),
        (reorder, "different orders"),
        (choose_other_frames, "Freeze it again"),
        (lambda folder: (folder.parent / "out").mkdir() or (folder.parent / "out/x").touch(), "exists already"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_left(
    copy: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(copy)
    before = sorted(path.name for path in copy.parent.iterdir())
    with pytest.raises(ReleaseError, match=message):
        write_preset("trl", copy, copy.parent / "out")
    assert sorted(path.name for path in copy.parent.iterdir()) == before


def test_a_clip_that_cannot_be_decoded_is_left_out_and_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qsave.release.presets.frames.hash_file", lambda path: path.stem)
    bad = next(ReleaseReader(copy).rows("rl", "val"))
    (copy / bad.media.path).write_bytes(b"not a video")
    summary = write_preset("trl", copy, copy.parent / "out")
    assert [entry["clip_id"] for entry in summary["unreadable"]] == ["held"]
    assert summary["rows"]["grpo/train.jsonl"] == 4
    assert "held" in (copy.parent / "out/README.md").read_text()


def test_an_unknown_preset_is_answered_with_the_known_ones(release: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"There is no preset 'x'\. There are hf, trl"):
        write_preset("x", release, tmp_path / "out")


def test_the_command_prints_the_rows_and_the_lines_or_one_error(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["qsave.release", "preset", "webdataset", str(release), str(tmp_path / "out"), "--processes", "1"]
    monkeypatch.setattr("sys.argv", arguments)
    main()
    printed = capsys.readouterr().out
    assert f"4  {tmp_path / 'out' / 'train-000000.tar'}" in printed
    assert f'glob.glob("{tmp_path / "out"}/train-*.tar")' in printed
    with pytest.raises(SystemExit, match="exists already"):
        main()
    monkeypatch.setattr("sys.argv", [*arguments[:4], "/proc/nowhere"])
    with pytest.raises(SystemExit, match=r"error: /proc/nowhere: No such file or directory\. Nothing was written\."):
        main()
