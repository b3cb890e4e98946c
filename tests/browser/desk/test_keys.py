"""The desk's keys on the layouts that raters have: one function reads every keydown event."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from annotation.models import Campaign
from tests.browser.desk.desk_page import add_clip, open_desk

# (key, code, Shift, what it is)
EVENTS = [
    ("1", "Digit1", False, "1"),
    ("&", "Digit1", False, "1"),  # AZERTY
    ("é", "Digit2", False, "2"),
    ('"', "Digit3", False, "3"),
    ("'", "Digit4", False, "4"),
    ("(", "Digit5", False, "5"),
    ("à", "Digit0", False, "0"),
    ("1", "Digit1", True, "1"),  # AZERTY's digits
    ("+", "Digit1", False, "1"),  # Czech
    ("ě", "Digit2", False, "2"),
    ("Dead", "Digit2", False, "2"),
    ("+", "Equal", True, "+"),
    ("a", "KeyQ", False, "a"),  # a letter is itself
    ("z", "KeyW", False, "z"),
    ("m", "Semicolon", False, "m"),
    (",", "KeyM", False, ","),  # and so is a command
    ("?", "KeyM", True, "?"),
    ("/", "Period", True, "/"),
    ("z", "KeyY", False, "z"),  # QWERTZ
    ("-", "Slash", False, "-"),
    ("и", "KeyB", False, "b"),  # Cyrillic
    ("ш", "KeyI", False, "i"),
    ("т", "KeyN", False, "n"),
    ("я", "KeyZ", False, "z"),
    ("Я", "KeyZ", True, "Z"),
    ("б", "Comma", False, ","),
    ("ю", "Period", False, "."),
    ("π", "KeyP", False, "p"),  # Greek
    (";", "KeyQ", False, "q"),
    ("٤", "Digit4", False, "4"),  # Arabic
    ("٤", "Numpad4", False, "4"),
    ("لا", "KeyB", False, "b"),
    ("ظ", "Slash", False, "/"),
    ("؟", "Slash", True, "?"),
    ("ת", "Comma", False, ","),  # Hebrew
    ("ש", "KeyA", False, "a"),
    ("ㅂ", "KeyQ", False, "q"),  # Korean
    ("L", "KeyL", False, "l"),  # Caps Lock
    ("m", "KeyM", True, "M"),  # Caps Lock and Shift
    ("M", "KeyM", True, "M"),
    ("Д", "KeyL", False, "l"),  # Caps Lock on a Cyrillic layout
    ("\u00a0", "Space", True, " "),
    (" ", "Space", False, " "),
    ("Enter", "Enter", False, "Enter"),
    ("Enter", "NumpadEnter", False, "Enter"),
    ("End", "Numpad1", False, "End"),
    ("ArrowDown", "ArrowDown", False, "ArrowDown"),
    ("Dead", "BracketLeft", False, "Dead"),
    ("Escape", "CapsLock", False, "Escape"),
    ("ö", "Semicolon", False, "ö"),
    ("!", "Slash", False, "!"),
    ("Unidentified", "", False, "Unidentified"),
]
NAME = """async ([[key, code, shiftKey], more]) => {
    const { readKey } = await import(new URL("keys.js", document.querySelector('script[src*="js/rate"]').src));
    return readKey(new KeyboardEvent("keydown", { key, code, shiftKey, ...more }));
}"""
SEND = """(target, event) => target.dispatchEvent(
    new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...event }))"""


def send(page: Page, key: str, code: str, *, to: str = "#axis-visual", **more: Any) -> None:
    page.locator(to).evaluate(SEND, {"key": key, "code": code, **more})


@pytest.fixture
def open_page(desk: Page, campaign: Campaign) -> Page:
    add_clip(campaign, "one")
    open_desk(desk)
    return desk


def test_a_key_is_named_the_same_on_every_layout(open_page: Page) -> None:
    named = [(*event, open_page.evaluate(NAME, [event, {}])) for *event, _expected in EVENTS]
    assert named == EVENTS
    for key in ("ł", "@", "€"):
        assert open_page.evaluate(NAME, [(key, "KeyL", False), {"modifierAltGraph": True}]) == key
    for more in ({"isComposing": True}, {"keyCode": 229}):
        assert open_page.evaluate(NAME, [("Enter", "Enter", False), more]) == ""


def score(page: Page, value: int) -> Any:
    return expect(page.locator(f"[name=visual-score][value='{value}']"))


@pytest.mark.parametrize(("key", "code", "value"), [("&", "Digit1", 1), ("é", "Digit2", 2), ("٤", "Digit4", 4)])
def test_digits_rate_on_azerty_and_in_arabic(open_page: Page, key: str, code: str, value: int) -> None:
    send(open_page, key, code)
    score(open_page, value).to_be_checked()


def test_a_cyrillic_rater_marks_defects_and_undoes(open_page: Page) -> None:
    blur, noise = (open_page.locator(f"[name=visual-defect][value={name}]") for name in ("blur", "noise"))
    send(open_page, "и", "KeyB")
    expect(blur).to_be_checked()
    send(open_page, "т", "KeyN")
    expect(noise).to_be_checked()
    send(open_page, "я", "KeyZ", ctrlKey=True)
    expect(noise).not_to_be_checked()
    send(open_page, "Я", "KeyZ", ctrlKey=True, shiftKey=True)
    expect(noise).to_be_checked()
    send(open_page, "Z", "KeyZ", ctrlKey=True)  # Caps Lock is on: still an undo
    expect(noise).not_to_be_checked()


def test_caps_lock_turns_no_letter_into_a_command_of_the_player(open_page: Page) -> None:
    video = open_page.locator("video")
    before = video.evaluate("video => [video.loop, video.muted]")
    send(open_page, "L", "KeyL")
    send(open_page, "M", "KeyM")
    assert video.evaluate("video => [video.loop, video.muted]") == before
    send(open_page, "l", "KeyL", shiftKey=True)
    send(open_page, "m", "KeyM", shiftKey=True)
    assert video.evaluate("video => [video.loop, video.muted]") == [not value for value in before]


def test_a_key_held_down_does_its_work_once(open_page: Page) -> None:
    blur = open_page.locator("[name=visual-defect][value=blur]")
    reason = open_page.locator("#axis-visual textarea")
    open_page.locator("#axis-visual").focus()
    for key in ("b", "b", "Enter", "Enter", "Enter"):
        open_page.keyboard.down(key)  # the second one of a key without an up between is a repeat
    expect(blur).to_be_checked()
    expect(reason).to_be_focused()
    expect(reason).to_have_value("")
    open_page.keyboard.up("Enter")
    open_page.keyboard.press("Enter")
    expect(reason).to_have_value("\n")


def test_the_keys_of_the_player_work_in_greek(open_page: Page) -> None:
    open_page.wait_for_function("() => !document.querySelector('video').paused")
    send(open_page, "π", "KeyP")
    open_page.wait_for_function("() => document.querySelector('video').paused")


@pytest.mark.parametrize("composing", [{"isComposing": True}, {"keyCode": 229}])
def test_a_key_that_belongs_to_an_input_method_does_nothing(open_page: Page, composing: dict[str, Any]) -> None:
    send(open_page, "/", "Slash")
    found = "#axis-visual .rate-search input"
    expect(open_page.locator(found)).to_be_focused()
    send(open_page, "Enter", "Enter", to=found, **composing)
    send(open_page, "Escape", "Escape", to=found, **composing)
    expect(open_page.locator(found)).to_be_focused()
    expect(open_page.locator("[name=visual-defect]:checked")).to_have_count(0)
    send(open_page, "4", "Digit4", **composing)
    expect(open_page.locator("[name=visual-score]:checked")).to_have_count(0)
    send(open_page, "Enter", "Enter", to=found)
    expect(open_page.locator("[name=visual-defect]:checked")).to_have_count(1)


def test_no_other_script_reads_keys() -> None:
    scripts = Path(settings.BASE_DIR, "static/js").glob("*.js")
    readers = [path.name for path in scripts if re.search(r"event\.(key|code|keyCode|which)\b", path.read_text())]
    assert readers == ["keys.js"]
