"""Scripts list prompt groups and change them by the rules of the pages."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from annotation.models import Clip, PromptGroup
from tests.annotation.api.scripts import post_json
from tests.annotation.factories import claim, make_user
from tests.annotation.groups.test_group_acts import make_campaign, store_clips
from tests.qsave.prompt_families import SUBJECTS

pytestmark = pytest.mark.django_db
ADDRESS = "/api/prompt-groups"
REASON = {"reason": "The same scene in other words."}


@pytest.fixture
def clips(lead: User) -> list[Clip]:
    """Three clips in groups of their own, in train; a manifest named the group of a fourth."""
    clips = [*store_clips(SUBJECTS[:3]), *store_clips(["a lighthouse in a storm"], name="lighthouses")]
    PromptGroup.objects.update(split="train")
    return clips


def list_ids(script: Client, query: str = "") -> list[int]:
    return [one["id"] for one in script.get(f"{ADDRESS}{query}").json()["results"]]


def test_groups_are_listed_and_filtered(lead_script: Client, clips: list[Clip]) -> None:
    groups = [clip.prompt_group_id for clip in clips]
    assert list_ids(lead_script) == groups
    assert list_ids(lead_script, "?kind=named") == groups[3:]
    assert list_ids(lead_script, "?split=val") == []
    first = lead_script.get(f"{ADDRESS}/{groups[0]}").json()
    assert (first["title"], first["prompts"], first["clips"], first["is_decided"]) == (SUBJECTS[0], 1, 1, False)
    (prompt,) = lead_script.get(f"{ADDRESS}/{groups[3]}/prompts").json()["results"]
    assert (prompt["text"], prompt["is_named"]) == ("a lighthouse in a storm", True)
    refused = lead_script.get(f"{ADDRESS}?state=open&split=x&kind=y")
    assert (refused.status_code, sorted(refused.json())) == (400, ["kind", "split"])


def test_groups_are_merged_split_and_drawn_again(lead_script: Client, clips: list[Clip]) -> None:
    groups = [clip.prompt_group_id for clip in clips]
    merged = post_json(lead_script, f"{ADDRESS}/merge", {"groups": groups[:2], **REASON}).json()
    assert (merged["id"], merged["prompts"], merged["clips"]) == (groups[0], 2, 2)

    prompts = lead_script.get(f"{ADDRESS}/{groups[0]}/prompts").json()["results"]
    split = post_json(lead_script, f"{ADDRESS}/{groups[0]}/split", {"prompts": [prompts[1]["id"]], **REASON}).json()
    assert (split["id"] != groups[0], split["prompts"], split["title"]) == (True, 1, SUBJECTS[1])

    drawn = post_json(lead_script, f"{ADDRESS}/redraw", {"groups": [groups[0], split["id"]], **REASON}).json()
    assert (sorted(drawn), sum(drawn.values())) == (["test", "train", "val"], 2)
    assert AuditEntry.objects.filter(action__in=["groups.merged", "groups.split"]).count() == 2


@pytest.mark.parametrize(
    ("address", "body", "field", "words"),
    [
        ("merge", {"groups": [0, 1]}, "reason", "required"),
        ("merge", {"groups": [0, 1], "reason": " "}, "reason", "blank"),
        ("merge", {"groups": [0], **REASON}, "groups", "at least two"),
        ("merge", {"groups": [0, 99], **REASON}, "groups", "does not exist any more"),
        ("merge", {"groups": [0, 2], **REASON}, "groups", "A rater was given a clip"),
        ("redraw", {"groups": [], **REASON}, "groups", "at least one group"),
        ("redraw", {"groups": [2], **REASON}, "groups", "A rater was given a clip"),
        ("0/split", {"prompts": [], **REASON}, "prompts", "At least one prompt must stay"),
        ("0/split", {"prompts": ["x"], **REASON}, "prompts", "valid integer"),
    ],
)
def test_what_the_page_refuses_is_400_at_its_field_and_changes_nothing(
    lead: User, lead_script: Client, clips: list[Clip], address: str, body: dict[str, Any], field: str, words: str
) -> None:
    claim(make_user(), make_campaign(lead, clips[2:3]))
    keys = [clip.prompt_group_id for clip in clips]
    body |= {"groups": [keys[n] if n < len(keys) else 10**6 for n in body.get("groups", [])]}

    answer = post_json(lead_script, f"{ADDRESS}/{address.replace('0', str(keys[0]))}", body)

    assert answer.status_code == 400, answer.content
    assert words in str(answer.json()[field])
    assert list(PromptGroup.objects.order_by("pk").values_list("pk", flat=True)) == keys


def test_a_group_that_does_not_exist_is_404(lead_script: Client) -> None:
    assert lead_script.get(f"{ADDRESS}/1").status_code == 404
    assert post_json(lead_script, f"{ADDRESS}/1/split", {"prompts": [1], **REASON}).status_code == 404
