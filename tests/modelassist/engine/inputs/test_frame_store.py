"""Frames are stored by content: decoded once, written whole or not at all, whatever else happens to the files."""

import errno
import multiprocessing
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelassist.engine.inputs import frame_store as frame_store_module
from modelassist.engine.inputs.examples import Example, load_examples
from modelassist.engine.inputs.frame_store import FrameStore
from qsave.frames.container import MediaError
from qsave.frames.slowfast import FrameConfig, Frames, read
from qsave.release.reader import ReleaseReader
from tests.modelassist.engine.small import FRAMES


@pytest.fixture(scope="module")
def examples(release_folder: Path) -> list[Example]:
    return load_examples(ReleaseReader(release_folder), "sft", "train")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files that grow beyond so many bytes fail, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def same(one: Frames, other: Frames) -> bool:
    times = (one.fast_times, one.slow_times) == (other.fast_times, other.slow_times)
    return times and np.array_equal(one.fast, other.fast) and np.array_equal(one.slow, other.slow)


def test_a_clip_is_decoded_once(examples: list[Example], tmp_path: Path) -> None:
    first = FrameStore(tmp_path, FRAMES).load_frames(examples[0])
    again = FrameStore(tmp_path, FRAMES).load_frames(replace(examples[0], path=tmp_path / "gone.mp4"))
    assert same(first, again)
    assert same(first, read(examples[0].path, FRAMES))


def test_other_settings_and_other_content_are_kept_apart(examples: list[Example], tmp_path: Path) -> None:
    other = FrameConfig(fast_frames=2, fast_pixels=32 * 32, slow_frames=1, slow_pixels=64 * 64)
    for example in examples[:2]:
        assert same(FrameStore(tmp_path, FRAMES).load_frames(example), read(example.path, FRAMES))
        assert same(FrameStore(tmp_path, other).load_frames(example), read(example.path, other))
    assert len(list(tmp_path.iterdir())) == 4


@given(st.floats(0, 1), st.binary(max_size=40))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_torn_file_gives_no_other_frames(examples: list[Example], tmp_path: Path, share: float, end: bytes) -> None:
    whole = FrameStore(tmp_path, FRAMES).load_frames(examples[0])
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * (len(content) - 1))] + end)
    assert same(FrameStore(tmp_path, FRAMES).load_frames(examples[0]), whole)


@given(st.floats(0, 1))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_file_cut_short_is_made_anew(examples: list[Example], tmp_path: Path, share: float) -> None:
    FrameStore(tmp_path, FRAMES).load_frames(examples[0])
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[: int(share * (len(content) - 1))])
    FrameStore(tmp_path, FRAMES).load_frames(examples[0])
    assert path.read_bytes() == content


def test_many_processes_may_keep_the_same_clips_at_once(examples: list[Example], tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    together = context.Barrier(3)

    def write() -> None:
        together.wait()
        for example in examples:
            assert same(FrameStore(tmp_path, FRAMES).load_frames(example), read(example.path, FRAMES))

    processes = [context.Process(target=write) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{example.sha256}-{FRAMES.compute_key()}.npz" for example in examples
    )


@pytest.mark.parametrize("size", [0, 1000])
def test_a_full_disk_is_said_with_its_place_and_leaves_nothing(
    examples: list[Example], tmp_path: Path, size: int
) -> None:
    store = FrameStore(tmp_path, FRAMES)
    with largest_file(size), pytest.raises(OSError, match=examples[0].sha256) as raised:
        store.load_frames(examples[0])
    assert raised.value.errno == errno.EFBIG
    assert list(tmp_path.iterdir()) == []
    assert same(store.load_frames(examples[0]), read(examples[0].path, FRAMES))


def test_memory_holds_what_comes_first_within_its_bounds(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = FrameStore(tmp_path, FRAMES).load_frames(examples[0])
    monkeypatch.setattr(frame_store_module, "_FRAME_BYTES", 2 * (frames.fast.nbytes + frames.slow.nbytes))
    store = FrameStore(tmp_path, FRAMES)
    one, other = store.load_frames(examples[0]), store.load_frames(examples[1])
    assert store.load_frames(examples[0]) is one
    assert store.load_frames(examples[2]) is not store.load_frames(examples[2])
    assert store.load_frames(examples[0]) is one
    assert store.load_frames(examples[1]) is other


def test_a_clip_that_is_gone_is_named(examples: list[Example], tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read: No such file"):
        FrameStore(tmp_path, FRAMES).load_frames(replace(examples[0], path=tmp_path / "gone.mp4"))
