"""A lead corrects, withdraws and restores a clip on its pages."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from annotation.campaigns.campaigns import add_clips
from annotation.corrections import new_file_process
from annotation.corrections.withdrawal import withdraw_clips
from annotation.models import Clip, Item
from operations import jobs
from operations.models import Job
from tests.annotation.corrections.test_replacement import replace
from tests.annotation.factories import claim, make_campaign, make_clip, make_user, make_video, submit
from tests.support import processes
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(lead: User) -> Item:
    campaign = make_campaign(actor=lead, name="spring")
    clip = make_clip("boat", content=make_video(), generator="toy-1", seed="7", metadata={"steps": 30})
    add_clips(actor=lead, campaign=campaign, clips=[clip])
    return Item.objects.select_related("campaign", "clip").get()


def locate(item: Item, act: str = "") -> str:
    return f"/campaigns/{item.campaign.name}/items/{item.pk}" + (f"/{act}" if act else "")


def read_page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return collapse_space(response.content.decode())


def run_jobs() -> None:
    for job in Job.objects.filter(state="queued"):
        jobs.run(job.pk)


DETAILS = {
    "act": "details",
    "generator": "wan-2.2",
    "seed": "8",
    "content_warning": "blood",
    "metadata": '{"steps": 31}',
    "reason": "Mixed up.",
}


def test_the_page_shows_the_values_and_saves_them(as_lead: Client, item: Item) -> None:
    page = read_page(as_lead, locate(item, "correct"))
    assert 'value="toy-1"' in page
    assert "No rater was given this clip yet" in page
    response = as_lead.post(locate(item, "correct") + "?sort=-mos", DETAILS)
    assert response["Location"] == locate(item) + "?sort=-mos"
    item.clip.refresh_from_db()
    assert (item.clip.generator, item.clip.seed, item.clip.metadata) == ("wan-2.2", "8", {"steps": 31})
    history = read_page(as_lead, locate(item))
    assert "Mixed up." in history
    assert "generator: wan-2.2" in history


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": "many"}, "seed"),
        ({"generator": ""}, "generator"),
        ({"metadata": "{"}, "metadata"),
        ({"metadata": "[1]"}, "metadata"),
        ({"metadata": '{"prompt": "x"}'}, "metadata"),
        ({"reason": ""}, "reason"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_wrong_value_has_its_error_at_the_field(
    as_lead: Client, item: Item, changes: dict[str, str], field: str
) -> None:
    page = as_lead.post(locate(item, "correct"), DETAILS | changes).content.decode()
    assert f'id="detailsform-{field}_error"' in page
    item.clip.refresh_from_db()
    assert item.clip.generator == "toy-1"


def test_a_changed_prompt_of_a_rated_clip_leads_to_the_new_clip(as_lead: Client, item: Item, rater: User) -> None:
    submit(rater, claim(rater, item.campaign))
    assert "A change makes a new clip" in read_page(as_lead, locate(item, "correct"))
    values = {"act": "prompt", "prompt": "A red kite above dunes", "reason": "It shows a kite."}
    response = as_lead.post(locate(item, "correct"), values)
    successor = Item.objects.get(clip__clip_id="boat-2")
    assert response["Location"] == locate(successor)
    page = read_page(as_lead, locate(item))
    assert "This clip is withdrawn" in page
    assert f'href="{locate(successor)}"' in page


def test_a_new_file_is_prepared_in_the_background_and_the_earlier_one_still_plays(
    as_lead: Client, item: Item, rater: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.IMPORT_WORKERS = 1
    processes.let_children_see(monkeypatch)
    submit(rater, claim(rater, item.campaign))
    before = Path(settings.MEDIA_ROOT, item.clip.original).read_bytes()
    upload = SimpleUploadedFile("new.mp4", make_video(150))
    values = {"act": "file", "video": upload, "reason": "The wrong take."}
    assert as_lead.post(locate(item, "correct"), values)["Location"] == locate(item)
    assert "is being replaced" in read_page(as_lead, locate(item))
    run_jobs()
    page = read_page(as_lead, locate(item))
    assert "1 rating saw version 1." in page
    assert f'src="/media/video/{item.clip.pk}?version=2"' in page
    page = read_page(as_lead, locate(item) + "?version=1")
    assert f'src="/media/video/{item.clip.pk}/1"' in page
    assert "You see version 1 of this clip." in page
    assert b"".join(as_lead.get(f"/media/video/{item.clip.pk}/1")) == before
    assert as_lead.get(locate(item) + "?version=3").status_code == 404
    assert not list((Path(settings.VAR_DIR) / "uploads").glob("*/video"))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (new_file_process.MODULE, "not a video"),
        ("tests.support.crashing_reader", "The process that read this video ended"),
    ],
)
def test_what_is_no_video_or_ends_its_process_is_refused_in_words(
    as_lead: Client, item: Item, monkeypatch: pytest.MonkeyPatch, settings: Settings, module: str, words: str
) -> None:
    settings.IMPORT_WORKERS = 1
    processes.let_children_see(monkeypatch)
    monkeypatch.setattr(new_file_process, "MODULE", module)
    upload = SimpleUploadedFile("new.mp4", b"not a video")
    as_lead.post(locate(item, "correct"), {"act": "file", "video": upload, "reason": "The wrong take."})
    run_jobs()
    assert Job.objects.get(kind="replace_file").state == "failed"
    page = read_page(as_lead, locate(item))
    assert words in page
    item.clip.refresh_from_db()
    assert item.clip.version == 1


def test_an_earlier_file_is_for_leads(as_rater: Client, lead: User, item: Item) -> None:
    replace(lead, item.clip)
    assert as_rater.get(f"/media/video/{item.clip.pk}/1").status_code == 403


def test_a_clip_is_withdrawn_on_a_page_that_says_what_happens_and_restored(as_lead: Client, item: Item) -> None:
    page = read_page(as_lead, locate(item, "withdraw"))
    assert "No frozen release holds it." in page
    assert "Spring" in page
    assert 'id="withdrawalform-reason_error"' in as_lead.post(locate(item, "withdraw"), {}).content.decode()
    assert as_lead.post(locate(item, "withdraw"), {"reason": "Rights."})["Location"] == locate(item)
    page = read_page(as_lead, locate(item))
    assert "This clip is withdrawn:" in page
    assert "Restore this clip" in page
    assert "boat" not in read_page(as_lead, "/campaigns/spring/items").split("<main")[1]
    assert "boat" in read_page(as_lead, "/campaigns/spring/items?state=withdrawn").split("<main")[1]
    response = as_lead.post(locate(item, "restore"), {"reason": ""}, follow=True)
    assert "Write why" in response.content.decode()
    as_lead.post(locate(item, "restore"), {"reason": "Cleared."})
    assert not Clip.objects.get().is_withdrawn


def test_a_rater_sees_that_a_clip_they_rated_is_withdrawn(
    as_rater: Client, rater: User, lead: User, item: Item
) -> None:
    submit(rater, claim(rater, item.campaign))
    withdraw_clips(actor=lead, clips=[item.clip], reason="Rights.")
    page = read_page(as_rater, "/my-ratings/")
    assert "withdrawn" in page
    assert "/media/poster" not in page


@pytest.mark.parametrize("act", ["correct", "withdraw", "restore"])
def test_only_leads_correct_clips(client: Client, item: Item, act: str) -> None:
    client.force_login(make_user())
    assert client.post(locate(item, act), {"reason": "Why not."}).status_code == 403


def test_an_unknown_correction_does_not_exist(as_lead: Client, item: Item) -> None:
    values: dict[str, Any] = {"act": "colour", "reason": "Red."}
    assert as_lead.post(locate(item, "correct"), values).status_code == 404
