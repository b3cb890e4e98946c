"""The real clips through the whole house: import, three people in a browser, agreement, release, training, drafts."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Role, User
from annotation.agreement.figures import compute_agreement
from annotation.campaigns.campaigns import create_campaign, set_state
from annotation.intake.clips import import_manifest
from annotation.models import Arm, Campaign, Clip, Draft, Rating, Slot
from datasets.models import Release
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release, locate_release
from modelassist.models import Critic, FailedDraft
from modelassist.services import drafting, runs
from modelassist.services.critics import activate
from operations import jobs
from operations.models import Job, JobState
from qsave.axes import AXES
from qsave.release.manifest import verify_release
from tests.annotation.factories import make_lead, make_user
from tests.modelassist.tiny_world import write_tiny_model

pytestmark = [pytest.mark.long, pytest.mark.real_clips, pytest.mark.concurrent, pytest.mark.django_db(transaction=True)]

NAMES = ("anna", "bert", "cleo")
TO_THE_GRAMMAR = {
    "sft": {"steps": 150, "batch": 4, "learning_rate": 3e-3},
    "grpo": {"rounds": 1, "clips": 1, "num_generations": 2, "num_iterations": 1},
    "cooldown": {"steps": 1, "batch": 2, "probe": 1, "samples": 2},
    "max_new_tokens": 256,
}
"""As many steps as a tiny model takes to write report cards of these few clips; what it says is of no matter."""
WORDS = {
    "visual": "The light and the edges hold up in most of it",
    "dynamic": "The motion keeps its pace and its direction",
    "alignment": "The thing that was asked for can be seen",
}

DEFECT_KEYS = {"visual": "b", "dynamic": "f", "alignment": "m"}
"""Blur, frozen, missing object."""


@pytest.fixture
def engineer(transactional_db: None) -> User:
    return make_user("enno", role=Role.ENGINEER)


@pytest.fixture
def campaign(engineer: User, real_clips: Path) -> Campaign:
    """Four rating slots an item: three for the people here, one left for drafts to be wanted."""
    campaign = create_campaign(
        actor=engineer, name="real", title="Real clips", overlap=4, assisted_share=1.0, guidelines="Look twice."
    )
    set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)
    report = import_manifest(actor=engineer, campaign=campaign, manifest=real_clips / "manifest.csv")
    assert report.problems == []
    assert report.added == Clip.objects.count() > 0
    again = import_manifest(actor=engineer, campaign=campaign, manifest=real_clips / "manifest.csv")
    assert (again.added, again.present) == (0, report.added)
    return campaign


def signed_in(page: Page, user: User, url: str) -> Page:
    client = Client()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": url}])
    return page


def keep_picture(page: Page, name: str) -> None:
    """A picture for people to look at, where QSAVE_SCREENS names a folder."""
    if folder := os.environ.get("QSAVE_SCREENS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def lease_on(page: Page) -> str:
    return page.locator("[data-desk]").get_attribute("data-lease") or ""


def rate_everything(page: Page, user: User, clips: int) -> None:
    """One person's session, by keyboard: the scores differ by person and clip, so that agreement has a figure."""
    page.goto("/rate/real/")
    page.wait_for_selector("[data-desk]")
    for number in range(clips):
        lease = lease_on(page)
        if number == 0:
            page.wait_for_function("() => document.querySelector('video').readyState >= 3")
            keep_picture(page, f"desk-{user.username}")
        item = Slot.objects.get(lease=lease).item_id
        for place, axis in enumerate(AXES):
            expect(page.locator(f"#axis-{axis}[data-active]")).to_be_attached()
            page.keyboard.press(str(1 + (item + place) % 4 + (len(user.username) + item) % 2))
            page.keyboard.press(DEFECT_KEYS[axis] if (item + place) % 3 == 0 else "0")
            page.keyboard.press("Enter")
            page.keyboard.type(f"{WORDS[axis]}, says {user.username} of clip {number}.")
            page.keyboard.press("Alt+ArrowDown")
        page.keyboard.press("Control+Enter")
        expect(page.locator(f'[data-desk][data-lease="{lease}"]')).to_have_count(0)


def test_real_clips_go_the_whole_way(
    campaign: Campaign, engineer: User, tmp_path: Path, open_page: Callable[..., Page], live_server: Any
) -> None:
    clips = campaign.items.count()
    for name in NAMES:
        user = make_user(name)
        page = signed_in(open_page(), user, live_server.url)
        rate_everything(page, user, clips)
        expect(page.get_by_role("heading", name="Nothing left to rate")).to_be_visible()
        page.close()
    assert Rating.objects.count() == len(NAMES) * clips

    figures = compute_agreement(campaign)
    assert {axis.basis.ratings for axis in figures.axes} == {len(NAMES) * clips}
    lead = signed_in(open_page(), make_lead("lena"), live_server.url)
    lead.goto("/campaigns/real/agreement")
    expect(lead.get_by_role("heading", level=1)).to_be_visible()
    keep_picture(lead, "agreement")
    lead.close()

    release = build_release(
        actor=engineer, campaign=campaign, name="real", policy=ReleasePolicy(allow_small_splits=True)
    )
    assert verify_release(locate_release(release)) == []
    assert not release.is_simulated
    critic = trained_on(engineer, release, write_tiny_model(tmp_path / "tiny"))
    draft_and_look(critic, campaign, engineer, open_page, live_server)


def trained_on(engineer: User, release: Release, model: Path) -> Critic:
    run = runs.start_run(
        actor=engineer,
        release=release,
        base_model=str(model),
        settings=TO_THE_GRAMMAR,
        name="real",
    )
    assert run.job_id is not None
    job = jobs.run(run.job_id)
    assert job is not None
    assert (job.state, job.error) == (JobState.DONE, "")
    critic = Critic.objects.get(run=run)
    assert str(critic) == "real@1"
    return critic


def draft_and_look(
    critic: Critic, campaign: Campaign, engineer: User, open_page: Callable[..., Page], live_server: Any
) -> None:
    """The critic that was trained drafts for the slots that are left, and a fourth person meets its drafts."""
    wanted = Slot.objects.filter(campaign=campaign, arm=Arm.ASSISTED, state=Slot.State.FREE).count()
    activate(actor=engineer, critic=critic, campaign=campaign)
    job = jobs.run(Job.objects.get(kind=drafting.KIND).pk)
    assert job is not None
    assert (job.state, job.error) == (JobState.DONE, "")
    assert Draft.objects.count() + FailedDraft.objects.count() == wanted
    assert Draft.objects.exists()
    page = signed_in(open_page(), make_user("dora"), live_server.url)
    page.goto("/rate/real/")
    page.wait_for_selector("[data-desk]")
    slot = Slot.objects.get(lease=lease_on(page))
    drafted = Draft.objects.filter(item=slot.item).exists()
    expect(page.get_by_text("Draft by real@1")).to_have_count(len(AXES) if drafted else 0)
    keep_picture(page, "desk-with-draft")
