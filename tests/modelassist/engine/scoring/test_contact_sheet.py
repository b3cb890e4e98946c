"""The contact sheet shows the frames that a critic sees, and why each was chosen."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modelassist.engine.cli.options import main
from modelassist.engine.scoring.contact_sheet import write_sheet
from qsave.frames.slowfast import FrameConfig, watch
from tests.qsave.frames.clips import Picture, write_clip

COLOURS = ((200, 40, 40), (40, 160, 40), (40, 60, 200), (190, 170, 40))
EYES = FrameConfig(fast_frames=4, fast_pixels=64 * 64, slow_frames=3, slow_pixels=96 * 64)


def coloured(number: int, width: int, height: int) -> Picture:
    """A colour for every five frames."""
    return np.full((height, width, 3), COLOURS[number // 5 % 4], np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", frames=20, rate=10, paint=coloured)


def read_picture(path: Path) -> Picture:
    """The pixels of a picture on disk."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def near(picture: Picture, colour: tuple[int, int, int]) -> int:
    """Count the pixels that have nearly a given colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=-1) < 12).sum())


def test_every_frame_that_is_looked_at_is_on_the_sheet(clip: Path, tmp_path: Path) -> None:
    watched = watch(clip, EYES)
    write_sheet(tmp_path / "sheet.png", "clip.mp4", watched, EYES)
    sheet = read_picture(tmp_path / "sheet.png")
    fast = 120 * 120 * 1.28 * 1.28 * 0.66  # dots of one fast picture
    for colour in COLOURS:
        assert near(sheet, colour) > 0.9 * fast
    slow = [tuple(round(value) for value in picture.mean(axis=(0, 1))) for picture in watched.frames.slow]
    assert near(sheet, slow[0]) > 4 * fast


def test_a_portrait_clip_and_one_of_one_frame_have_their_sheets(tmp_path: Path) -> None:
    for name, frames, size in (("portrait", 30, (64, 128)), ("one", 1, (96, 64))):
        path = write_clip(tmp_path / f"{name}.mp4", frames=frames, size=size)
        write_sheet(tmp_path / f"{name}.png", name, watch(path, FrameConfig()), FrameConfig())
        height, width, _ = read_picture(tmp_path / f"{name}.png").shape
        assert (width, height) == (1440, pytest.approx(1100, abs=300))


def test_without_slow_frames_the_sheet_is_shorter(clip: Path, tmp_path: Path) -> None:
    heights = []
    for slow in (0, 3):
        config = FrameConfig(slow_frames=slow)
        write_sheet(tmp_path / "sheet.png", "clip.mp4", watch(clip, config), config)
        heights.append(len(read_picture(tmp_path / "sheet.png")))
    assert heights[0] < heights[1] - 200


def test_the_command_tells_the_moments_and_their_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=20, rate=10, paint=lambda *of: coloured(of[0] // 2, *of[1:]))
    settings = tmp_path / "run.toml"
    settings.write_text("[frames]\nfast_frames = 3\nslow_frames = 3\n")
    assert main(["frames", str(clip), "--config", str(settings), "--out", str(tmp_path / "sheet.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fast (s): 0.00 0.90 1.90"
    assert [line.split(", ")[-1].split(":")[0] for line in lines[1:4]] == [
        "start anchor", "among the liveliest of the clip", "end anchor"
    ]  # fmt: skip
    assert "rank 1 of 20" in lines[2]
    assert read_picture(tmp_path / "sheet.png").std() > 0


def test_the_command_looks_as_the_named_critic_does(
    clip: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["frames", str(clip), "--model", str(tiny_folder), "--out", str(tmp_path / "sheet.png")]) == 0
    assert capsys.readouterr().out.startswith("fast (s): 0.00 0.90 1.90\nslow 1 ")


def test_what_is_no_video_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.mp4").write_text("nothing to see")
    assert main(["frames", str(tmp_path / "notes.mp4"), "--out", str(tmp_path / "sheet.png")]) == 1
    assert f"error: {tmp_path / 'notes.mp4'}: The file is not a video that is known" in capsys.readouterr().err
    assert not (tmp_path / "sheet.png").exists()


def test_a_sheet_goes_into_a_folder_and_over_nothing_else(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clips").mkdir()
    video = clip.rename(tmp_path / "clips" / clip.name)
    before = video.read_bytes()
    assert main(["frames", str(video), "--out", str(tmp_path / "clips")]) == 0
    assert (tmp_path / "clips" / f"{video.stem}-frames.png").read_bytes().startswith(b"\x89PNG")
    assert main(["frames", str(video), "--out", str(tmp_path / "new" / "sheet.png")]) == 0
    assert (tmp_path / "new" / "sheet.png").exists()
    assert main(["frames", str(video), "--out", str(video)]) == 1
    assert f"error: {video}: a contact sheet is a .png" in capsys.readouterr().err
    assert video.read_bytes() == before
