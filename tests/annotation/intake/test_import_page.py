"""Imports of clips in the browser."""

import io
import zipfile
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role, User
from annotation.intake import upload_folders, upload_store
from annotation.models import Campaign, ClipImport
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.factories import make_user, make_video
from tests.annotation.intake.test_tus import create
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
        ({"a_png": b"\x89PNG"}, "no video and no manifest"),
        ({"a_zip": b""}, "cannot be unpacked"),
        ({"one_csv": b"x", "two_csv": b"x"}, "several manifests"),
        ({"manifest_csv": b""}, "manifest.csv\u2069 is empty (0 bytes)"),
        ({}, "Choose videos, a manifest"),
    ],
)
def test_files_that_make_no_import_are_refused_with_the_reason(
    as_lead: Client, empty_campaign: Campaign, files: dict[str, bytes], complaint: str
) -> None:
    page = send_files(as_lead, empty_campaign, **files)
    assert complaint in page.partition('id="id_sent_error"')[2].partition("</ul>")[0]
    assert not Job.objects.exists()
    assert list(upload_folders.get_upload_root().iterdir()) == []


@pytest.mark.parametrize("files", [{"a_mp4": b"x"}, {"a_zip": make_zip(a_mp4=b"x")}])
def test_the_page_asks_for_the_generator_of_videos_in_no_folder(
    as_lead: Client, empty_campaign: Campaign, files: dict[str, bytes]
) -> None:
    page = send_files(as_lead, empty_campaign, **files)
    assert "Name the generator" in page.partition('id="id_generator_error"')[2].partition("</ul>")[0]
    sent = [SimpleUploadedFile(name.replace("_", "."), content) for name, content in files.items()]
    as_lead.post(f"/campaigns/{empty_campaign.name}/import", {"sent": sent, "generator": "wan-2"})
    jobs.run(Job.objects.get(kind="stage_import").pk)  # it unpacks a zip
    assert ClipImport.objects.get().name == "wan-2"


def upload(client: Client, campaign: Campaign, path: str, content: bytes, length: int | None = None) -> str:
    """Upload a file by tus and return its key."""
    response = create(client, campaign, len(content) if length is None else length, path, content)
    return str(response.headers["Location"]).rpartition("/")[2]


def send_uploads(client: Client, campaign: Campaign, *keys: str, generator: str = "") -> str:
    values = {"uploads": " ".join(keys), "generator": generator}
    return client.post(f"/campaigns/{campaign.name}/import", values, follow=True).content.decode()


def test_uploaded_files_keep_their_paths_and_become_clips(
    as_lead: Client, empty_campaign: Campaign, lead: User
) -> None:
    contents = {"wan/P-0.mp4": make_video(60), "sora/P-0.mp4": make_video(90), "sora/P-0.txt": b"a red fox"}
    names = ["wan&seed=3&reg=0.mp4", "夜\u202fの\u00a0街 seed=5-1.mp4"]
    contents |= {f"wan/{name}": make_video(110 + 20 * number) for number, name in enumerate(names)}
    keys = [upload(as_lead, empty_campaign, path, content) for path, content in contents.items()]

    send_uploads(as_lead, empty_campaign, *keys)

    assert "There is no manifest. The folder of each video is its generator." in ClipImport.objects.get().notes
    assert run_upload(as_lead).name == "sora, wan"
    clips = empty_campaign.items.values_list("clip__generator", "clip__prompt", "clip__seed")
    assert sorted(clips) == [
        ("sora", "a red fox", ""),
        ("wan", "P", ""),
        ("wan", "wan", "3"),
        ("wan", "夜 の 街", "5"),
    ]
    assert upload_store.list_uploads(lead, empty_campaign) == []


def test_after_a_refusal_the_uploads_are_there_still(as_lead: Client, empty_campaign: Campaign, lead: User) -> None:
    keys = [upload(as_lead, empty_campaign, "a.mp4", b"x"), upload(as_lead, empty_campaign, "b.mp4", b"y")]
    assert "Name the generator" in send_uploads(as_lead, empty_campaign, *keys)
    assert len(upload_store.list_uploads(lead, empty_campaign)) == 2
    assert list(upload_folders.get_upload_root().iterdir()) == []
    send_uploads(as_lead, empty_campaign, *keys, generator="wan-2")
    assert ClipImport.objects.count() == 1


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a/x.mp4": b"12", "a/x.mp4/y.mp4": b"12"}, "Two files, or a file and a folder, are named"),
        ({"a/x.mp4": b"12", "./a/x.mp4": b"12"}, "Two files, or a file and a folder, are named"),
        ({"a/x.zip": b"PK\x03\x04"}, "cannot be unpacked"),
        ({"a/one.csv": b"x", "a/two.csv": b"x"}, "several manifests"),
        ({"notes.md": b"x"}, "no video and no manifest"),
    ],
)
def test_uploads_that_make_no_import_are_refused_with_the_reason(
    as_lead: Client, empty_campaign: Campaign, files: dict[str, bytes], complaint: str
) -> None:
    keys = [upload(as_lead, empty_campaign, path, content) for path, content in files.items()]
    page = send_uploads(as_lead, empty_campaign, *keys)
    assert complaint in page.partition('id="id_sent_error"')[2].partition("</ul>")[0]
    assert list(upload_folders.get_upload_root().iterdir()) == []
    assert not ClipImport.objects.exists()


def test_an_upload_that_has_not_arrived_or_is_another_persons_is_refused(
    as_lead: Client, empty_campaign: Campaign
) -> None:
    half, whole = (upload(as_lead, empty_campaign, "s/a.mp4", b"x", length) for length in (2, 1))
    assert "has not arrived completely" in send_uploads(as_lead, empty_campaign, half)
    as_lead.force_login(make_user("lotte", role=Role.LEAD))
    assert "does not exist any more" in send_uploads(as_lead, empty_campaign, whole)
    assert "does not exist any more" in send_uploads(as_lead, empty_campaign, "../1/about.json")


def test_a_zip_among_uploads_is_unpacked_in_its_folder(as_lead: Client, empty_campaign: Campaign) -> None:
    with_manifest = make_zip(manifest_csv=MANIFEST, a_mp4=b"x", inner_zip=make_zip(b_mp4=b"x"))
    send_uploads(as_lead, empty_campaign, upload(as_lead, empty_campaign, "batch/all.zip", with_manifest))
    jobs.run(Job.objects.get(kind="stage_import").pk)
    clip_import = ClipImport.objects.get()
    assert (clip_import.name, sorted(path.name for path in Path(clip_import.videos).iterdir())) == (
        "manifest.csv",
        ["a.mp4", "inner.zip", "manifest.csv"],
    )


def test_unfinished_uploads_are_shown_and_discarded(as_lead: Client, empty_campaign: Campaign, lead: User) -> None:
    path = f"/campaigns/{empty_campaign.name}/import"
    upload(as_lead, empty_campaign, "sora/a.mp4", b"x" * 10, 30)
    page = collapse_space(as_lead.get(path).content.decode())
    assert "1 file of an earlier upload is here (10 bytes of 30 bytes)." in page
    assert '"path": "sora/a.mp4", "size": 30, "modified": "", "offset": 10' in page
    assert "Uploaded files discarded." in as_lead.post(f"{path}/discard", follow=True).content.decode()
    assert upload_store.list_uploads(lead, empty_campaign) == []


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
