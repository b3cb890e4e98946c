"""Imports of clips in the browser."""

import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from annotation.intake import upload_folders
from annotation.models import Campaign, ClipImport
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.factories import make_user, make_video
from tests.support.markup import collapse_space

MANIFEST = b"video,prompt,generator\na.mp4,a red fox,gen-1\nmissing.mp4,a blue fox,gen-1\n"


def make_zip(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


def send_files(client: Client, campaign: Campaign, **files: bytes) -> str:
    """Send files and return the page; the argument `a_mp4` is the file a.mp4."""
    sent = [SimpleUploadedFile(name.replace("_", "."), content) for name, content in files.items()]
    return client.post(f"/campaigns/{campaign.name}/import", {"sent": sent}, follow=True).content.decode()


def run_upload(client: Client) -> ClipImport:
    """Run the jobs of the last upload: read its rows, start it as its preview offers, and import."""
    clip_import = ClipImport.objects.latest("pk")
    assert jobs.run(Job.objects.get(kind="stage_import", arguments__clip_import=clip_import.pk).pk) is not None
    assert "What each column becomes" in client.get(f"/imports/{clip_import.pk}").content.decode()
    client.post(f"/imports/{clip_import.pk}/start")
    assert jobs.run(Job.objects.get(kind="import_clips", arguments__clip_import=clip_import.pk).pk) is not None
    return clip_import


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_manifest_with_its_videos_is_imported_by_a_job_and_bad_rows_are_named(
    as_lead: Client, empty_campaign: Campaign, as_zip: bool
) -> None:
    video = make_video()
    if as_zip:
        send_files(as_lead, empty_campaign, all_zip=make_zip(batch__manifest_csv=MANIFEST, batch__a_mp4=video))
    else:
        send_files(as_lead, empty_campaign, manifest_csv=MANIFEST, a_mp4=video)
    clip_import = run_upload(as_lead)
    assert empty_campaign.items.get().clip.prompt == "a red fox"
    page = collapse_space(as_lead.get(f"/campaigns/{empty_campaign.name}").content.decode())
    assert "1 imported, 0 already here, 1 skipped" in page
    page = collapse_space(as_lead.get(f"/imports/{clip_import.pk}").content.decode())
    assert "video does not exist: &#x27;missing.mp4&#x27;" in page
    assert "The clips are in 1 prompt group." in page
    split = empty_campaign.items.get().clip.prompt_group.split
    for other in ("val", "test"):
        assert (f"The split {other} is empty." in page) == (other != split)
    assert list(upload_folders.get_upload_root().iterdir()) == []


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a_mp4": b"x"}, "Name the generator"),
        ({"a_png": b"\x89PNG"}, "no video and no manifest"),
        ({"a_zip": b""}, "cannot be unpacked"),
        ({"one_csv": b"x", "two_csv": b"x"}, "several manifests"),
        ({"a_zip": make_zip(a_mp4=b"x")}, "Name the generator"),
        ({"manifest_csv": b""}, "manifest.csv\u2069 is empty (0 bytes)"),
        ({}, "Choose a manifest"),
    ],
)
def test_files_that_make_no_import_are_refused_with_the_reason(
    as_lead: Client, empty_campaign: Campaign, files: dict[str, bytes], complaint: str
) -> None:
    page = send_files(as_lead, empty_campaign, **files)
    assert complaint in page.partition('id="id_sent_error"')[2].partition("</ul>")[0]
    assert not Job.objects.exists()
    assert list(upload_folders.get_upload_root().iterdir()) == []


def test_a_manifest_with_120_files_is_one_upload(as_lead: Client, empty_campaign: Campaign) -> None:
    """Django's own limit is 100."""
    rows = [f"{number}.mp4,prompt {number},gen-1" for number in range(120)]
    manifest = SimpleUploadedFile("m.csv", "\n".join(["video,prompt,generator", *rows]).encode())
    files = [SimpleUploadedFile(f"{number}.mp4", b"x") for number in range(120)]
    as_lead.post(f"/campaigns/{empty_campaign.name}/import", {"sent": [manifest, *files]})
    assert len(list(Path(ClipImport.objects.get().manifest).parent.iterdir())) == 121
    run_upload(as_lead)


def test_a_name_that_django_changes_on_its_way_is_found(as_lead: Client, empty_campaign: Campaign) -> None:
    name = "wan&seed=3&reg=0.mp4"
    manifest = SimpleUploadedFile("m.csv", f"video,prompt,generator\n{name},a fox,wan\n".encode())
    sent = [manifest, SimpleUploadedFile(name, make_video())]
    as_lead.post(f"/campaigns/{empty_campaign.name}/import", {"sent": sent})
    run_upload(as_lead)
    assert empty_campaign.items.get().clip.generator == "wan"


def test_a_job_is_shown_to_who_queued_it_and_to_leads_only(as_lead: Client) -> None:
    ada, bob = make_user("ada"), make_user("bob")
    job = Job.objects.create(kind="import_clips", created_by=ada, state=JobState.RUNNING, progress=0.5, message="<i>")
    as_lead.force_login(ada)
    page = as_lead.get(f"/jobs/{job.pk}").content.decode()
    assert "50%" in page
    assert "&lt;i&gt;" in page
    assert f'hx-get="/jobs/{job.pk}"' in page
    as_lead.force_login(bob)
    assert as_lead.get(f"/jobs/{job.pk}").status_code == 404


def test_a_finished_job_stops_polling_and_reloads_the_page(as_lead: Client, empty_campaign: Campaign) -> None:
    job = Job.objects.create(kind="import_clips", state=JobState.DONE)
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/campaigns/{empty_campaign.name}"}
    page = collapse_space(as_lead.get(f"/jobs/{job.pk}", headers=headers).content.decode())
    assert "every 1s" not in page
    assert f'hx-get="/campaigns/{empty_campaign.name}" hx-trigger="load, every 2s"' in page
