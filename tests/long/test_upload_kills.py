"""A web server that is killed in the middle of an upload: what arrived stays, and the upload continues from there."""

import base64
import http.client
import os
import random
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from annotation.campaigns.campaigns import create_campaign
from annotation.intake.tus import CONTENT_TYPE
from annotation.intake.upload_store import Upload, find_upload
from annotation.models import ClipImport
from operations import jobs
from operations.launcher import build_web_command
from operations.models import Job
from tests.annotation import factories
from tests.support import processes
from tests.support.services import find_free_port, is_listening
from tests.support.speed import allow
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]

MEGABYTE = 1024**2
KILLS = 3
TOKEN = "a" * 32


@dataclass(frozen=True, slots=True)
class Sender:
    """A signed-in browser that sends a file by the tus protocol."""

    port: int
    session: str

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Mapping[str, str]:
        """Send a request and return the headers of its answer."""
        connection = self.open(method, path, len(body), **headers)
        with closing(connection):
            connection.send(body)
            response = connection.getresponse()
            response.read()
            assert response.status < 400, response.status
            return dict(response.getheaders())

    def open(self, method: str, path: str, length: int, **headers: str) -> http.client.HTTPConnection:
        """Send the headers of a request whose body follows."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=allow(30))
        connection.putrequest(method, path)
        given = {"Tus-Resumable": "1.0.0", "Content-Length": str(length), "X-CSRFToken": TOKEN}
        given |= {"Cookie": f"sessionid={self.session}; csrftoken={TOKEN}"}
        for name, value in (given | {name.replace("_", "-"): value for name, value in headers.items()}).items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection

    def create(self, name: str, length: int) -> str:
        """Create an upload and return its path on the site."""
        metadata = f"relativePath {base64.b64encode(name.encode()).decode()}"
        headers = self.send("POST", "/campaigns/sent/uploads", Upload_Length=str(length), Upload_Metadata=metadata)
        return headers["Location"]

    def read_offset(self, path: str) -> int:
        return int(self.send("HEAD", path)["Upload-Offset"])


@contextmanager
def run_site(port: int, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with processes.python(*build_web_command("127.0.0.1", port)[1:], log=log) as web:
        wait_until(lambda: is_listening(port) or web.poll() is not None, what="the site")
        yield web
        web.terminate()
        web.wait()


def kill_all(web: "subprocess.Popen[bytes]", port: int) -> None:
    workers = [int(child) for child in Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text().split()]
    for pid in (web.pid, *workers):
        os.kill(pid, signal.SIGKILL)
    web.wait()
    wait_until(lambda: not is_listening(port), what="the end of the workers")


def has_more_than(upload: Upload, size: int) -> bool:
    return upload.offset > size


def sign_in(lead: User) -> str:
    client = Client()
    client.force_login(lead)
    return client.cookies["sessionid"].value


def test_an_upload_continues_where_a_killed_server_left_it(tmp_path: Path) -> None:
    lead, port = factories.make_lead(), find_free_port()
    campaign = create_campaign(actor=lead, name="sent", title="Sent")
    video = factories.make_video()
    padding = random.Random(1).randbytes(4 * (KILLS + 1) * MEGABYTE)
    content = video + len(padding).to_bytes(4, "big") + b"free" + padding[8:]
    sender = Sender(port, sign_in(lead))
    with run_site(port, tmp_path / "web"):
        path = sender.create("wan/a_red_fox.mp4", len(content))
    upload = find_upload(lead, path.rpartition("/")[2])
    for _ in range(KILLS):
        start = upload.offset
        with run_site(port, tmp_path / "web") as web:
            assert sender.read_offset(path) == start
            headers = {"Content_Type": CONTENT_TYPE, "Upload_Offset": str(start)}
            with closing(sender.open("PATCH", path, len(content) - start, **headers)) as connection:
                connection.send(content[start : start + 3 * MEGABYTE])
                wait_until(partial(has_more_than, upload, start), what="the first bytes")
                kill_all(web, port)
        assert start < upload.offset <= start + 3 * MEGABYTE
        assert upload.content.read_bytes() == content[: upload.offset]
    with run_site(port, tmp_path / "web"):
        start = sender.read_offset(path)
        sender.send("PATCH", path, content[start:], Content_Type=CONTENT_TYPE, Upload_Offset=str(start))
    assert upload.content.read_bytes() == content

    client = Client()
    client.force_login(lead)
    client.post("/campaigns/sent/import", {"uploads": upload.key})
    jobs.run(Job.objects.get(kind="stage_import").pk)
    client.post(f"/imports/{ClipImport.objects.get().pk}/start")
    jobs.run(Job.objects.get(kind="import_clips").pk)

    clip = campaign.items.get().clip
    assert (Path(settings.MEDIA_ROOT) / clip.original).read_bytes() == content
