"""What is wrong outside of a view is said in words: on a page to people, as JSON to programs."""

import json

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory

from config.errors import server_error
from tests.annotation.factories import make_campaign, make_lead

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead_client() -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_lead())
    return client


@pytest.mark.parametrize("path", ["/api/none", "/api/campaigns/none/none", "/api/%00"])
def test_a_program_gets_json_for_an_address_that_does_not_exist(lead_client: Client, path: str) -> None:
    response = lead_client.get(path)
    assert response.status_code in {400, 404}
    assert response.json()["detail"].endswith(".")


def test_a_program_gets_json_for_a_failure() -> None:
    response = server_error(RequestFactory().get("/api/campaigns"))
    assert (response.status_code, list(json.loads(response.content))) == (500, ["detail"])


@pytest.mark.parametrize("path", ["/campaigns/{name}/import", "/api/campaigns/{name}/import"])
def test_more_files_than_one_upload_takes_are_refused_with_the_number(
    lead_client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DATA_UPLOAD_MAX_NUMBER_FILES", 3)
    name = make_campaign().name
    files = [SimpleUploadedFile(f"{number}.mp4", b"x") for number in range(4)]
    response = lead_client.post(path.format(name=name), {"sent": files, "files": []})
    assert response.status_code == 400
    assert "at most 3 files" in response.content.decode()
    assert response.headers["Content-Type"].startswith("application/json" if path.startswith("/api/") else "text/html")


def test_a_page_says_why_an_address_is_bad(lead_client: Client) -> None:
    response = lead_client.get("/campaigns?q=%00")
    assert response.status_code == 400
    assert "This address has a character that no text can have." in response.content.decode()
