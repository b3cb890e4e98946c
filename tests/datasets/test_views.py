"""The engineer's pages of releases."""

from pathlib import Path
from typing import get_args

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Role
from annotation.agreement import reviews
from annotation.models import Clip, Rating
from datasets.counts import TOTALS, describe_counts
from datasets.models import Release
from datasets.services.options import OPTIONS, TARGETS, TargetPolicy
from operations import jobs
from operations.models import Job
from tests.annotation.factories import make_card, make_user
from tests.datasets.world import FORM, rated_campaign
from tests.support.markup import collapse_space


@pytest.fixture
def engineer(client: Client, db: None) -> Client:
    client.force_login(make_user(role=Role.ENGINEER))
    return client


def run_all() -> None:
    for job in Job.objects.filter(state="queued"):
        jobs.run(job.pk)


def freeze(client: Client, **changes: str) -> Release:
    campaign = rated_campaign(train=2, val=1, test=1, raters=2)
    answer = client.post("/releases/freeze", FORM | {"campaign": campaign.name} | changes)
    assert answer.status_code == 302, answer.content.decode()
    run_all()
    return Release.objects.get()


def test_only_engineers_get_there(client: Client, db: None) -> None:
    client.force_login(make_user(role=Role.LEAD))
    assert client.get("/releases").status_code == 403
    assert client.get("/releases/1").status_code == 403
    assert client.post("/releases/freeze", FORM).status_code == 403
    assert client.post("/releases/1/verify").status_code == 403


def test_without_ratings_the_page_says_what_comes_first(engineer: Client) -> None:
    page = collapse_space(engineer.get("/releases").content.decode())
    assert "No campaign has ratings yet" in page
    assert "/releases/new" not in page
    assert "/releases/freeze" not in engineer.get("/releases/new").content.decode()


def test_freezing_makes_a_release_whose_page_names_hash_counts_and_files(engineer: Client) -> None:
    release = freeze(engineer)
    assert release.state == Release.State.FROZEN
    page = collapse_space(engineer.get(f"/releases/{release.number}").content.decode())
    assert release.content_hash in page
    assert "Clips in train</dt><dd>2</dd>" in page
    assert f'href="/api/releases/{release.number}/files/sft/train.jsonl"' in page
    manifest = engineer.get(f"/api/releases/{release.number}/files/manifest.json")
    assert release.content_hash.encode() in b"".join(manifest.streaming_content)  # type: ignore[attr-defined]
    assert "spring #1" in engineer.get("/releases").content.decode()


def test_every_count_of_a_release_has_a_label_in_words(engineer: Client) -> None:
    release = freeze(engineer)
    nested = {"clips", "generators", "left_out", "rows"}
    assert release.counts.keys() - nested == TOTALS.keys()
    labels = [label for label, _number in describe_counts(release.counts)]
    assert labels[:3] == ["Clips in train", "Clips in val", "Clips in test"]
    assert not [label for label in labels if "_" in label]


def test_the_page_says_what_was_left_out_where_and_why(engineer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    release = freeze(engineer)
    counts = release.counts | {"left_out": {"sft": {"no reason": 1, "not reviewed": 2}}}
    monkeypatch.setattr("datasets.views.read_manifest", lambda _folder: {"counts": counts, "files": {}})
    page = collapse_space(engineer.get(f"/releases/{release.number}").content.decode())
    assert "1 clip is left out of sft: <bdi>no reason</bdi>." in page
    assert "2 clips are left out of sft: <bdi>not reviewed</bdi>." in page


@pytest.mark.parametrize(
    "changes", [{"name": "two words"}, {"target": "guess"}, {"seed": "-1"}, {"campaign": "nowhere"}]
)
def test_a_choice_that_there_is_not_makes_no_release(engineer: Client, changes: dict[str, str]) -> None:
    campaign = rated_campaign(train=1, val=0, test=0, raters=1)
    page = engineer.post("/releases/freeze", FORM | {"campaign": campaign.name} | changes)
    assert page.status_code == 200
    assert 'class="errors"' in page.content.decode()
    assert not Release.objects.exists()


def test_small_splits_are_refused_with_their_sizes_until_they_are_allowed(engineer: Client) -> None:
    campaign = rated_campaign(train=2, val=1, test=0, raters=1)
    form = {name: value for name, value in FORM.items() if name != "allow_small_splits"} | {"campaign": campaign.name}
    page = engineer.post("/releases/freeze", form)
    assert page.status_code == 200
    assert "val has 1 clip of 1 prompt group; test has 0 clips of 0 prompt groups" in page.content.decode()
    assert not Release.objects.exists()
    assert engineer.post("/releases/freeze", FORM | {"campaign": campaign.name}).status_code == 302
    assert Release.objects.get().policy["allow_small_splits"]


def test_the_preview_follows_the_options_and_shows_the_effect_of_each(engineer: Client) -> None:
    campaign = rated_campaign(train=3, val=1, test=1, raters=2)
    Rating.objects.filter(item__clip__clip_id="train-00").update(is_simulated=True)
    options = FORM | {"campaign": campaign.name}
    update = engineer.get("/releases/preview", options, headers={"HX-Request": "true"})
    part = collapse_space(update.content.decode())
    assert "<html" not in part
    assert "The release would have 4 clips and count 8 ratings." in part
    assert 'id="effect-simulated_ratings" hx-swap-oob="true">Leaves out 2 ratings.</p>' in part
    assert "It would be refused" not in part
    with_them = engineer.get("/releases/preview", options | {"simulated_ratings": "on"})
    page = collapse_space(with_them.content.decode())
    assert "<html" in page
    assert "The release would have 5 clips and count 10 ratings." in page
    refused = engineer.get("/releases/preview", options | {"minimum_ratings": "3"}).content.decode()
    assert "It would be refused" in refused
    assert "Leaves out 4 clips." in refused
    assert not Release.objects.exists()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"minimum_watched": "101"}, "Enter a whole number from 0 to 100."),
        ({"guideline_exact": "on"}, "needs a guideline_version"),
        ({"target": "guess"}, "Select a valid choice"),
    ],
)
def test_the_preview_of_a_wrong_option_says_what_to_enter(
    engineer: Client, change: dict[str, str], problem: str
) -> None:
    campaign = rated_campaign(train=1, val=0, test=0, raters=1)
    for headers in ({"HX-Request": "true"}, {}):
        page = engineer.get("/releases/preview", FORM | {"campaign": campaign.name} | change, headers=headers)
        assert page.status_code == 200
        assert problem in page.content.decode()
    page = engineer.post("/releases/freeze", FORM | {"campaign": campaign.name} | change)
    assert problem in page.content.decode()
    assert not Release.objects.exists()


def test_the_page_has_a_field_for_every_option_and_the_generators_of_its_campaign(engineer: Client) -> None:
    campaign = rated_campaign(train=1, val=0, test=0, raters=1)
    page = engineer.get("/releases/new", {"campaign": campaign.name}).content.decode()
    assert "The release would have 1 clip and count 1 ratings." in collapse_space(page)
    missing = [name for name in OPTIONS if f'name="{name}"' not in page]
    assert missing == ["imported_sources"]
    generator = Clip.objects.get().generator
    assert f'name="left_out_generators" value="{generator}"' in page


def test_reviewed_without_a_reviewed_train_clip_is_refused_on_the_form(engineer: Client) -> None:
    campaign = rated_campaign(train=1, val=1, test=0, raters=1)
    reviews.review(
        actor=campaign.created_by, item=campaign.items.get(clip__clip_id="val-00"), card=make_card(4), note=""
    )
    form = FORM | {"campaign": campaign.name, "target": "reviewed"}
    page = engineer.post("/releases/freeze", form)
    assert page.status_code == 200
    assert "nothing to train on. Review some of them" in page.content.decode()
    assert not Release.objects.exists()
    reviews.review(
        actor=campaign.created_by, item=campaign.items.get(clip__clip_id="train-00"), card=make_card(4), note=""
    )
    assert engineer.post("/releases/freeze", form).status_code == 302


def test_the_page_tells_what_was_left_out_and_assumed(engineer: Client) -> None:
    release = freeze(engineer, target="bias_corrected")
    page = collapse_space(engineer.get(f"/releases/{release.number}").content.decode())
    assert "hold for these raters only" in page
    assert "Left out in total</dt><dd>0</dd>" in page


def test_the_form_offers_every_target_policy(engineer: Client) -> None:
    assert list(TARGETS) == list(get_args(TargetPolicy))
    rated_campaign(train=1, val=0, test=0, raters=1)
    assert "Reviewed clips only" in engineer.get("/releases/new").content.decode()


def test_a_changed_byte_is_told_on_the_page(engineer: Client) -> None:
    release = freeze(engineer)
    engineer.post(f"/releases/{release.number}/verify")
    run_all()
    assert "every byte is unchanged" in engineer.get(f"/releases/{release.number}").content.decode()
    file = Path(settings.RELEASE_ROOT) / release.folder / "sft" / "train.jsonl"
    file.chmod(0o600)
    content = bytearray(file.read_bytes())
    content[10] ^= 1
    file.write_bytes(content)
    engineer.post(f"/releases/{release.number}/verify")
    run_all()
    page = collapse_space(engineer.get(f"/releases/{release.number}").content.decode())
    assert "the files have changed" in page
    assert "sft/train.jsonl" in page


def test_a_release_of_an_earlier_format_is_listed_and_says_to_freeze_it_again(engineer: Client) -> None:
    release = freeze(engineer)
    assert f">{release}</option>" in engineer.get("/runs").content.decode()
    Release.objects.update(format="qsave-release/1")
    assert "earlier format" in engineer.get("/releases").content.decode()
    page = engineer.get(f"/releases/{release.number}")
    assert page.status_code == 200
    assert "Freeze it again" in page.content.decode()
    assert "/verify" not in page.content.decode()
    engineer.post(f"/releases/{release.number}/verify")
    assert not Job.objects.filter(kind="verify_release").exists()
    answer = engineer.get(f"/api/releases/{release.number}/files/manifest.json")
    assert answer.status_code == 409
    assert "Freeze it again" in answer.json()["detail"]
    assert f">{release}</option>" not in collapse_space(engineer.get("/runs").content.decode())


def test_pressing_verify_twice_asks_for_one_check(engineer: Client) -> None:
    release = freeze(engineer)
    for _ in range(2):
        engineer.post(f"/releases/{release.number}/verify")
    assert Job.objects.filter(kind="verify_release").count() == 1


def test_a_release_whose_folder_is_gone_says_so(engineer: Client) -> None:
    release = freeze(engineer)
    Release.objects.update(folder="elsewhere")
    page = engineer.get(f"/releases/{release.number}")
    assert page.status_code == 200
    assert "cannot be read" in page.content.decode()
