"""The release API: who may call it, and what it answers."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Role
from accounts.services import issue_token
from datasets.models import Release
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release, locate_release
from operations import jobs
from tests.annotation.factories import make_campaign, make_user
from tests.datasets.world import engineer, rated_campaign

pytestmark = pytest.mark.django_db
BASE = "/api/releases"
SMALL = ReleasePolicy(allow_small_splits=True)


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.force_authenticate(engineer())
    return client


@pytest.fixture
def release() -> Release:
    return build_release(actor=engineer(), campaign=rated_campaign(2, 1, 1), name="first", policy=SMALL)


def body(response: Any) -> bytes:
    """The whole of a streamed answer; the test client closes its file at the end."""
    return b"".join(response.streaming_content)


def test_only_engineers_may_read(release: Release) -> None:
    for role, code in ((None, 401), (Role.ANNOTATOR, 403), (Role.LEAD, 403), (Role.ENGINEER, 200)):
        client = APIClient()
        if role:
            _, secret = issue_token(actor=make_user(role=role), name="script")
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        for path in (BASE, f"{BASE}/1", f"{BASE}/1/files/manifest.json"):
            answer = client.get(path)
            assert answer.status_code == code, (role, path)
            if answer.streaming:
                assert body(answer)


@pytest.mark.parametrize("role", [Role.ANNOTATOR, Role.LEAD])
def test_only_engineers_may_freeze(role: Role) -> None:
    client = APIClient()
    client.force_authenticate(make_user(role=role))
    campaign = rated_campaign(1, 0, 0)
    assert client.post(BASE, {"campaign": campaign.name, "name": "x"}).status_code == 403
    assert not Release.objects.exists()


def test_freezing_answers_with_a_job_that_makes_the_release(client: APIClient) -> None:
    campaign = rated_campaign(2, 1, 1)
    answer = client.post(
        BASE,
        {
            "campaign": campaign.name,
            "name": "first",
            "policy": {"seed": 5, "media": "none", "allow_small_splits": True},
        },
    )
    assert answer.status_code == 202
    assert answer.data["state"] == "building"
    jobs.run(answer.data["job"]["id"])
    found = client.get(f"{BASE}/{answer.data['number']}").data
    assert found["state"] == "frozen"
    assert found["policy"]["seed"] == 5
    assert found["job"]["state"] == "done"
    assert found["counts"]["clips"] == {"train": 2, "val": 1, "test": 1}


def test_what_cannot_be_asked_for_is_400(client: APIClient) -> None:
    campaign = rated_campaign(1, 0, 0, raters=1)
    changes: list[tuple[dict[str, object], str]] = [
        ({"campaign": "nowhere"}, "nowhere"),
        ({"name": "../x"}, "is made of letters"),
        ({"name": None}, "name"),
        ({"policy": {"target": "median"}}, "target is one of"),
        ({"policy": {"colour": 1}}, "no choice called colour"),
        ({"policy": []}, "policy"),
    ]
    for change, message in changes:
        answer = client.post(BASE, {"campaign": campaign.name, "name": "x"} | change)
        assert answer.status_code == 400, change
        assert message in json.dumps(answer.data)
    assert not Release.objects.exists()


def test_small_splits_are_400_with_their_sizes_until_they_are_allowed(client: APIClient) -> None:
    body = {"campaign": rated_campaign(2, 1, 0, raters=1).name, "name": "x"}
    answer = client.post(BASE, body)
    assert answer.status_code == 400
    assert "val has 1 clip of 1 prompt group; test has 0 clips of 0 prompt groups." in answer.data["detail"]
    assert "allow_small_splits" in answer.data["detail"]
    assert not Release.objects.exists()
    assert client.post(BASE, body | {"policy": {"allow_small_splits": True}}).status_code == 202


def test_a_campaign_without_ratings_is_400(client: APIClient) -> None:
    answer = client.post(BASE, {"campaign": make_campaign(1).name, "name": "x"})
    assert answer.status_code == 400
    assert "no ratings yet" in answer.data["detail"]


def test_the_list_is_newest_first(client: APIClient, release: Release) -> None:
    second = build_release(actor=engineer(), campaign=release.campaign, name="second", policy=SMALL)
    rows = client.get(BASE).data["results"]
    assert [(row["number"], row["parent_number"]) for row in rows] == [(second.number, release.number), (1, None)]


def test_every_file_of_the_manifest_can_be_fetched(client: APIClient, release: Release) -> None:
    folder = locate_release(release)
    manifest = json.loads(body(client.get(f"{BASE}/1/files/manifest.json")))
    for name in manifest["files"]:
        answer = client.get(f"{BASE}/1/files/{name}")
        assert body(answer) == (folder / name).read_bytes()
        assert answer["Content-Disposition"].startswith("attachment")
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_file_comes_by_byte_range(client: APIClient, release: Release) -> None:
    answer = client.get(f"{BASE}/1/files/sft/train.jsonl", headers={"Range": "bytes=5-9"})
    assert answer.status_code == 206
    assert body(answer) == (locate_release(release) / "sft" / "train.jsonl").read_bytes()[5:10]


def test_what_the_manifest_does_not_name_is_404(client: APIClient, release: Release) -> None:
    (locate_release(release) / "nothing.txt").write_text("laid here by somebody")
    for name in ("nothing.txt", "../0001-first/manifest.json", "..%2f..%2fetc%2fpasswd", "sft", "/etc/passwd"):
        assert client.get(f"{BASE}/1/files/{name}").status_code == 404, name


def test_a_release_that_is_not_frozen_has_no_files(client: APIClient, release: Release) -> None:
    Release.objects.update(state=Release.State.FAILED)
    assert client.get(f"{BASE}/1/files/manifest.json").status_code == 404


def test_a_preview_has_the_numbers_of_the_release_and_writes_nothing(client: APIClient) -> None:
    campaign = rated_campaign(3, 1, 1, raters=2)
    body = {"campaign": campaign.name, "policy": {"minimum_watched": 0, "media": "none"}}
    preview = client.post(f"{BASE}/preview", body, format="json")
    assert preview.status_code == 200
    answer = preview.json()
    assert answer["clips"] == {"total": 5, "dropped": {}, "left": 5}
    assert answer["splits"]["train"] == {"clips": 3, "groups": 3}
    assert "allow_small_splits" in answer["refusals"][0]
    assert not Release.objects.exists()


@pytest.mark.parametrize("policy", [{"seeds": 1}, {"seed": "1"}, {"minimum_watched": 101}, {"imported_sources": "a"}])
def test_a_preview_refuses_a_policy_as_a_release_does(client: APIClient, policy: dict[str, object]) -> None:
    body = {"campaign": rated_campaign(1, 0, 0, raters=1).name, "policy": policy}
    preview, release = (client.post(path, body | {"name": "a"}, format="json") for path in (f"{BASE}/preview", BASE))
    assert (preview.status_code, release.status_code) == (400, 400)
    assert preview.json() == release.json()
    assert "The policy" in preview.json()["detail"]
