"""A lead finds disputes and settles them by keyboard alone, and the next release has what they decided."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from playwright.sync_api import Page, expect

from annotation.agreement.review_acts import take_card
from annotation.agreement.review_version import read_version
from annotation.models import Clip, Item
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release
from qsave.axes import AXES, Axis
from qsave.release.reader import ReleaseReader
from tests.annotation.factories import make_lead
from tests.browser.looks import WIDE, sign_in, violations
from tests.datasets.world import campaign_with, clip_with_file, engineer, rate

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

SCORES = {"train0": (1, 1, 5), "train1": (1, 3, 5)}


def disagree(clip: Clip, rater: int) -> Mapping[Axis, int]:
    return dict.fromkeys(AXES, SCORES.get(clip.clip_id, (3, 3, 3))[rater])


def expect_page(page: Page, title: str) -> None:
    """Wait for a page and for its scripts, which read the keys."""
    expect(page).to_have_title(re.compile(title))
    page.wait_for_load_state()


def test_disputes_are_settled_by_keyboard_and_are_in_the_next_release(
    open_page: Callable[..., Page], live_server: "LiveServer", transactional_db: None
) -> None:
    clips = [clip_with_file(name) for name in ("train0", "train1", "train2")] + [clip_with_file("test0", split="test")]
    campaign = campaign_with(clips, name="spring", overlap=3, assisted_share=0.0)
    rate(campaign, 3, disagree)
    first = Item.objects.select_related("campaign", "clip").get(clip__clip_id="train0")
    page = open_page(**WIDE, color_scheme="dark", reduced_motion="reduce")
    sign_in(page.context, make_lead("lena"), live_server.url)
    page.goto("/campaigns/spring/review")
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("2 disputed clips")
    assert violations(page) == []

    page.keyboard.press("j")
    expect_page(page, "train0")
    assert violations(page) == []
    expect(page.get_by_role("button", name="Take the consensus")).to_be_enabled()
    # Another lead is faster. The first one is told, and decides again with what they typed.
    page.keyboard.press("e")
    page.keyboard.press("ArrowRight")
    page.get_by_label("Why you decide so").fill("The hand decides.")
    ada = make_lead("ada")
    rating = first.ratings.order_by("pk")[0].pk
    take_card(actor=ada, item=first, seen=read_version(first), rating=rating)
    page.get_by_label("Why you decide so").press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("ada took the card of")
    expect(page.get_by_label("Why you decide so")).to_have_value("The hand decides.")
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("c")

    expect_page(page, "train1")
    expect(page.get_by_role("button", name="Take the consensus")).to_be_disabled()
    page.keyboard.press("3")
    expect(page.get_by_role("heading", level=1)).to_have_text("Review")
    expect(page.get_by_text("No clip waits for your review.")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("u")
    expect_page(page, "train1")
    page.keyboard.press("3")
    expect(page.get_by_text("No clip waits for your review.")).to_be_visible()

    policy = ReleasePolicy(target="reviewed", media="none", allow_small_splits=True)
    release = build_release(actor=engineer(), campaign=campaign, name="spring", policy=policy)
    rows = ReleaseReader(Path(settings.RELEASE_ROOT, release.folder)).rows("rl", "train")
    assert {row.id: row.solution[Axis.VISUAL].mos for row in rows} == {"train0": 1.0, "train1": 5.0}
