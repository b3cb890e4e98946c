"""The player: marks and boxes, exact frames, zoom, and clips that come in pieces."""

import itertools
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from annotation.models import Campaign
from annotation.rating import clip_media
from qsave.frames.probe import probe
from qsave.frames.times import read_shown_times
from tests.annotation.factories import LONGER_VIDEO, make_clip, make_item
from tests.browser.desk.desk_page import add_clip, expect_saved, open_desk, seek
from tests.qsave.frames.clips import Encoding, write_clip


def test_marks_and_a_box_are_stored_in_seconds_and_fractions_of_the_picture(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.wait_for_function("() => document.querySelector('video').readyState === 4")
    desk.keyboard.press("p")
    desk.keyboard.press("n")
    seek(desk, 0.5)
    desk.keyboard.press("i")
    seek(desk, 1.25)
    desk.keyboard.press("o")
    desk.keyboard.press("Shift+B")
    stage = desk.locator("video").bounding_box()
    assert stage
    height = min(stage["height"], stage["width"] * 96 / 160)
    top = stage["y"] + (stage["height"] - height) / 2
    left = stage["x"] + (stage["width"] - height * 160 / 96) / 2
    width = height * 160 / 96
    desk.mouse.move(left + width / 4, top + height / 4)
    desk.mouse.down()
    desk.mouse.move(left + width / 2, top + height / 2)
    desk.mouse.up()
    expect_saved(desk)
    desk.wait_for_function("() => JSON.parse(document.querySelector('[name=visual-evidence]').value)[0].box")
    [piece] = json.loads(desk.locator("[name=visual-evidence]").input_value())
    assert piece["defect"] == "noise"
    assert piece["time"] == pytest.approx([0.5, 1.25], abs=0.07)
    assert piece["box"] == pytest.approx([0.25, 0.25, 0.25, 0.25], abs=0.02)


UNEVEN = [0.0, 0.04, 0.1, 0.11, 0.4, 0.45, 0.9, 1.0, 1.05, 1.8]
TELL_FRAMES = """() => {
    const video = document.querySelector("video");
    window.frames_shown = [];
    const note = (_now, facts) => {
        window.frames_shown.push(facts.mediaTime);
        video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
}"""


@pytest.mark.parametrize(
    ("moments", "sound"),
    [
        (UNEVEN, 0.0),
        ([0.5 + moment for moment in UNEVEN], 0.0),
        ([0.3 + moment for moment in UNEVEN], 1.0),
        ([number / 10 for number in range(10)], 0.0),
    ],
    ids=["uneven", "late", "later-than-its-sound", "ten-a-second"],
)
def test_a_step_lands_on_exactly_the_next_frame_both_ways(
    desk: Page, campaign: Campaign, tmp_path: Path, moments: list[float], sound: float
) -> None:
    path = write_clip(tmp_path / "clip.mp4", times=moments, encoding=Encoding(audio_seconds=sound))
    shown, duration = list(read_shown_times(path)), probe(path).duration
    make_item(campaign, make_clip("one", content=path.read_bytes(), shown_times=shown, duration=duration))
    open_desk(desk)
    desk.wait_for_function("() => document.querySelector('video').readyState === 4")
    desk.keyboard.press("p")
    seek(desk, 0.0)
    desk.evaluate(TELL_FRAMES)
    numbers = [*range(len(moments)), *reversed(range(len(moments) - 1))]
    for before, number in itertools.pairwise(numbers):
        desk.keyboard.press("." if number > before else ",")
        left = "old => Math.abs((window.frames_shown.at(-1) ?? old) - old) > 1e-3"
        desk.wait_for_function(left, arg=moments[before])
        assert desk.evaluate("window.frames_shown.at(-1)") == pytest.approx(moments[number], abs=1e-3)
        assert clock(desk) == pytest.approx(moments[number] - moments[0], abs=0.006)


def test_steps_go_by_the_average_rate_where_no_times_are_known(desk: Page, campaign: Campaign) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.wait_for_function("() => document.querySelector('video').readyState === 4")
    desk.keyboard.press("p")
    seek(desk, 1.0)
    shown = [clock(desk)]
    for key in (".", ".", ",", ","):
        before = shown[-1]
        desk.keyboard.press(key)
        desk.wait_for_function(
            "before => parseFloat(document.querySelector('[data-clock]').textContent) !== before", arg=before
        )
        shown.append(clock(desk))
    assert shown == pytest.approx([1.0, 1.0625, 1.125, 1.0625, 1.0], abs=0.011)


STEP_AT_ONCE = """keys => {
    const slider = document.querySelector("[data-seek]");
    slider.value = "1";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    for (const key of keys) {
        const target = document.querySelector("[data-stage]");
        target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    }
}"""


@pytest.mark.parametrize("is_timed", [True, False])
@pytest.mark.parametrize(("keys", "expected"), [("..", 1.125), (",,,", 0.8125), ("..,", 1.0625)])
def test_a_step_counts_from_the_frame_that_was_sought_though_it_is_not_on_screen_yet(
    desk: Page, campaign: Campaign, keys: str, expected: float, *, is_timed: bool
) -> None:
    times = [number / 16 for number in range(32)] if is_timed else []
    make_item(campaign, make_clip("one", video=LONGER_VIDEO, duration=LONGER_VIDEO.seconds, shown_times=times))
    open_desk(desk)
    desk.wait_for_function("() => document.querySelector('video').readyState === 4")
    desk.keyboard.press("p")
    desk.wait_for_function("() => document.querySelector('video').paused")
    desk.evaluate(STEP_AT_ONCE, list(keys))
    desk.wait_for_function("() => !document.querySelector('video').seeking")
    at = desk.evaluate("document.querySelector('video').currentTime")
    assert expected - 0.001 <= at < expected + 1 / 16


@pytest.mark.parametrize("is_timed", [True, False])
def test_a_step_counts_from_the_frame_that_was_sought_before_the_clip_arrived(
    desk: Page, campaign: Campaign, *, is_timed: bool
) -> None:
    times = [number / 16 for number in range(32)] if is_timed else []
    make_item(campaign, make_clip("one", video=LONGER_VIDEO, duration=LONGER_VIDEO.seconds, shown_times=times))
    held: list[Route] = []
    desk.route("**/media/video/*", lambda route: held.append(route))
    open_desk(desk)
    desk.keyboard.press("p")  # it does not play once it is there
    desk.evaluate(STEP_AT_ONCE, [".", "."])
    desk.route("**/media/video/*", lambda route: route.continue_())  # the newest rule holds
    for route in held:
        route.continue_()
    desk.wait_for_function(
        "() => { const v = document.querySelector('video'); return v.currentTime > 0.5 && !v.seeking; }"
    )
    assert 1.125 - 0.001 <= desk.evaluate("document.querySelector('video').currentTime") < 1.125 + 1 / 16


def test_a_still_is_zoomed_and_moved_and_a_box_drawn_on_it_lies_where_the_picture_is(
    desk: Page, campaign: Campaign
) -> None:
    add_clip(campaign, "one")
    open_desk(desk)
    desk.wait_for_function("() => document.querySelector('video').played.length")
    desk.keyboard.press("n")
    desk.keyboard.press("Shift+Z")
    assert desk.evaluate("document.querySelector('video').paused")
    desk.keyboard.press("Shift+Z")
    expect(desk.get_by_role("button", name="Zoom 4×")).to_have_attribute("aria-pressed", "true")
    stage = desk.locator("[data-stage]").bounding_box()
    assert stage
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    height = min(stage["height"], stage["width"] * 96 / 160)
    width = height * 160 / 96
    for _ in range(2):
        desk.keyboard.press("ArrowRight")  # the picture goes left by a tenth of the stage each
    drag(desk, (x, y), (x, y + 40))
    desk.keyboard.press("Shift+B")
    drag(desk, (x - 60, y - 60), (x + 60, y + 60))
    evidence = desk.locator("[name=visual-evidence]")
    [piece] = json.loads(evidence.input_value())
    left = 0.5 + (0.2 * stage["width"] - 60) / 4 / width
    top = 0.5 + (-40 - 60) / 4 / height
    assert piece["box"] == pytest.approx([left, top, 30 / width, 30 / height], abs=0.01)

    desk.keyboard.press("Escape")
    expect(desk.get_by_role("button", name="Zoom", exact=True)).to_have_attribute("aria-pressed", "false")
    expect(desk.locator("#axis-visual")).to_be_focused()
    desk.locator(".mark-jump").click()
    shown = desk.locator("[data-shown-boxes] span").bounding_box()
    assert shown
    assert shown["x"] == pytest.approx(x - width / 2 + left * width, abs=4)
    assert shown["width"] == pytest.approx(30, abs=5)
    desk.keyboard.press("Shift+Z")
    zoomed = desk.locator("[data-shown-boxes] span").bounding_box()
    assert zoomed
    assert zoomed["width"] == pytest.approx(60, abs=5)
    desk.keyboard.press("p")
    expect(desk.locator("[data-stage]")).not_to_have_attribute("data-zoomed", "")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)
    page.mouse.up()


def clock(page: Page) -> float:
    return float((page.locator("[data-clock]").text_content() or "").split(" ")[0])


def test_a_clip_that_comes_in_many_short_answers_plays_to_its_end_and_seeks(
    desk: Page, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_media, "OPEN_RANGE_BYTES", 700)
    add_clip(campaign, "one")
    answers: list[int] = []
    desk.on("response", lambda answer: answers.append(answer.status) if "/media/video" in answer.url else None)
    open_desk(desk)
    desk.wait_for_function("() => document.querySelector('video').played.length")
    desk.wait_for_function(
        "() => [document.querySelector('video')].every(video => video.played.end(0) > video.duration - 0.1)"
    )
    desk.keyboard.press("p")
    seek(desk, 1.5)
    seek(desk, 0.25)
    assert answers.count(206) > 1
