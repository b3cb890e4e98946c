"""A trained critic at work: `score` and `evaluate`."""

import json
import shutil
from pathlib import Path

import pytest

from modelassist.engine.cli.options import main
from qsave.release.reader import ReleaseReader
from qsave.release.rows import SftRow
from tests.modelassist.engine.small import seal
from tests.modelassist.engine.training.runs import Figures


def test_a_held_out_clip_that_cannot_be_read_is_reported_too(
    finished: Path, release_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = shutil.copytree(release_folder, tmp_path / "release")
    row = json.loads((release / "sft" / "test.jsonl").read_text().splitlines()[0])
    (release / row["media"]["path"]).write_bytes(b"no video")
    seal(release)
    options = ["--release", str(release), "--model", str(finished / "model"), "--out", str(tmp_path / "out")]
    assert main(["evaluate", *options]) == 0
    assert f"clip {row['clip_id']} left out" in capsys.readouterr().err
    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert [row["clip_id"] in problem for problem in evaluation["problems"]] == [True]
    assert row["clip_id"] in (tmp_path / "out" / "evaluation.md").read_text()


@pytest.fixture
def clip(release_folder: Path) -> SftRow:
    """A clip of the train split."""
    return next(ReleaseReader(release_folder).rows("sft", "train"))


def test_score_prints_the_card_of_a_clip(
    taught: tuple[Path, Figures], release_folder: Path, clip: SftRow, capsys: pytest.CaptureFixture[str]
) -> None:
    video = str(release_folder / clip.media.path)
    assert main(["score", video, "--prompt", clip.video_prompt, "--model", str(taught[0])]) == 0
    printed = capsys.readouterr()
    assert "as bright as it is" in printed.out  # the reason that it was taught
    assert "error:" not in printed.err


def test_score_prints_why_a_clip_has_no_card(
    taught: tuple[Path, Figures], release_folder: Path, clip: SftRow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = shutil.copytree(taught[0], tmp_path / "model")
    settings = json.loads((model / "critic.json").read_text())
    (model / "critic.json").write_text(json.dumps(settings | {"max_new_tokens": 2}))
    video = str(release_folder / clip.media.path)
    assert main(["score", video, "--prompt", clip.video_prompt, "--model", str(model)]) == 1
    assert ": the output was cut off after 2 tokens" in capsys.readouterr().err
    (tmp_path / "empty.mp4").touch()
    assert main(["score", str(tmp_path / "empty.mp4"), "--prompt", "A", "--model", str(model)]) == 1
    assert "empty.mp4: The file is empty (0 bytes)." in capsys.readouterr().err


def test_evaluate_writes_figures_of_one_split(finished: Path, release_folder: Path, tmp_path: Path) -> None:
    options = ["--release", str(release_folder), "--model", str(finished / "model"), "--out", str(tmp_path)]
    assert main(["evaluate", *options, "--split", "val"]) == 0
    mine = json.loads((tmp_path / "evaluation.json").read_text())["splits"]
    assert mine == {"val": json.loads((finished / "evaluation.json").read_text())["splits"]["val"]}


def test_evaluate_may_average_several_answers(finished: Path, release_folder: Path, tmp_path: Path) -> None:
    options = ["--release", str(release_folder), "--model", str(finished / "model"), "--split", "val"]
    assert main(["evaluate", *options, "--out", str(tmp_path / "mean"), "--samples", "3"]) == 0
    about = json.loads((tmp_path / "mean" / "evaluation.json").read_text())["about"]
    assert about["samples"] == 3
    assert "the mean of 3 answers" in (tmp_path / "mean" / "evaluation.md").read_text()
    with pytest.raises(SystemExit):
        main(["evaluate", *options, "--out", str(tmp_path / "none"), "--samples", "0"])
