"""Imports from a bucket: moto's server stands in for an S3-compatible service."""

from collections.abc import Iterator
from hashlib import sha256
from io import StringIO
from typing import Any

import boto3
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from accounts.models import User
from annotation.intake import buckets, row_work
from annotation.intake.archives import UploadRefused
from annotation.intake.bucket_videos import BucketFolder, explain_row
from annotation.intake.buckets import BucketAddress
from annotation.intake.manifests import RowRefused
from annotation.intake.upload_folders import delete_files
from annotation.intake.video_folder import BucketStopped
from annotation.models import Campaign, ClipImport
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.api.scripts import make_script, post_json
from tests.annotation.factories import make_lead, make_video
from tests.annotation.intake.test_import_page import run_upload

SECRET = "a-secret-that-is-nowhere"
ADDRESSES = {
    "videos/batch": "is not the address of a bucket",
    "https://videos.example.org/batch": "is not the address of a bucket",
    "s3://": "is not the address of a bucket",
    "s3://a b/c": "is not the address of a bucket",
    "s3://none/batch": "There is no",
    "s3://videos/empty": "There is nothing at",
}
"""Addresses with nothing to import, and words of their refusals."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, settings: Settings) -> Any:
    """An open bucket `videos` with a batch of two generators."""
    settings.S3_ENDPOINT, settings.S3_KEY_ID, settings.S3_SECRET = endpoint, "key", SECRET
    settings.BUCKET_HOSTS = ["127.0.0.1"]
    service = boto3.resource(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key=SECRET, region_name="us-east-1"
    )
    bucket = service.create_bucket(Bucket="videos")
    bucket.objects.all().delete()
    for name, content in {
        "batch/sora/P-0.mp4": make_video(60),
        "batch/sora/P-0.txt": b"a red fox",
        "batch/wan/a_blue_fox-0.mp4": make_video(90),
        "other/x.mp4": b"x",
    }.items():
        bucket.put_object(Key=name, Body=content)
    return bucket


def send_address(client: Client, campaign: Campaign, address: str, **more: str) -> str:
    values = {"address": address} | more
    return client.post(f"/campaigns/{campaign.name}/import/bucket", values, follow=True).content.decode()


def read_complaint(page: str) -> str:
    return page.partition('id="id_address_error"')[2].partition("</ul>")[0]


def test_a_bucket_without_a_manifest_is_imported(as_lead: Client, empty_campaign: Campaign, bucket: Any) -> None:
    send_address(as_lead, empty_campaign, "s3://videos/batch")
    clip_import = run_upload(as_lead)
    assert (clip_import.name, clip_import.videos) == ("sora, wan", "s3://videos/batch/")
    clips = empty_campaign.items.values_list("clip__generator", "clip__prompt")
    assert sorted(clips) == [("sora", "a red fox"), ("wan", "a blue fox")]


def run_command(campaign: Campaign, address: str, *more: str) -> None:
    call_command("import_clips", address, "--campaign", campaign.name, *more, stdout=StringIO(), stderr=StringIO())


def test_the_command_imports_a_bucket(as_lead: Client, empty_campaign: Campaign, bucket: Any) -> None:
    run_command(empty_campaign, "s3://videos/batch")
    clip_import = ClipImport.objects.get()
    assert (clip_import.name, clip_import.source, clip_import.state) == ("sora, wan", "bucket", "done")
    assert empty_campaign.items.count() == 2


def test_the_command_refuses_an_address_as_the_page_does(
    as_lead: Client, empty_campaign: Campaign, bucket: Any, settings: Settings
) -> None:
    for address, words in ADDRESSES.items():
        if address.startswith("s3://"):
            with pytest.raises(CommandError, match=words):
                run_command(empty_campaign, address)
    with pytest.raises(CommandError, match="leave --videos out"):
        run_command(empty_campaign, "s3://videos/batch", "--videos", "/")
    settings.BUCKET_HOSTS = []
    with pytest.raises(CommandError, match="QSAVE_BUCKET_HOSTS"):
        run_command(empty_campaign, "s3://videos/batch")
    assert not ClipImport.objects.exists()


def test_a_script_imports_a_bucket_and_is_refused_as_the_page_is(
    lead: User, empty_campaign: Campaign, bucket: Any
) -> None:
    script, address = make_script(lead), f"/api/campaigns/{empty_campaign.name}/import/bucket"
    for name, words in ADDRESSES.items():
        refusal = post_json(script, address, {"address": name})
        assert (refusal.status_code, words in refusal.json()["address"][0]) == (400, True)
    refusal = post_json(script, address, {"address": "s3://videos/batch/sora/", "generator": "x" * 121})
    assert (refusal.status_code, list(refusal.json())) == (400, ["generator"])

    answer = post_json(script, address, {"address": "s3://videos/batch"})

    assert answer.status_code == 202, answer.content
    jobs.run(answer.json()["id"])
    assert script.get(f"/api/imports/{answer.json()['import']}").json()["counts"] == {"added": 2}
    previewed = post_json(script, address, {"address": "s3://videos/batch", "preview": True})
    assert script.get(f"/api/imports/{previewed.json()['import']}").json()["state"] == "previewed"


def test_a_manifest_in_the_bucket_is_read_and_a_missing_video_costs_its_row(
    as_lead: Client, empty_campaign: Campaign, bucket: Any
) -> None:
    rows = b"video,prompt,generator\nsora/P-0.mp4,a fox,s\nnone.mp4,a fox,s\n../other/x.mp4,a fox,s\n"
    bucket.put_object(Key="batch/clips.csv", Body=rows)
    send_address(as_lead, empty_campaign, "s3://videos/batch/")
    assert run_upload(as_lead).name == "clips.csv"
    assert empty_campaign.items.count() == 1
    reasons = ClipImport.objects.get().rows.filter(state="refused").values_list("reason", flat=True)
    assert sorted(reason.partition(":")[0] for reason in reasons) == [
        "video does not exist in the bucket",
        "video leads out of the bucket's folder",
    ]


def test_a_bucket_that_stops_in_the_middle_is_resumed(
    as_lead: Client, empty_campaign: Campaign, bucket: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IMPORT_WORKERS = 0
    monkeypatch.setattr(row_work, "CLAIM_SIZE", 1)
    send_address(as_lead, empty_campaign, "s3://videos/batch")
    clip_import = ClipImport.objects.get()
    jobs.run(Job.objects.get(kind="stage_import").pk)
    as_lead.post(f"/imports/{clip_import.pk}/start")
    download = BucketFolder._download

    def stop_at_the_second(self: BucketFolder, name: str, target: Any) -> None:
        if "wan" in name:
            raise ConnectionResetError
        download(self, name, target)

    monkeypatch.setattr(BucketFolder, "_download", stop_at_the_second)
    jobs.run(Job.objects.get(kind="import_clips").pk)
    clip_import.refresh_from_db()
    assert (clip_import.state, empty_campaign.items.count()) == ("failed", 1)
    assert clip_import.error == (
        "The bucket does not answer. Correct that, then resume the import. Its clips so far are in."
    )
    monkeypatch.setattr(BucketFolder, "_download", download)
    as_lead.post(f"/imports/{clip_import.pk}/start")
    jobs.run(Job.objects.get(kind="import_clips", state=JobState.QUEUED).pk)
    assert empty_campaign.items.count() == 2


def test_changed_videos_of_a_bucket_go_to_their_own_clips(
    as_lead: Client, empty_campaign: Campaign, bucket: Any
) -> None:
    rows = b"video,prompt,generator,clip_id\nsora/P-0.mp4,a fox,s,one\nwan/a_blue_fox-0.mp4,a cat,w,two\n"
    bucket.put_object(Key="batch/clips.csv", Body=rows)
    run_command(empty_campaign, "s3://videos/batch")
    contents = {"one": make_video(130), "two": make_video(150)}
    for name, content in zip(("sora/P-0", "wan/a_blue_fox-0"), contents.values(), strict=True):
        bucket.put_object(Key=f"batch/{name}.mp4", Body=content)

    run_command(empty_campaign, "s3://videos/batch", "--apply-changes")

    hashes = dict(empty_campaign.items.values_list("clip__clip_id", "clip__sha256"))
    assert hashes == {name: sha256(content).hexdigest() for name, content in contents.items()}


@pytest.mark.parametrize(("address", "words"), ADDRESSES.items())
def test_an_address_with_nothing_to_import_is_refused_in_words(
    as_lead: Client, empty_campaign: Campaign, bucket: Any, address: str, words: str
) -> None:
    page = send_address(as_lead, empty_campaign, address)
    assert words in read_complaint(page)
    assert SECRET not in page
    assert not ClipImport.objects.exists()


@pytest.mark.parametrize(
    ("code", "row", "words"),
    [
        ("AccessDenied", RowRefused, "may not be read with the site's keys"),
        ("403", RowRefused, "may not be read with the site's keys"),
        ("404", RowRefused, "does not exist in the bucket"),
        ("SlowDown", BucketStopped, "does not answer"),
    ],
)
def test_a_refusal_of_the_bucket_is_a_sentence_of_ours(code: str, row: type[Exception], words: str) -> None:
    error = Exception("the service's own words")
    error.response = {"Error": {"Code": code, "Message": "the service's own words"}}  # type: ignore[attr-defined]
    explained = explain_row(error, "a.mp4")
    assert isinstance(explained, row)
    assert words in str(explained)
    assert "own words" not in str(explained) + buckets._describe(error, "a.mp4")


@pytest.mark.django_db
def test_what_a_killed_process_downloaded_is_deleted_with_the_files_of_its_import(bucket: Any) -> None:
    clip_import = ClipImport.objects.create(
        created_by=make_lead(), source=ClipImport.Source.BUCKET, videos="s3://videos/batch/"
    )
    videos = row_work.open_videos(clip_import)  # its folder is deleted with it
    download = videos.find("sora/P-0.mp4")
    assert download.exists()
    delete_files(clip_import)
    assert not download.parent.exists()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Denied", "/srv/a")])
def test_an_error_of_the_disk_is_not_blamed_on_the_bucket(error: OSError) -> None:
    assert explain_row(error, "a.mp4") is error


def test_a_private_host_has_to_be_named_by_the_operator(bucket: Any, settings: Settings) -> None:
    settings.BUCKET_HOSTS = []
    with pytest.raises(UploadRefused, match="QSAVE_BUCKET_HOSTS"):
        buckets.list_names(BucketAddress.parse("s3://videos/batch"))


def test_without_keys_the_page_says_who_can_open_a_bucket(as_lead: Client, empty_campaign: Campaign) -> None:
    assert "QSAVE_S3_KEY_ID" in as_lead.get(f"/campaigns/{empty_campaign.name}/import/bucket").content.decode()
    assert "QSAVE_S3_KEY_ID" in send_address(as_lead, empty_campaign, "s3://videos/batch")


def test_only_leads_import_from_buckets(as_rater: Client, empty_campaign: Campaign) -> None:
    assert as_rater.get(f"/campaigns/{empty_campaign.name}/import/bucket").status_code == 403
