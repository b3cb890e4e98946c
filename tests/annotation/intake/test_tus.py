"""Resumable uploads, request by request."""

import base64
import json
import os
import shutil
import time
from collections.abc import Iterator
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role, User
from annotation.intake import tus, upload_store
from annotation.models import Campaign
from tests.annotation.factories import make_user

pytestmark = pytest.mark.django_db
BODY = tus.CONTENT_TYPE
TEN = b"0123456789"


def encode(**metadata: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in metadata.items())


def create(
    client: Client, campaign: Campaign, length: object = 10, path: str = "sora/P-0.mp4", body: bytes = b"", **more: Any
) -> Any:
    """Create an upload, with its first bytes if there are some."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(length), "Upload-Metadata": encode(relativePath=path)}
    kind = BODY if body else "application/x-empty"
    return client.post(f"/campaigns/{campaign.name}/uploads", body, content_type=kind, headers=headers | more)


def patch(client: Client, address: str, offset: object, body: bytes, **more: str) -> Any:
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)} | more
    return client.patch(address, body, content_type=BODY, headers=headers)


def head(client: Client, address: str) -> Any:
    return client.head(address, headers={"Tus-Resumable": "1.0.0"})


def read_state(response: Any) -> tuple[int, str | None]:
    return response.status_code, response.headers.get("Upload-Offset")


def read_words(response: Any) -> str:
    return str(json.loads(response.content)["message"])


def list_folders() -> list[Path]:
    root = Path(upload_store._get_root())
    return [folder for person in root.iterdir() for folder in person.iterdir()] if root.exists() else []


def test_the_site_says_what_it_speaks(as_lead: Client, empty_campaign: Campaign) -> None:
    response = as_lead.options(f"/campaigns/{empty_campaign.name}/uploads")
    assert response.status_code == 204
    assert {name: response.headers[name] for name in ("Tus-Version", "Tus-Extension", "Tus-Max-Size")} == {
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,creation-with-upload,expiration,termination",
        "Tus-Max-Size": str(50 * 1024**3),
    }


def test_a_file_arrives_in_pieces_and_is_discarded(as_lead: Client, empty_campaign: Campaign, lead: User) -> None:
    created = create(as_lead, empty_campaign)
    address = created.headers["Location"]
    assert read_state(created) == (201, "0")
    assert read_state(patch(as_lead, address, 0, TEN[:4])) == (204, "4")
    assert read_state(head(as_lead, address)) == (200, "4")
    assert head(as_lead, address).headers["Upload-Length"] == "10"
    assert head(as_lead, address).headers["Cache-Control"] == "no-store"
    assert head(as_lead, address).headers["Upload-Expires"].endswith("GMT")
    assert read_state(patch(as_lead, address, 4, TEN[4:])) == (204, "10")
    upload = upload_store.find_upload(lead, address.rpartition("/")[2])
    assert upload.is_complete
    assert upload.content.read_bytes() == TEN
    assert as_lead.delete(address, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert head(as_lead, address).status_code == 404
    assert list_folders() == []


def test_the_first_request_may_bring_the_bytes(as_lead: Client, empty_campaign: Campaign) -> None:
    assert read_state(create(as_lead, empty_campaign, body=TEN)) == (201, "10")
    assert read_state(create(as_lead, empty_campaign, body=TEN[:3])) == (201, "3")
    assert read_state(create(as_lead, empty_campaign, 0)) == (201, "0")


def test_a_client_without_the_method_patch_names_it_in_a_header(as_lead: Client, empty_campaign: Campaign) -> None:
    address = create(as_lead, empty_campaign).headers["Location"]
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert read_state(as_lead.post(address, TEN, content_type=BODY, headers=headers)) == (204, "10")
    headers["X-HTTP-Method-Override"] = "DELETE"
    assert as_lead.get(address, headers=headers).status_code == 405
    assert as_lead.post(address, headers={"Tus-Resumable": "1.0.0"}).status_code == 405
    assert head(as_lead, address).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"Tus-Resumable": ""}, 412, "1.0.0"),
        ({"Tus-Resumable": "0.2.2"}, 412, "1.0.0"),
        ({"Upload-Length": ""}, 400, "Upload-Length must be a whole number"),
        ({"Upload-Length": "-1"}, 400, "Upload-Length must be a whole number"),
        ({"Upload-Length": "٣"}, 400, "Upload-Length must be a whole number"),
        ({"Upload-Length": str(50 * 1024**3 + 1)}, 413, "more than 50 GB"),
        ({"Upload-Length": "9" * 19}, 413, "more than 50 GB"),
        ({"Upload-Metadata": "relativePath !"}, 400, "Upload-Metadata cannot be read"),
        ({"Upload-Metadata": "relativePath /w=="}, 400, "Upload-Metadata cannot be read"),
        ({"Upload-Metadata": ""}, 400, "leads out"),
    ],
)
def test_a_bad_start_is_refused_in_words(
    as_lead: Client, empty_campaign: Campaign, headers: dict[str, Any], status: int, words: str
) -> None:
    response = create(as_lead, empty_campaign, **headers)
    assert response.status_code == status
    assert words in read_words(response)
    assert list_folders() == []


@pytest.mark.parametrize(
    "path", ["../a.mp4", "/etc/passwd", "a/../../b.mp4", "c:/a.mp4", "a\\..\\..\\b.mp4", "nul\0.mp4", ".", "", "a/"]
)
def test_a_name_that_leads_outside_is_refused(as_lead: Client, empty_campaign: Campaign, path: str) -> None:
    response = create(as_lead, empty_campaign, path=path)
    assert response.status_code == 400
    assert "leads out of the chosen folder" in read_words(response)


def test_a_path_of_a_thousand_letters_and_more_is_refused(as_lead: Client, empty_campaign: Campaign) -> None:
    response = create(as_lead, empty_campaign, path="a/" * 600 + "b.mp4")
    assert (response.status_code, "too long for a path" in read_words(response)) == (400, True)


@pytest.mark.parametrize(
    "path", ["wan&seed=3&reg=0.mp4", "夜\u202fの\u00a0街.mp4", "sora\\P-0.mp4", "2026-01-02T10:20:30.mp4", "..a.mp4"]
)
def test_any_other_name_is_data(as_lead: Client, lead: User, empty_campaign: Campaign, path: str) -> None:
    create(as_lead, empty_campaign, path=path)
    assert [one.about.path for one in upload_store.list_uploads(lead, empty_campaign)] == [path.replace("\\", "/")]
    assert {path.name for folder in list_folders() for path in folder.iterdir()} == {"bytes", "about.json"}


@pytest.mark.parametrize(
    ("offset", "body", "status", "words"),
    [
        (0, TEN, 409, "continues at byte 4"),
        (5, TEN[5:], 409, "continues at byte 4"),
        (4, TEN, 413, "more bytes than announced"),
        ("x", TEN[4:], 400, "Upload-Offset must be a whole number"),
    ],
)
def test_bytes_that_do_not_fit_are_refused_and_change_nothing(
    as_lead: Client, empty_campaign: Campaign, offset: object, body: bytes, status: int, words: str
) -> None:
    address = create(as_lead, empty_campaign, body=TEN[:4]).headers["Location"]
    response = patch(as_lead, address, offset, body)
    assert response.status_code == status
    assert words in read_words(response)
    assert read_state(head(as_lead, address)) == (200, "4")


def test_bytes_of_another_type_are_refused(as_lead: Client, empty_campaign: Campaign) -> None:
    address = create(as_lead, empty_campaign).headers["Location"]
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    assert as_lead.patch(address, TEN, content_type="video/mp4", headers=headers).status_code == 415


def test_two_requests_do_not_write_at_once(as_lead: Client, lead: User, empty_campaign: Campaign) -> None:
    address = create(as_lead, empty_campaign).headers["Location"]
    upload = upload_store.find_upload(lead, address.rpartition("/")[2])

    def write_while_another_writes() -> Iterator[bytes]:
        assert patch(as_lead, address, 5, TEN[5:]).status_code == 423
        yield TEN[:5]

    upload_store.append(upload, 0, write_while_another_writes())
    assert read_state(patch(as_lead, address, 5, TEN[5:])) == (204, "10")


def test_a_full_disk_is_said_and_what_arrived_stays(
    as_lead: Client, empty_campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = create(as_lead, empty_campaign, body=TEN[:4]).headers["Location"]

    def fail(*_: object) -> None:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(upload_store, "_write", fail)
    response = patch(as_lead, address, 4, TEN[4:])
    assert response.status_code == 507
    assert "has no room for \u2068sora/P-0.mp4\u2069" in read_words(response)
    monkeypatch.undo()
    assert read_state(patch(as_lead, address, 4, TEN[4:])) == (204, "10")


def test_a_file_larger_than_the_disk_is_refused_at_once(
    as_lead: Client, empty_campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=9))
    assert create(as_lead, empty_campaign).status_code == 507
    assert list_folders() == []


def test_a_person_reaches_only_their_own_uploads(as_lead: Client, empty_campaign: Campaign) -> None:
    address = create(as_lead, empty_campaign).headers["Location"]
    as_lead.force_login(make_user("lotte", role=Role.LEAD))
    assert head(as_lead, address).status_code == 404
    assert patch(as_lead, address, 0, TEN).status_code == 404
    assert as_lead.delete(address, headers={"Tus-Resumable": "1.0.0"}).status_code == 404
    as_lead.force_login(make_user("rita"))
    assert head(as_lead, address).status_code == 403
    assert create(as_lead, empty_campaign).status_code == 403
    assert len(list_folders()) == 1


def test_an_upload_needs_the_token_of_its_page(lead: User, empty_campaign: Campaign) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(lead)
    assert create(strict, empty_campaign).status_code == 403
    assert list_folders() == []


@pytest.mark.parametrize("key", ["0", "0" * 32, "about", "abc-def"])
def test_an_upload_that_does_not_exist_is_missing(as_lead: Client, key: str) -> None:
    assert head(as_lead, f"/uploads/{key}").status_code == 404


def test_an_upload_to_which_nothing_is_written_for_a_day_expires(as_lead: Client, empty_campaign: Campaign) -> None:
    old, new = (create(as_lead, empty_campaign).headers["Location"] for _ in range(2))
    for folder in list_folders():
        if folder.name == old.rpartition("/")[2]:
            os.utime(folder / "bytes", (0, time.time() - 25 * 3600))
    assert head(as_lead, old).status_code == 404
    upload_store.discard_expired_uploads()
    assert [folder.name for folder in list_folders()] == [new.rpartition("/")[2]]
