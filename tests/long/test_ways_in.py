"""The real clips come in whole by each way: folder, files, zip, server, with and without a manifest."""

import base64
import csv
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import boto3
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from accounts.models import User
from annotation.campaigns.campaigns import create_campaign
from annotation.intake.tus import CONTENT_TYPE
from annotation.models import Campaign, Clip, ClipImport
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.factories import make_lead
from tests.support import processes

pytestmark = [pytest.mark.long, pytest.mark.real_clips, pytest.mark.django_db(transaction=True)]

Way = Callable[[Client, Path, Path], None]
IMPORT = "/campaigns/real/import"


def list_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder with their paths, as a browser does for a chosen folder."""
    for path in sorted(folder.rglob("*.*")):
        yield str(path.relative_to(folder.parent)), path.read_bytes()


def send_resumable(client: Client, folder: Path) -> None:
    """Send each file as an upload of its own in two pieces, then import them together."""
    keys = []
    for name, content in list_files(folder):
        metadata = f"relativePath {base64.b64encode(name.encode()).decode()}"
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(content)), "Upload-Metadata": metadata}
        address = client.post("/campaigns/real/uploads", b"", content_type="x/empty", headers=headers)["Location"]
        half = len(content) // 2
        for start, piece in ((0, content[:half]), (half, content[half:])):
            headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(start)}
            assert client.patch(address, piece, content_type=CONTENT_TYPE, headers=headers).status_code == 204
        keys.append(address.rpartition("/")[2])
    client.post(IMPORT, {"uploads": " ".join(keys)})


def drop_folder(client: Client, clips: Path, work: Path) -> None:
    send_resumable(client, clips)


def drop_folders_without_manifest(client: Client, clips: Path, work: Path) -> None:
    bare = work / "bare"
    shutil.copytree(clips, bare)
    (bare / "manifest.csv").unlink()
    send_resumable(client, bare)


def choose_files(client: Client, clips: Path, work: Path) -> None:
    """Choose files of one folder: their names are unique, and the manifest names them without a folder."""
    with (clips / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    sent = []
    for row in rows:
        content = (clips / row["video"]).read_bytes()
        row["video"] = row["video"].replace("/", "--")
        sent.append(SimpleUploadedFile(row["video"], content))
    lines = [",".join(rows[0]), *(",".join(f'"{cell}"' for cell in row.values()) for row in rows)]
    client.post(IMPORT, {"sent": [SimpleUploadedFile("manifest.csv", "\n".join(lines).encode()), *sent]})


def send_zip(client: Client, clips: Path, work: Path) -> None:
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, content in list_files(clips):
            archive.writestr(name, content)
    client.post(IMPORT, {"sent": [SimpleUploadedFile("clips.zip", out.getvalue())]})


def read_from_server(client: Client, clips: Path, work: Path) -> None:
    call_command("import_clips", str(clips / "manifest.csv"), "--campaign", "real", "--workers", "2")


def read_bucket_by_page(client: Client, clips: Path, work: Path) -> None:
    client.post(f"{IMPORT}/bucket", {"address": f"s3://real/{clips.name}"})


def read_bucket_by_command(client: Client, clips: Path, work: Path) -> None:
    call_command("import_clips", f"s3://real/{clips.name}", "--campaign", "real", "--workers", "2")


def read_folder_of_server_without_manifest(client: Client, clips: Path, work: Path) -> None:
    shutil.copytree(clips, work / "bare")
    (work / "bare" / "manifest.csv").unlink()
    call_command("import_clips", str(work / "bare"), "--campaign", "real")


WAYS: list[Way] = [
    drop_folder,
    drop_folders_without_manifest,
    choose_files,
    send_zip,
    read_from_server,
    read_folder_of_server_without_manifest,
]


@pytest.fixture
def lead(transactional_db: None) -> User:
    return make_lead("lena")


@pytest.fixture
def campaign(lead: User) -> Campaign:
    return create_campaign(actor=lead, name="real", title="Real clips")


def run_jobs_of_page(client: Client, clip_import: ClipImport) -> None:
    """Read the rows for the preview, start the import as the page offers, and run it."""
    arguments = {"arguments__clip_import": clip_import.pk}
    jobs.run(Job.objects.get(kind="stage_import", **arguments).pk)
    assert "Import 18 clips" in " ".join(client.get(f"/imports/{clip_import.pk}").content.decode().split())
    client.post(f"/imports/{clip_import.pk}/start")
    job = jobs.run(Job.objects.get(kind="import_clips", **arguments).pk)
    assert job is not None
    assert (job.state, job.result["problems"]) == (JobState.DONE, [])


def read_media(client: Client, clip: Clip, size: int) -> bytes:
    """Return the first bytes of a clip's video, as a player requests them."""
    response = client.get(f"/media/video/{clip.pk}", headers={"Range": f"bytes=0-{size - 1}"})
    assert response.status_code == 206
    return b"".join(response)


def start_and_check(client: Client, campaign: Campaign, clips: Path) -> None:
    """Start the import if it has a preview, and check that each video is a clip that plays."""
    clip_import = ClipImport.objects.get()
    if clip_import.state == ClipImport.State.PREVIEWED:
        run_jobs_of_page(client, clip_import)
    clip_import.refresh_from_db()
    assert clip_import.state == ClipImport.State.DONE
    available = campaign.items.filter(availability="available")
    assert available.count() == Clip.objects.filter(is_ready=True).count() == len(list(clips.rglob("*.mp4"))) == 18
    assert len(set(Clip.objects.values_list("generator", flat=True))) == 4
    for clip in Clip.objects.all():
        assert (Path(settings.MEDIA_ROOT) / clip.poster).stat().st_size > 1000
        assert len(read_media(client, clip, 100)) == 100
    assert list((Path(settings.VAR_DIR) / "uploads").glob("*")) == []


@pytest.fixture
def client_of_lead(lead: User) -> Client:
    client = Client()
    client.force_login(lead)
    return client


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_real_clips_come_in_whole(
    client_of_lead: Client,
    campaign: Campaign,
    real_clips: Path,
    tmp_path: Path,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    processes.let_children_see(monkeypatch)
    way(client_of_lead, real_clips, tmp_path)
    start_and_check(client_of_lead, campaign, real_clips)


def test_the_real_clips_come_in_from_a_folder_of_the_server(
    client_of_lead: Client, campaign: Campaign, real_clips: Path, settings: Settings
) -> None:
    settings.IMPORT_ROOTS = [real_clips.parent]
    client_of_lead.post(f"{IMPORT}/server", {"root": 0, "path": real_clips.name})
    start_and_check(client_of_lead, campaign, real_clips)


@pytest.mark.parametrize("way", [read_bucket_by_page, read_bucket_by_command], ids=lambda way: way.__name__)
def test_the_real_clips_come_in_from_a_bucket(
    client_of_lead: Client,
    campaign: Campaign,
    real_clips: Path,
    tmp_path: Path,
    way: Way,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        settings.S3_ENDPOINT, settings.S3_KEY_ID, settings.S3_SECRET = f"http://{host}:{port}", "key", "secret"
        settings.BUCKET_HOSTS = [host]
        site = {"ENDPOINT": settings.S3_ENDPOINT, "KEY_ID": "key", "SECRET": "secret"}
        for name, value in site.items():
            monkeypatch.setenv(f"QSAVE_S3_{name}", value)
        monkeypatch.setenv("QSAVE_BUCKET_HOSTS", host)
        processes.let_children_see(monkeypatch)
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
        bucket = boto3.resource("s3", endpoint_url=settings.S3_ENDPOINT, **keys).create_bucket(Bucket="real")
        for name, content in list_files(real_clips):
            bucket.put_object(Key=name, Body=content)
        way(client_of_lead, real_clips, tmp_path)
        start_and_check(client_of_lead, campaign, real_clips)
    finally:
        server.stop()
