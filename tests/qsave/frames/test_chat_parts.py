"""Frames as parts of a chat message, and back."""

import base64
import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from qsave.frames.chat_parts import (
    MAX_PICTURES,
    ChatPartsError,
    build_frame_parts,
    build_text,
    encode_picture,
    format_times,
    read_frame_parts,
)
from qsave.frames.slowfast import FrameConfig, Frames

CONFIG = FrameConfig(fast_frames=3, fast_pixels=64 * 32, slow_frames=2, slow_pixels=96 * 64)


def make_frames(slow: int = 2, fast: int = 3) -> Frames:
    pixels = np.random.default_rng(0).integers(0, 256, (slow + fast, 64, 96, 3), np.uint8)
    times = tuple(number / 30 for number in range(1, 1 + slow)), tuple(number / 3 for number in range(fast))
    return Frames(slow=pixels[:slow], slow_times=times[0], fast=pixels[slow:, :32, :64], fast_times=times[1])


def make_url(picture: Image.Image, form: str = "PNG") -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format=form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


@pytest.mark.parametrize(("slow", "fast"), [(2, 3), (0, 3), (1, 1)])
def test_frames_come_back_exactly(slow: int, fast: int) -> None:
    frames = make_frames(slow, fast)
    parts = [*build_frame_parts(frames, "png"), build_text("Prompt: x")]

    read = read_frame_parts(parts, CONFIG, format_times(frames))

    assert_array_equal(read.frames.fast, frames.fast)
    assert [picture.tolist() for picture in read.frames.slow] == [picture.tolist() for picture in frames.slow]
    assert (read.frames.slow_times, read.frames.fast_times) == (frames.slow_times, frames.fast_times)
    assert read.texts == ("Prompt: x",)


def test_without_exact_times_the_slow_frames_end_where_the_times_go_back() -> None:
    made = make_frames()
    frames = Frames(slow=made.slow, slow_times=(0.52, 1.16), fast=made.fast, fast_times=(0.0, 0.7, 1.4))

    read = read_frame_parts(list(build_frame_parts(frames, "png")), CONFIG)

    assert (read.frames.slow_times, read.frames.fast_times) == ((0.5, 1.2), (0.0, 0.7, 1.4))


def test_jpeg_is_near() -> None:
    smooth = np.linspace(0, 255, 64 * 96 * 3).reshape(1, 64, 96, 3).astype(np.uint8)
    frames = Frames(slow=smooth[:0], slow_times=(), fast=smooth, fast_times=(0.0,))
    config = FrameConfig(fast_frames=1, fast_pixels=64 * 96, slow_frames=0)

    read = read_frame_parts(list(build_frame_parts(frames, "jpeg")), config)

    assert np.abs(read.frames.fast.astype(int) - smooth).max() <= 4


def test_pictures_of_any_size_fit_the_model() -> None:
    urls = [make_url(Image.new("RGB", size, "red"), form) for size, form in (((500, 333), "PNG"), ((31, 7), "WEBP"))]
    parts = [part for url in urls for part in (build_text("<1 seconds>"), {"type": "image_url", "image_url": url})]

    read = read_frame_parts(parts, CONFIG)

    assert read.frames.fast.shape == (2, 32, 64, 3)
    assert read.frames.slow.shape == (0, 32, 32, 3)
    assert np.abs(read.frames.fast.astype(int) - [255, 0, 0]).max() <= 2


GOOD = encode_picture(make_frames().fast[0], "png")
TIME = build_text("<0.5 seconds>")


def show(url: object) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "There is no picture"),
        ([TIME], "There is no picture"),
        ([show(GOOD)], "has no time"),
        ([TIME, show(GOOD), show(GOOD)], "has no time"),
        ([TIME, show(GOOD)] * (MAX_PICTURES + 1), "more than 256 pictures"),
        ([TIME, show("http://169.254.169.254/latest")], "Other addresses are not opened"),
        ([TIME, show("file:///etc/passwd")], "Other addresses are not opened"),
        ([TIME, show("data:image/svg+xml;base64,PHN2Zz4=")], "Other addresses are not opened"),
        ([TIME, show("data:image/png;base64,!!!")], "cannot be decoded"),
        ([TIME, show("data:image/png;base64,AAAA")], "cannot be decoded"),
        ([TIME, show(GOOD[:-400] + "=" * (-len(GOOD[:-400].partition(",")[2]) % 4))], "cannot be decoded"),
        ([TIME, show(make_url(Image.new("1", (5000, 5000))))], "more than 16777216 pixels"),
        ([TIME, show(make_url(Image.new("1", (20000, 20000))))], "cannot be decoded"),
        ([TIME, show(7)], "neither a text nor a picture"),
        ([{"type": "input_audio"}], "neither a text nor a picture"),
        (["text"], "neither a text nor a picture"),
    ],
)
def test_other_parts_are_refused_in_a_sentence(parts: list[object], words: str) -> None:
    with pytest.raises(ChatPartsError) as error:
        read_frame_parts(parts, CONFIG)

    assert words in str(error.value)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize(
    "header", ["slow=; fast=", "slow=1; fast=2", "slow=; fast=1e99", "slow=; fast=-1", "x", "slow=; fast=e"]
)
def test_exact_times_that_do_not_fit_are_refused(header: str) -> None:
    with pytest.raises(ChatPartsError, match="does not fit the pictures"):
        read_frame_parts([TIME, show(GOOD)], CONFIG, header)
