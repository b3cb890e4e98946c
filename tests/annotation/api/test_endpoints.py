"""The API: tokens, roles, statuses, and errors that name the field."""

import uuid
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from annotation.api.new_imports import get_import_root
from annotation.campaigns import campaigns
from annotation.models import Campaign, Clip, Rating, SavedWork, Slot
from annotation.rating.answers import answers_to_json
from operations import jobs
from tests.annotation import factories
from tests.annotation.api.scripts import post_json

pytestmark = pytest.mark.django_db


def make_submission(slot: dict[str, Any], **changes: Any) -> dict[str, Any]:
    values = {"key": str(uuid.uuid4()), "answers": answers_to_json(factories.make_answers()), "seconds_spent": 9.5}
    return {"item": slot["item"], **values} | changes


def test_a_campaign_is_made_opened_and_seen(lead_script: Client) -> None:
    made = post_json(
        lead_script, "/api/campaigns", {"name": "first", "title": "First", "overlap": 2, "guidelines": "Look."}
    )
    opened = post_json(lead_script, "/api/campaigns/first/state", {"state": "open"})

    assert (made.status_code, made.json()["state"], opened.json()["state"]) == (201, "draft", "open")
    assert lead_script.get("/api/campaigns").json()["results"] == [lead_script.get("/api/campaigns/first").json()]
    assert Campaign.objects.get().guidelines.get().text == "Look."


def test_only_leads_see_the_seed_and_nobody_sees_the_salt(lead_script: Client, rater_script: Client) -> None:
    campaign = factories.make_campaign(seed=417_306)
    for client, sees in ((lead_script, True), (rater_script, False)):
        for url in ("/api/campaigns", f"/api/campaigns/{campaign.name}"):
            text = client.get(url).content.decode()
            assert ("417306" in text and '"seed"' in text) == sees
            assert campaign.salt not in text


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"title": "x"}, "name"),
        ({"name": "not a slug", "title": "x"}, "name"),
        ({"name": "a", "title": "x", "overlap": 0}, "overlap"),
        ({"name": "a", "title": "x", "assisted_share": "NaN"}, "assisted_share"),
        ({"name": "taken", "title": "x"}, "name"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_by_field(lead_script: Client, data: dict[str, Any], field: str) -> None:
    factories.make_campaign(name="taken")

    answer = post_json(lead_script, "/api/campaigns", data)

    assert (answer.status_code, list(answer.json())) == (400, [field])


@pytest.mark.parametrize("body", ["[" * 100_000, '{"name":' * 100_000, "{", '{"name": NaN}', "9" * 5000])
def test_a_body_that_cannot_be_read_is_refused(lead_script: Client, body: str) -> None:
    response = lead_script.post("/api/campaigns", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["detail"]


def test_a_step_that_the_state_does_not_allow_is_a_conflict(lead_script: Client) -> None:
    campaign = factories.make_campaign(state="draft")

    answer = post_json(lead_script, f"/api/campaigns/{campaign.name}/state", {"state": "paused"})

    assert answer.status_code == 409
    assert "open" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/api/campaigns"),
        ("post", "/api/campaigns/{}/state"),
        ("post", "/api/campaigns/{}/import"),
        ("get", "/api/campaigns/{}/items"),
        ("get", "/api/campaigns/{}/ratings"),
    ],
)
def test_requests_of_leads_are_refused_for_annotators_and_strangers(
    rater_script: Client, method: str, path: str
) -> None:
    url = path.format(factories.make_campaign().name)

    assert getattr(rater_script, method)(url).status_code == 403
    assert getattr(Client(), method)(url).status_code == 401


def test_a_script_claims_and_submits_until_nothing_is_left(lead_script: Client, rater_script: Client) -> None:
    campaign = factories.make_campaign(2, assisted_share=0)
    for _ in range(2):
        slot = post_json(rater_script, f"/api/campaigns/{campaign.name}/claim").json()
        answer = post_json(rater_script, f"/api/leases/{slot['lease']}/submit", make_submission(slot))
        assert answer.status_code == 201

    assert post_json(rater_script, f"/api/campaigns/{campaign.name}/claim").status_code == 204
    (first, _) = lead_script.get(f"/api/campaigns/{campaign.name}/ratings").json()["results"]
    assert (first["arm"], first["revision"], first["seconds_spent"]) == ("blind", 1, 9.5)
    assert [(one["axis"], one["score"]) for one in first["answers"]] == [
        ("visual", 3),
        ("dynamic", 3),
        ("alignment", 3),
    ]


def test_a_submit_sent_twice_answers_the_same_and_stores_once(rater_script: Client) -> None:
    campaign = factories.make_campaign(1)
    slot = post_json(rater_script, f"/api/campaigns/{campaign.name}/claim").json()
    data = make_submission(slot)

    answers = [post_json(rater_script, f"/api/leases/{slot['lease']}/submit", data) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json() == {"rating": Rating.objects.get().pk}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"item": "no"}, "item"),
        ({"key": None}, "key"),
        ({"seconds_spent": "long"}, "seconds_spent"),
        ({"answers": {}}, "visual"),
        ({"answers": {"visual": {"score": 6, "no_defect": True, "reason": "x"}}}, "visual.score"),
        ({"viewing": {"x": "y" * 9000}}, "viewing"),
    ],
)
def test_a_submit_that_breaks_a_rule_names_the_field(rater_script: Client, change: dict[str, Any], field: str) -> None:
    campaign = factories.make_campaign(1, assisted_share=0)
    slot = post_json(rater_script, f"/api/campaigns/{campaign.name}/claim").json()

    answer = post_json(rater_script, f"/api/leases/{slot['lease']}/submit", make_submission(slot, **change))

    assert answer.status_code == 400
    assert field in answer.json()
    assert not Rating.objects.exists()


def test_a_lost_slot_is_a_conflict_and_saves_the_answers(rater_script: Client) -> None:
    campaign = factories.make_campaign(1)
    slot = post_json(rater_script, f"/api/campaigns/{campaign.name}/claim").json()
    Slot.objects.filter(lease=slot["lease"]).update(lease=uuid.uuid4())

    answer = post_json(rater_script, f"/api/leases/{slot['lease']}/submit", make_submission(slot))

    assert answer.status_code == 409
    assert "kept" in answer.json()["detail"]
    assert SavedWork.objects.count() == 1


def test_a_slot_is_renewed_skipped_and_handed_back(rater_script: Client) -> None:
    campaign = factories.make_campaign(2)
    slot = post_json(rater_script, f"/api/campaigns/{campaign.name}/claim").json()
    url = f"/api/leases/{slot['lease']}"

    assert post_json(rater_script, f"{url}/renew").json()["lease_expires_at"] >= slot["lease_expires_at"]
    assert post_json(rater_script, f"{url}/hand-back").status_code == 204
    assert post_json(rater_script, f"{url}/renew").status_code == 409
    slot = post_json(rater_script, f"/api/campaigns/{campaign.name}/claim").json()
    skip = {"item": slot["item"], "kind": "broken"}
    assert post_json(rater_script, f"/api/leases/{slot['lease']}/skip", skip).status_code == 204
    assert post_json(rater_script, f"/api/leases/{slot['lease']}/skip", skip | {"kind": "bored"}).status_code == 400


def test_a_draft_comes_in_the_assisted_arm_without_its_scores(rater_script: Client) -> None:
    campaign = factories.make_campaign(1, assisted_share=1)
    item = campaign.items.get()
    factories.store_draft(item.pk, critic="c@1", proposal=factories.make_proposal(2))
    url = f"/api/campaigns/{campaign.name}/claim"

    draft = post_json(rater_script, url).json()["draft"]
    Campaign.objects.update(shows_draft_scores=True)
    draft_with_scores = post_json(rater_script, url).json()["draft"]
    Slot.objects.update(arm="blind")
    blind = post_json(rater_script, url).json()["draft"]

    assert draft["proposal"]["visual"]["reason"] == factories.make_card(2).visual.reason
    assert {axis["score"] for axis in draft["proposal"].values()} == {None}
    assert {axis["score"] for axis in draft_with_scores["proposal"].values()} == {2}
    assert blind is None


def test_items_come_with_their_clip_and_split(lead_script: Client) -> None:
    campaign = factories.make_campaign(3, split="val")

    rows = lead_script.get(f"/api/campaigns/{campaign.name}/items").json()["results"]

    assert [row["split"] for row in rows] == ["val"] * 3
    assert {row["clip_id"] for row in rows} == set(Clip.objects.values_list("clip_id", flat=True))


@pytest.mark.parametrize("clips", [5, 10])
@pytest.mark.parametrize(("kind", "queries"), [("items", 4), ("ratings", 6)])
def test_lists_take_as_many_queries_at_any_length(
    lead_script: Client, clips: int, kind: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = factories.make_campaign(clips)
    for _ in range(2):
        factories.rate_all(factories.make_user(), campaign)

    with django_assert_num_queries(queries):
        lead_script.get(f"/api/campaigns/{campaign.name}/{kind}")


def make_zip(names: dict[str, bytes]) -> SimpleUploadedFile:
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w") as out:
        for name, content in names.items():
            out.writestr(name, content)
    return SimpleUploadedFile("clips.zip", memory.getvalue())


def test_an_uploaded_zip_becomes_clips_through_a_job(lead_script: Client) -> None:
    campaign = factories.make_campaign()
    rows = "video,prompt,generator\na.mp4,a red ball rolls away,toy\n../b.mp4,a blue cube falls,toy\n"
    sent = make_zip({"set/manifest.csv": rows.encode(), "set/a.mp4": factories.make_video(70)})

    answer = lead_script.post(f"/api/campaigns/{campaign.name}/import", {"files": [sent]})
    jobs.run(answer.json()["id"])

    job = lead_script.get(f"/api/jobs/{answer.json()['id']}").json()
    assert (answer.status_code, job["state"], job["result"]["added"]) == (202, "done", 1)
    assert job["result"]["problems"] == [{"row": 2, "reason": "video leads out of the manifest's folder: '../b.mp4'."}]


@pytest.mark.parametrize(
    "names",
    [
        {"../manifest.csv": b"x"},
        {"/etc/manifest.csv": b"x"},
        {"a.txt": b"no manifest"},
    ],
)
def test_a_hostile_or_useless_zip_is_refused_and_leaves_nothing(lead_script: Client, names: dict[str, bytes]) -> None:
    campaign = factories.make_campaign()

    answer = lead_script.post(f"/api/campaigns/{campaign.name}/import", {"files": [make_zip(names)]})

    assert (answer.status_code, list(answer.json())) == (400, ["files"])
    assert not list((Path(settings.VAR_DIR) / "uploads").iterdir())


def test_a_manifest_in_the_import_folder_is_imported_by_its_path(lead_script: Client) -> None:
    campaign = factories.make_campaign()
    folder = get_import_root() / "batch-1"
    factories.write_video(folder / "a.mp4", 75)
    (folder / "m.csv").write_text("video,prompt,generator\na.mp4,a red ball rolls away,toy\n")

    answer = post_json(lead_script, f"/api/campaigns/{campaign.name}/import", {"manifest": "batch-1/m.csv"})
    done = jobs.run(answer.json()["id"])

    assert done is not None
    assert (done.state, done.result["added"]) == ("done", 1)
    assert (folder / "m.csv").exists()


@pytest.mark.parametrize("path", ["../secret_key", "/etc/passwd", "none.csv", "", "a\x00b", "."])
def test_a_manifest_path_outside_the_folder_is_refused(lead_script: Client, path: str) -> None:
    campaign = factories.make_campaign()
    get_import_root().mkdir(parents=True, exist_ok=True)

    answer = post_json(lead_script, f"/api/campaigns/{campaign.name}/import", {"manifest": path})

    assert (answer.status_code, list(answer.json())) == (400, ["manifest"])


def test_a_job_is_seen_by_who_queued_it_and_by_leads(lead_script: Client, rater_script: Client) -> None:
    campaign = factories.make_campaign()
    arguments = {"campaign": campaign.pk, "manifest": "none.csv"}
    job = jobs.enqueue(kind="import_clips", arguments=arguments, actor=factories.make_lead())

    assert lead_script.get(f"/api/jobs/{job.pk}").json()["state"] == "queued"
    assert rater_script.get(f"/api/jobs/{job.pk}").status_code == 404


def test_a_script_fetches_the_clip_that_it_rates_and_no_original(lead_script: Client, rater_script: Client) -> None:
    campaign = factories.make_campaign(state="draft")
    clip = factories.make_clip(video=factories.SHORT_VIDEO)
    campaigns.add_clips(actor=factories.make_lead(), campaign=campaign, clips=[clip])
    assert rater_script.get(f"/api/clips/{clip.pk}/video").status_code == 404
    Campaign.objects.update(state="open")

    answer = rater_script.get(f"/api/clips/{clip.pk}/video", headers={"Range": "bytes=0-9"})

    assert (answer.status_code, answer["Content-Length"]) == (206, "10")
    assert b"".join(answer.streaming_content)[4:8] == b"ftyp"  # type: ignore[attr-defined]
    assert rater_script.get(f"/api/clips/{clip.pk}/original").status_code == 404
    original = lead_script.get(f"/api/clips/{clip.pk}/original")
    assert b"".join(original.streaming_content) == factories.make_video()  # type: ignore[attr-defined]
    assert lead_script.get(f"/api/clips/{clip.pk}/secrets").status_code == 404


def test_the_schema_is_whole_and_shut_to_strangers(rater_script: Client) -> None:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    assert "/api/campaigns/{name}/claim" in out.getvalue()
    assert rater_script.get("/api/schema/").status_code == 200
    assert Client().get("/api/schema/").status_code == 401


def test_nothing_changes_on_get_and_a_browser_session_needs_its_csrf_token() -> None:
    campaign, person = factories.make_campaign(1), factories.make_user()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person)

    assert browser.get(f"/api/campaigns/{campaign.name}/claim").status_code == 405
    assert post_json(browser, f"/api/campaigns/{campaign.name}/claim").status_code == 403
    assert not Slot.objects.exclude(state="free").exists()
