from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from qsave.frames.container import MediaError
from qsave.frames.poster import write_poster
from tests.qsave.frames.clips import Encoding, grey_of, write_clip


def test_the_poster_is_a_jpeg_of_the_frame_at_a_third(tmp_path: Path) -> None:
    out = tmp_path / "poster.jpg"
    write_poster(write_clip(tmp_path / "clip.mp4", frames=12, rate=12), out)
    with Image.open(out) as picture:
        assert (picture.format, picture.size) == ("JPEG", (96, 64))
        assert np.asarray(picture).mean() == pytest.approx(grey_of(4), abs=3)


def test_large_and_rotated_clips_are_shown_upright_and_small(tmp_path: Path) -> None:
    out = tmp_path / "poster.jpg"
    write_poster(write_clip(tmp_path / "clip.mp4", frames=2, size=(1280, 640), encoding=Encoding(rotation=90)), out)
    with Image.open(out) as picture:
        assert picture.size == (320, 640)


def test_a_bad_clip_leaves_no_poster(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(MediaError):
        write_poster(tmp_path / "clip.mp4", tmp_path / "poster.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
