"""A release as a torch Dataset, and its cache of frames that all runs share."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from modelassist.engine.inputs import frame_store
from modelassist.engine.inputs.dataset import load_release
from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.frame_store import FrameStore
from qsave.frames.slowfast import read
from qsave.release.encoding import ReleaseError
from qsave.release.reader import ReleaseReader
from qsave.run.files import get_frames_folder
from tests.modelassist.engine.small import FRAMES, seal


@pytest.fixture
def release(release_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release_folder, tmp_path / "lights"))


def test_an_item_has_the_frames_texts_and_targets_of_its_row(release: Path) -> None:
    items = load_release(release, "sft", "val", frames=FRAMES)
    rows = list(ReleaseReader(release).rows("sft", "val"))
    assert len(items) == len(rows) == 3
    for item, row in zip(DataLoader(items, batch_size=None), rows, strict=True):
        frames = read(release / row.media.path, FRAMES)
        assert np.array_equal(item.fast.permute(0, 2, 3, 1).numpy(), frames.fast)
        assert np.array_equal(item.slow.permute(0, 2, 3, 1).numpy(), frames.slow)
        assert (tuple(item.fast_times.tolist()), tuple(item.slow_times.tolist())) == (
            frames.fast_times,
            frames.slow_times,
        )
        assert [message["role"] for message in item.messages] == ["system", "user", "assistant"]
        assert torch.equal(item.mos, torch.tensor([target.mos for target in row.targets.values()], dtype=torch.float64))


def test_frames_are_cached_beside_the_release_which_stays_as_it_is(release: Path) -> None:
    load_release(release, "rl", "val", frames=FRAMES)
    cache = release.with_name("lights-frames")
    assert cache == get_frames_folder(release, Path("a-run"))
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(before) == 3
    load_release(release, "sft", "val", frames=FRAMES)  # also verifies every byte
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before


def test_a_folder_in_which_nobody_may_write_leaves_the_cache_to_the_run(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert get_frames_folder(release, Path("a-run")) == Path("a-run/cache/frames")


def test_a_clip_that_cannot_be_decoded_is_left_out_and_named(release: Path) -> None:
    row = next(ReleaseReader(release).rows("sft", "val"))
    (release / row.media.path).write_bytes(b"not a video")
    with pytest.raises(ReleaseError, match="not as it was frozen"):
        load_release(release, "sft", "val", frames=FRAMES)
    seal(release)
    items = load_release(release, "sft", "val", frames=FRAMES)
    assert len(items) == 2
    assert [problem.split(":")[0] for problem in items.problems] == [f"clip {row.clip_id} left out"]


def test_a_pool_of_processes_decodes_the_same_frames(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_store, "LEAST_FOR_POOL", 2)
    examples = load_examples(ReleaseReader(release), "sft", "val")
    examples[1].path.write_bytes(b"not a video")
    store = FrameStore(tmp_path / "pool", FRAMES)
    decoded = list(store.decode_all(examples, 2))
    assert [example.id for example, _ in decoded] == [example.id for example in examples]
    assert [bool(problem) for _, problem in decoded] == [False, True, False]
    frames = store.load_frames(examples[2])
    assert np.array_equal(frames.fast, read(examples[2].path, FRAMES).fast)
    assert len(list(store.folder.iterdir())) == 2
