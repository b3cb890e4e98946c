"""The rating desk in a real browser: a session by keyboard alone, drafts, and nothing lost."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page, Request, expect

from accounts.models import Role, User
from annotation import media
from annotation.models import Arm, AxisAnswer, Campaign, Draft, Item, Rating, SavedWork, Skip, Slot
from qsave.axes import AXES
from qsave.frames.probe import probe
from qsave.frames.times import shown_times
from tests.annotation.desk_world import add_draft, add_item, make_campaign, make_clip, make_user, video_bytes
from tests.qsave.frames.clips import write_clip

WORDS = {
    "visual": "Sharp all over and clean at the edges.",
    "dynamic": "The square glides evenly to the right.",
    "alignment": "A square moves right, just as the prompt says.",
}
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def campaign(live_server: object) -> Campaign:
    return make_campaign("floor", by=make_user("lena", Role.LEAD))


@pytest.fixture
def rater(campaign: Campaign) -> User:
    return make_user("rita")


def sign_in(context: BrowserContext, user: User, url: str) -> None:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": url}])


@pytest.fixture
def desk(page: Page, rater: User, live_server: Any) -> Iterator[Page]:
    """A page signed in as the rater. The save that it sends while closing must not meet a database being emptied."""
    sign_in(page.context, rater, live_server.url)
    yield page
    page.context.unroute_all()
    page.context.route("**/save", lambda route: route.abort())


def put_clip(campaign: Campaign, name: str, *, arm: Arm = Arm.BLIND) -> Item:
    return add_item(campaign, make_clip(name, content=video_bytes(len(name))), arm=arm)


def open_desk(page: Page) -> None:
    page.goto("/rate/floor/")
    page.wait_for_selector("[data-desk]")


def slot_on(page: Page) -> str:
    return page.locator("[data-desk]").get_attribute("data-slot") or ""


def rate_by_keys(page: Page, *, note: str = "") -> None:
    """Score, defect or none, and reason on each axis, from the first axis in focus to the submit."""
    for axis, score, letter in (("visual", "4", "b"), ("dynamic", "5", "0"), ("alignment", "3", "0")):
        expect(page.locator(f"#axis-{axis}[data-active]")).to_be_attached()
        page.keyboard.press(score)
        page.keyboard.press(letter)
        page.keyboard.press("Enter")
        page.keyboard.type(WORDS[axis] + note)
        page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Control+Enter")


def saved(page: Page) -> None:
    expect(page.locator("[data-saved]")).to_contain_text("Saved")


def test_a_whole_session_by_keyboard_alone(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        put_clip(campaign, name)
    open_desk(desk)
    for number in (1, 2):
        held = slot_on(desk)
        desk.keyboard.press("?")
        expect(desk.locator("#keys")).to_be_visible()
        desk.keyboard.press("Escape")
        desk.keyboard.press("b")  # blur, from here ...
        desk.keyboard.press("i")
        desk.keyboard.press(".")
        desk.keyboard.press(".")
        desk.keyboard.press("o")  # ... to here
        expect(desk.locator("#axis-visual .mark-jump")).to_have_count(1)
        desk.keyboard.press("b")  # off again: rate_by_keys sets it anew
        rate_by_keys(desk, note=f" Number {number}.")
        expect(desk.locator(f'[data-desk][data-slot="{held}"]')).to_have_count(0)
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.count() == 2
    answers = AxisAnswer.objects.filter(revision__rating=Rating.objects.order_by("pk")[0])
    assert dict(answers.values_list("axis", "score")) == {"visual": 4, "dynamic": 5, "alignment": 3}
    assert answers.get(axis="visual").evidence == [{"defect": "blur", "time": None, "box": None}]
    assert answers.get(axis="dynamic").evidence == []


def test_the_viewing_record_says_how_the_clip_was_watched(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.wait_for_function(
        "() => { const v = document.querySelector('video'); return v.played.length && v.currentTime > 1; }"
    )
    desk.wait_for_function("() => document.querySelector('video').currentTime < 0.9")  # it loops
    rate_by_keys(desk)
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    revision = Rating.objects.get().revisions.get()
    assert revision.viewing["watched_share"] > 0.9
    assert revision.viewing["plays"] >= 2
    assert revision.viewing["watched_to_end"] is True
    assert revision.viewing["longest_position"] == pytest.approx(1.9375, abs=0.26)
    assert revision.viewing["total_frames"] > revision.viewing["dropped_frames"] >= 0
    assert (revision.viewing["dpr"], revision.viewing["speeds"]) == (1, [1])
    assert revision.viewing["viewport"] == [1366, 768]
    assert revision.viewing["rendition"] == "original"
    assert revision.seconds_spent > 1


def test_what_the_campaign_asks_of_the_watching_is_said_beforehand_and_held_to(desk: Page, campaign: Campaign) -> None:
    Campaign.objects.update(requires_watched=True, min_viewport_width=1300, min_viewport_height=700)
    put_clip(campaign, "one")
    desk.emulate_media(reduced_motion="reduce")  # the clip does not begin by itself
    desk.set_viewport_size({"width": 1200, "height": 768})
    open_desk(desk)
    asks = desk.get_by_role("list", name="What this campaign asks of the watching")
    expect(asks).to_contain_text("to its end: not yet")
    expect(asks).to_contain_text("1300 × 700: too small")
    rate_by_keys(desk)
    expect(desk.locator("[data-notice]")).to_contain_text("Watch the clip to its end")
    expect(desk.locator("[data-notice]")).to_contain_text("Make the window larger")
    assert not Rating.objects.exists()

    desk.set_viewport_size({"width": 1366, "height": 768})
    expect(asks).to_contain_text("large enough")
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("p")
    expect(asks).to_contain_text("to its end: ✓ done")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.get().revisions.get().viewing["watched_to_end"] is True


def test_a_word_after_a_long_sitting_lies_beside_the_work_and_goes_when_told(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    desk.clock.install()
    open_desk(desk)
    word = desk.locator("[data-sitting]")
    for _ in range(49):
        desk.keyboard.press("Shift")
        desk.clock.run_for(60_000)
    expect(word).to_be_hidden()
    desk.keyboard.press("Shift")
    desk.clock.run_for(60_000)
    expect(word).to_contain_text("a short break")
    assert desk.evaluate("document.documentElement.scrollHeight") == 768
    check(desk)
    word.get_by_role("button").click()
    expect(word).to_be_hidden()


def test_a_break_ends_a_sitting(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    desk.clock.install()
    open_desk(desk)
    for minutes in (45, 11, 10):
        for _ in range(minutes):
            desk.clock.run_for(60_000)
            if minutes != 11:
                desk.keyboard.press("Shift")
    expect(desk.locator("[data-sitting]")).to_be_hidden()


def test_marks_and_a_box_are_stored_in_seconds_and_fractions_of_the_picture(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
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
    saved(desk)
    desk.wait_for_function("() => JSON.parse(document.querySelector('[name=visual-evidence]').value)[0].box")
    [piece] = json.loads(desk.locator("[name=visual-evidence]").input_value())
    assert piece["defect"] == "noise"
    assert piece["time"] == pytest.approx([0.5, 1.25], abs=0.07)
    assert piece["box"] == pytest.approx([0.25, 0.25, 0.25, 0.25], abs=0.02)


def seek(page: Page, seconds: float) -> None:
    """Moves the player and waits until the frame there is on the screen."""
    move = "(slider, time) => { slider.value = time; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
    page.locator("[data-seek]").evaluate(move, seconds)
    page.wait_for_function(
        "time => Math.abs(parseFloat(document.querySelector('[data-clock]').textContent) - time) < 0.07", arg=seconds
    )


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
    path = write_clip(tmp_path / "clip.mp4", times=moments, audio_seconds=sound)
    shown, duration = list(shown_times(path)), probe(path).duration
    add_item(campaign, make_clip("one", content=path.read_bytes(), shown_times=shown, duration=duration))
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
    put_clip(campaign, "one")
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


def test_a_still_is_zoomed_and_moved_and_a_box_drawn_on_it_lies_where_the_picture_is(
    desk: Page, campaign: Campaign
) -> None:
    put_clip(campaign, "one")
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


def test_the_next_clip_is_fetched_while_this_one_is_rated(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        put_clip(campaign, name)
    fetched: list[str] = []
    desk.on("requestfinished", lambda request: fetched.append(request.url))
    with desk.expect_response(re.compile(r"/media/video/\d+$"), timeout=15_000):
        open_desk(desk)
    ahead = {f"/media/video/{item.clip_id}" for item in Item.objects.exclude(slots__pk=slot_on(desk))}
    desk.wait_for_function(
        "() => performance.getEntriesByType('resource')"
        ".some(entry => entry.initiatorType === 'fetch' && entry.name.includes('/media/video/'))"
    )
    assert any(url.endswith(next(iter(ahead))) for url in fetched)


# ---- drafts


def test_a_draft_is_confirmed_by_a_key_or_by_an_edit_and_cleared_by_another(desk: Page, campaign: Campaign) -> None:
    draft = add_draft(put_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    for axis in AXES:
        expect(desk.locator(f"#axis-{axis} [data-draft-state]")).to_have_text("unconfirmed")
        expect(desk.locator(f"#axis-{axis} input:checked[name$=score]")).to_have_count(0)
    for _ in AXES:
        desk.keyboard.press("4")
        desk.keyboard.press("Alt+ArrowDown")
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#axis-visual [data-problems]")).to_contain_text("unconfirmed")
    assert not Rating.objects.exists()

    desk.keyboard.press("y")
    expect(desk.locator("#axis-visual [data-draft-state]")).to_have_text("confirmed")
    desk.keyboard.press("Alt+ArrowDown")
    desk.keyboard.press("Enter")
    desk.keyboard.press("End")
    desk.keyboard.type(" Indeed it does.")
    expect(desk.locator("#axis-dynamic [data-draft-state]")).to_have_text("edited by you")
    desk.keyboard.press("Alt+ArrowDown")
    desk.keyboard.press("x")
    desk.keyboard.type(WORDS["alignment"])
    desk.keyboard.press("Escape")
    desk.keyboard.press("0")
    expect(desk.locator("#axis-alignment [data-draft-state]")).to_have_text("cleared")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()

    uses = dict(AxisAnswer.objects.values_list("axis", "draft_use"))
    assert uses == {"visual": "confirmed", "dynamic": "edited", "alignment": "cleared"}
    assert AxisAnswer.objects.get(axis="visual").confirm_ms is not None
    assert (Rating.objects.get().exposure, Rating.objects.get().draft) == ("from_start", draft)


def test_the_blind_arm_holds_no_draft_in_the_page_or_its_answers(desk: Page, campaign: Campaign) -> None:
    add_draft(put_clip(campaign, "one", arm=Arm.BLIND))
    bodies: list[str] = []
    desk.on("response", lambda answer: bodies.append(answer.text()) if "/rate/" in answer.url and answer.ok else None)
    open_desk(desk)
    expect(desk.locator("#axis-visual")).to_be_visible()
    for text in [desk.content(), *bodies]:
        assert "shimmer" not in text
        assert "draft" not in text.lower()


def test_a_draft_that_comes_late_is_offered_and_leaves_what_was_typed(desk: Page, campaign: Campaign) -> None:
    item = put_clip(campaign, "one", arm=Arm.ASSISTED)
    desk.clock.install()
    open_desk(desk)
    desk.keyboard.press("Enter")
    desk.keyboard.type(WORDS["visual"])
    draft = add_draft(item)
    desk.clock.run_for(11_000)
    offer = desk.locator("[data-late]")
    expect(offer).to_contain_text("starter@1")
    assert "shimmer" not in (desk.text_content("#desk") or "")
    offer.get_by_role("button", name="Show it").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value(WORDS["visual"])
    expect(desk.locator("[name=dynamic-reason]")).to_have_value(re.compile("shimmer"))
    expect(desk.locator("#axis-dynamic [data-draft-state]")).to_have_text("unconfirmed")
    expect(desk.locator("#axis-visual [data-draft-state]")).to_have_count(0)
    for axis, keys in (("visual", "40"), ("dynamic", "4y"), ("alignment", "4y")):
        desk.locator(f"#axis-{axis}").focus()
        for key in keys:
            desk.keyboard.press(key)
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert (Rating.objects.get().exposure, Rating.objects.get().draft) == ("late", draft)
    assert AxisAnswer.objects.get(axis="visual").draft_use == "none"
    assert Draft.objects.count() == 1


def test_what_an_edit_changed_is_shown_word_by_word_and_a_revert_is_unconfirmed_again(
    desk: Page, campaign: Campaign
) -> None:
    add_draft(put_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    visual = desk.locator("#axis-visual")
    drafted = desk.locator("[name=visual-reason]").input_value()
    expect(visual.locator("[data-draft-changes]")).to_be_hidden()
    desk.locator("[name=visual-reason]").fill(drafted.replace("shimmer a little", "flicker a lot"))
    visual.get_by_text("Changes: 2 in, 2 out").click()
    assert visual.locator("ins").all_text_contents() == ["added: flicker", "added: lot."]
    assert visual.locator("del").all_text_contents() == ["removed: shimmer", "removed: little."]
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("n")
    expect(visual.locator("[data-draft-changes]")).to_contain_text("Defects: added: noise")
    desk.reload()
    expect(visual.locator("[data-draft-state]")).to_have_text("edited by you")
    desk.locator("[name=visual-reason]").fill(drafted)
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("n")
    expect(visual.locator("[data-draft-state]")).to_have_text("unconfirmed")


# ---- undo, and the search


def test_every_kind_of_step_is_undone_and_redone(desk: Page, campaign: Campaign) -> None:
    add_draft(put_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    read = "() => [...new FormData(document.querySelector('[data-form]'))].filter(([name]) => name.includes('-'))"
    read = f"({read})().filter(([name]) => !name.endsWith('confirm_ms')).map(String)"
    states = [desk.evaluate(read)]
    for keys in ("4", "n", "i", "y", "y", "x", "y2"):
        if keys == "x":
            desk.keyboard.press("x")  # leads into the emptied box
            desk.keyboard.type("Words in one go, quickly")
            desk.keyboard.press("Escape")
            continue
        for key in keys:
            desk.keyboard.press(key)
        if desk.evaluate(read) != states[-1]:
            states.append(desk.evaluate(read))
    assert len(states) >= 5
    while desk.locator("[data-step=back]").get_attribute("aria-disabled") == "false":
        desk.keyboard.press("z")
    assert desk.evaluate(read) == states[0]
    expect(desk.locator("#axis-visual [data-draft-state]")).to_have_text("unconfirmed")
    desk.keyboard.press("Control+y")
    assert desk.evaluate(read) == states[1]
    desk.keyboard.press("Control+z")
    assert desk.evaluate(read) == states[0]
    while desk.locator("[data-step=on]").get_attribute("aria-disabled") == "false":
        desk.keyboard.press("Shift+U")
    assert desk.evaluate(read) == states[-1]
    expect(desk.locator("[name=visual-reason]")).to_have_value("Words in one go, quickly")


def test_words_typed_in_one_go_are_one_step_and_a_text_box_undoes_by_itself(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("3")
    desk.keyboard.press("Enter")
    desk.keyboard.type("A few words")
    desk.keyboard.press("Control+z")  # the browser's own
    desk.keyboard.press("Control+Shift+z")
    expect(desk.locator("[name=visual-reason]")).to_have_value("A few words")
    expect(desk.locator("[name=visual-score][value='3']")).to_be_checked()
    desk.keyboard.press("Escape")
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value("")
    expect(desk.locator("[name=visual-score][value='3']")).to_be_checked()
    expect(desk.locator("[data-status]")).to_have_text("Undone: Visual")


def test_the_rating_just_given_is_one_link_away(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        put_clip(campaign, name)
    open_desk(desk)
    held = slot_on(desk)
    rate_by_keys(desk)
    expect(desk.locator(f'[data-desk][data-slot="{held}"]')).to_have_count(0)
    desk.get_by_role("link", name="Edit the last").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value(WORDS["visual"])
    desk.keyboard.press("Tab")
    assert Rating.objects.get().slot_id == int(held)


def test_a_defect_is_found_by_its_name(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("/")
    search = desk.get_by_role("combobox", name="Visual: find a defect")
    expect(search).to_be_focused()
    desk.keyboard.type("exp")
    options = desk.get_by_role("option")
    expect(options).to_have_text(["over exposed", "under exposed"])
    expect(desk.locator("[data-status]")).to_have_text("2 found. over exposed, not marked")
    check(desk)
    desk.keyboard.press("ArrowDown")
    expect(desk.locator("[data-status]")).to_have_text("under exposed, not marked")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-status]")).to_have_text("under exposed marked")
    expect(desk.locator("[name=visual-defect][value=under-exposed]")).to_be_checked()
    desk.keyboard.press("Enter")
    expect(desk.locator("[name=visual-defect][value=under-exposed]")).not_to_be_checked()
    desk.keyboard.type("nothing like it")
    expect(desk.locator("[data-status]")).to_contain_text("No defect of this axis")
    desk.keyboard.press("Enter")
    desk.keyboard.press("Escape")
    expect(search).to_have_count(0)
    expect(desk.locator("#axis-visual")).to_be_focused()
    assert not Rating.objects.exists()


# ---- nothing is lost


def test_a_reload_keeps_what_was_typed(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("2")
    desk.keyboard.press("n")
    desk.keyboard.press("Enter")
    desk.keyboard.type("Half a thought")
    desk.reload()
    expect(desk.locator("[name=visual-reason]")).to_have_value("Half a thought")
    expect(desk.locator("[name=visual-score][value='2']")).to_be_checked()
    expect(desk.locator("[name=visual-defect][value=noise]")).to_be_checked()


def test_words_typed_offline_survive_a_reload_and_are_sent_when_the_site_is_back(
    desk: Page, campaign: Campaign
) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.route("**/rate/floor/*", lambda route: route.abort())
    desk.keyboard.press("Enter")
    desk.keyboard.type("Typed with no site there")
    desk.locator("#axis-dynamic").focus()
    expect(desk.locator("[data-saved]")).to_contain_text("Offline")
    desk.unroute("**/rate/floor/*")
    desk.reload()
    expect(desk.locator("[name=visual-reason]")).to_have_value("Typed with no site there")
    saved(desk)
    assert SavedWork.objects.get().answers["visual"]["reason"] == "Typed with no site there"


def test_a_submit_without_a_connection_is_sent_when_it_is_back(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.context.set_offline(True)
    rate_by_keys(desk)
    expect(desk.locator("[data-notice]")).to_contain_text("sent as soon as it is back")
    assert not Rating.objects.exists()
    desk.context.set_offline(False)
    expect(desk.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
    assert Rating.objects.count() == 1


def test_what_is_missing_stays_in_sight_beside_the_axis_that_was_being_written(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("Enter")
    desk.keyboard.type("Too short")
    desk.keyboard.press("Control+Enter")
    for axis in AXES:
        expect(desk.locator(f"#axis-{axis} [data-problems]")).to_contain_text("score")
    expect(desk.locator("#axis-visual")).to_be_focused()
    desk.keyboard.press("4")
    expect(desk.locator("#axis-visual [data-problems]")).to_be_empty()


def test_a_double_click_on_submit_stores_once(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    put_clip(campaign, "two")
    open_desk(desk)
    desk.evaluate("document.querySelector('[data-submit]').addEventListener('focus', () => {})")
    for axis in AXES:
        desk.locator(f"[name={axis}-score][value='3'] + span").click()
        desk.locator(f"#axis-{axis} .rate-chip-none span").click()
        desk.locator(f"[name={axis}-reason]").fill(WORDS[axis])
    held = slot_on(desk)
    desk.locator("[data-submit]").dblclick()
    expect(desk.locator(f'[data-desk][data-slot="{held}"]')).to_have_count(0)
    expect(desk.locator("[data-desk]")).to_have_count(1)
    assert Rating.objects.count() == 1


def test_two_tabs_conflict_openly_with_both_texts_kept(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    other = desk.context.new_page()
    open_desk(other)
    write(other, "Written in the other tab")
    saved(other)
    write(desk, "Written in this tab")
    panel = desk.locator("[data-conflict]")
    expect(panel).to_contain_text("Written in the other tab")
    expect(panel).to_contain_text("Written in this tab")
    panel.get_by_role("button", name="Take the other one").click()
    expect(desk.locator("[name=visual-reason]")).to_have_value("Written in the other tab")
    saved(desk)
    desk.keyboard.press("z")
    expect(desk.locator("[name=visual-reason]")).to_have_value("Written in this tab")


def test_a_conflict_that_comes_in_the_middle_of_a_word_takes_no_key_from_it(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    other = desk.context.new_page()
    open_desk(other)
    write(other, "Written in the other tab")
    saved(other)
    desk.bring_to_front()
    desk.keyboard.press("Enter")
    desk.keyboard.type("Half a ")
    panel = desk.locator("[data-conflict]")
    expect(panel).to_contain_text("Written in the other tab")
    desk.keyboard.type("bus and a wing")
    expect(desk.locator("[name=visual-reason]")).to_have_value("Half a bus and a wing")
    expect(panel).to_contain_text("Half a bus and a wing")
    expect(desk.locator("#axis-visual input:checked")).to_have_count(0)
    check(desk)
    desk.keyboard.press("Control+Enter")
    desk.keyboard.press("Enter")
    saved(desk)
    expect(desk.locator("[name=visual-reason]")).to_have_value("Half a bus and a wing")
    desk.keyboard.press("z")
    expect(desk.locator("[name=visual-reason]")).to_have_value("Written in the other tab")


def write(page: Page, words: str) -> None:
    page.locator("[name=visual-reason]").fill(words)
    page.locator("#axis-dynamic").focus()


def test_a_lost_lease_is_said_and_the_work_is_kept(desk: Page, campaign: Campaign, rater: User) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    Slot.objects.update(rater=make_user("thief"))
    rate_by_keys(desk)
    expect(desk.locator("[data-notice]")).to_contain_text("What you typed is kept")
    expect(desk.get_by_role("link", name="Go on with the next clip")).to_be_focused()
    assert SavedWork.objects.get(rater=rater).answers["visual"]["score"] == 4


def test_a_skip_by_keyboard_brings_the_next_clip(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    put_clip(campaign, "two")
    open_desk(desk)
    held = slot_on(desk)
    desk.locator(".rate-skip summary").focus()
    desk.keyboard.press("Enter")
    desk.get_by_label("In a few words").fill("stays black")
    desk.keyboard.press("Enter")
    expect(desk.locator(f'[data-desk][data-slot="{held}"]')).to_have_count(0)
    expect(desk.locator("[data-desk]")).to_have_count(1)
    assert Skip.objects.get().reason == "stays black"


def test_a_content_warning_blurs_the_clip_until_the_rater_says_so_by_key(desk: Page, campaign: Campaign) -> None:
    add_item(campaign, make_clip("one", content_warning="violence"))
    open_desk(desk)
    expect(desk.locator("[data-status]")).to_contain_text("Content warning: violence")
    desk.keyboard.press("Space")
    expect(desk.get_by_role("button", name="Show the clip")).to_be_focused()
    assert desk.evaluate("document.querySelector('video').paused")
    check(desk)
    desk.keyboard.press("Enter")
    expect(desk.locator("video.is-blurred, [data-warning]")).to_have_count(0)
    desk.wait_for_function("() => document.querySelector('video').played.length")
    desk.keyboard.press("4")
    expect(desk.locator("[name=visual-score][value='4']")).to_be_checked()


# ---- the page itself


@pytest.mark.looks
@pytest.mark.parametrize(("width", "height", "scheme"), [(1366, 768, "light"), (390, 844, "dark")])
def test_axe_finds_nothing_on_the_desk_in_any_of_its_states(
    open_page: Callable[..., Page],
    rater: User,
    campaign: Campaign,
    live_server: Any,
    width: int,
    height: int,
    scheme: str,
) -> None:
    add_draft(put_clip(campaign, "one", arm=Arm.ASSISTED))
    page = open_page(width=width, height=height, color_scheme=scheme)
    sign_in(page.context, rater, live_server.url)
    open_desk(page)
    check(page)
    page.keyboard.press("Control+Enter")  # the problems of an unfinished rating
    expect(page.locator("#axis-visual [data-problems]")).not_to_be_empty()
    check(page)
    page.keyboard.press("?")
    check(page)
    page.keyboard.press("Escape")
    Campaign.objects.update(state="paused")
    Slot.objects.update(state="free", rater=None, lease=None, leased_at=None, lease_expires_at=None)
    for path in ("/rate/floor/", "/rate/", "/my-ratings/"):
        page.goto(path)
        check(page)


def check(page: Page) -> None:
    faults = Axe().run(page, options=AXE_RULES).response["violations"]
    found = [f"{fault['id']}: {node['target']} {node['failureSummary']}" for fault in faults for node in fault["nodes"]]
    assert not found, f"{page.url}: {found}"


def test_everything_fits_one_screen_of_1366_by_768_with_a_draft_and_marks(desk: Page, campaign: Campaign) -> None:
    add_draft(put_clip(campaign, "one", arm=Arm.ASSISTED))
    open_desk(desk)
    height, width = desk.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert (height, width) == (768, 1366)


def test_nothing_is_cut_off_sideways_at_390_pixels(
    open_page: Callable[..., Page], rater: User, campaign: Campaign, live_server: Any
) -> None:
    add_draft(put_clip(campaign, "one", arm=Arm.ASSISTED))
    page = open_page(width=390, height=844)
    sign_in(page.context, rater, live_server.url)
    open_desk(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_single_keys_can_be_turned_off(desk: Page, campaign: Campaign) -> None:
    put_clip(campaign, "one")
    open_desk(desk)
    desk.keyboard.press("?")
    desk.get_by_label("Single keys work").uncheck()
    desk.keyboard.press("Escape")
    desk.locator("#axis-visual").focus()
    desk.keyboard.press("4")
    desk.keyboard.press("b")
    expect(desk.locator("#axis-visual input:checked")).to_have_count(0)


def test_the_desk_works_without_scripts(
    open_page: Callable[..., Page], rater: User, campaign: Campaign, live_server: Any
) -> None:
    put_clip(campaign, "one")
    page = open_page(java_script_enabled=False)
    sign_in(page.context, rater, live_server.url)
    page.goto("/rate/floor/")
    page.get_by_role("button", name="Show the first clip").click()
    for axis in AXES:
        page.locator(f"[name={axis}-score][value='3'] + span").click()
        page.locator(f"#axis-{axis} .rate-chip-none span").click()
        page.locator(f"[name={axis}-reason]").fill(WORDS[axis])
    page.locator("[data-submit]").click()
    assert Rating.objects.count() == 1


def test_the_page_is_light(desk: Page, campaign: Campaign) -> None:
    """At most 150 kB on the wire beside the clips, and fewer than 20 requests, the next clip's among them."""
    for name in ("one", "two"):
        add_draft(put_clip(campaign, name, arm=Arm.ASSISTED))
    asked: list[Request] = []
    desk.on("requestfinished", lambda request: asked.append(request))
    open_desk(desk)
    desk.wait_for_function(
        "() => performance.getEntriesByType('resource')"
        ".some(entry => entry.initiatorType === 'fetch' && entry.name.includes('/media/video/'))"
    )
    desk.wait_for_load_state("networkidle")
    page_alone = [request for request in asked if "/media/video/" not in request.url]
    wire = sum(request.sizes()["responseBodySize"] + request.sizes()["responseHeadersSize"] for request in page_alone)
    assert any(request.url.endswith("rate-desk.js") for request in page_alone)
    assert not any("htmx" in request.url for request in page_alone)
    assert len(asked) < 20
    assert wire <= 150_000


def test_a_desk_that_was_held_already_fetches_the_next_clip_too(desk: Page, campaign: Campaign) -> None:
    for name in ("one", "two"):
        put_clip(campaign, name)
    open_desk(desk)
    with desk.expect_response(re.compile(r"/upcoming$")):
        desk.reload()


def test_a_clip_that_comes_in_many_short_answers_plays_to_its_end_and_seeks(
    desk: Page, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "OPEN_RANGE_BYTES", 700)
    put_clip(campaign, "one")
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
