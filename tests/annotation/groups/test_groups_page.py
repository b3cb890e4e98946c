"""The pages of prompt groups, their acts and who may do what."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from annotation.groups import group_list
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import group_prompts
from annotation.models import Campaign, HeldOutGenerator, PromptGroup, SplitShares
from tests.annotation import factories
from tests.annotation.groups.test_group_acts import make_campaign, store_clips
from tests.qsave.prompt_families import SUBJECTS
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db
NEAR = ["a paper boat drifts down a stream at dawn", "a paper boat drifts down a narrow stream at dawn"]
FIXED = "no longer change"


@pytest.fixture
def as_engineer(db: None) -> Client:
    client = Client()
    client.force_login(factories.make_user("eva", role=Role.ENGINEER))
    return client


def read(client: Client, path: str) -> str:
    return collapse_space(client.get(path).content.decode())


@pytest.mark.parametrize(
    ("route", "least"),
    [("prompt-groups", Role.LEAD), ("fill-splits", Role.LEAD), ("split-settings", Role.ENGINEER)],
)
def test_pages_open_from_a_role_on(route: str, least: Role) -> None:
    for role in Role:
        client = Client()
        client.force_login(factories.make_user(role=role))
        may = list(Role).index(role) >= list(Role).index(least)
        assert client.get(reverse(route)).status_code == (200 if may else 403)


def test_the_list_filters_by_words_split_kind_and_state(as_lead: Client, lead: User) -> None:
    clips = store_clips([*NEAR, *SUBJECTS[:3]])
    store_clips(["a dog barks"], name="pets")
    PromptGroup.objects.update(split="train")
    PromptGroup.objects.filter(name="pets").update(split="val")
    campaign = make_campaign(lead, clips[:1])
    Campaign.objects.update(state="open")
    factories.claim(factories.make_user(), campaign)

    def count(**query: str) -> int:
        return len(as_lead.get("/prompt-groups", query).context["page"].rows)

    assert count() == 5
    assert count(words="NARROW") == count(split="val") == count(kind="named") == count(state="fixed") == 1
    assert (count(state="open"), count(kind="similar"), count(words="nothing like it")) == (4, 4, 0)
    assert "No group matches" in read(as_lead, "/prompt-groups?words=nothing+like+it")
    assert count(split="no such split") == 5


def test_the_list_has_pages(as_lead: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_list, "PAGE_SIZE", 3)
    store_clips(SUBJECTS[:7])
    seen, before = [], 0
    while True:
        page = as_lead.get("/prompt-groups", {"before": before or ""}).context["page"]
        seen += [row.group.pk for row in page.rows]
        before = page.before
        if not before:
            break
    assert seen == list(PromptGroup.objects.order_by("-pk").values_list("pk", flat=True))


def test_chosen_groups_are_merged_or_drawn_again_with_a_reason(as_lead: Client) -> None:
    store_clips(SUBJECTS[:3])
    keys = list(PromptGroup.objects.order_by("pk").values_list("pk", flat=True))

    refused = as_lead.post("/prompt-groups/change", {"group": keys[:2], "act": "merge", "reason": ""})
    assert refused.status_code == 422
    assert refused.content.decode().count("checked") == 2

    answer = as_lead.post("/prompt-groups/change", {"group": keys[:2], "act": "merge", "reason": "One scene."})
    assert answer["Location"] == f"/prompt-groups/{keys[0]}"
    assert PromptGroup.objects.count() == 2

    answer = as_lead.post("/prompt-groups/change", {"group": keys[2:], "act": "redraw", "reason": "By hand."})
    assert answer["Location"] == "/prompt-groups"
    assert "Splits drawn again" in read(as_lead, "/prompt-groups")


def test_a_group_says_why_its_prompts_are_together(as_lead: Client) -> None:
    store_clips([*NEAR, *SUBJECTS[:20]])
    group = PromptGroup.objects.get(prompts__text=NEAR[0])
    page = read(as_lead, f"/prompt-groups/{group.pk}")
    assert f"similar to “<bdi>{NEAR[1]}</bdi>”" in page
    assert "boat" in page[page.index("Rarest common words") :]
    assert "2 clips are in no campaign" in page

    store_clips(["a dog barks", "the sun sets"], name="pets")
    named = read(as_lead, f"/prompt-groups/{PromptGroup.objects.get(name='pets').pk}")
    assert "A manifest named this group for the prompt." in named
    lone = PromptGroup.objects.get(prompts__text=SUBJECTS[0])
    assert "no other prompt was similar" in read(as_lead, f"/prompt-groups/{lone.pk}")


def test_prompts_are_moved_into_a_group_of_their_own(as_lead: Client) -> None:
    store_clips(NEAR)
    group = PromptGroup.objects.get()
    prompt = group.prompts.get(text=NEAR[1])
    path = f"/prompt-groups/{group.pk}/split"
    assert as_lead.post(path, {"prompt": prompt.pk, "reason": " "}).status_code == 422
    answer = as_lead.post(path, {"prompt": prompt.pk, "reason": "Another scene."})
    assert answer["Location"] == f"/prompt-groups/{PromptGroup.objects.get(prompts=prompt).pk}"
    assert PromptGroup.objects.count() == 2


def test_a_group_of_which_a_rater_got_a_clip_is_read_only_and_says_why(as_lead: Client, lead: User) -> None:
    campaign = make_campaign(lead, store_clips(NEAR))
    group = PromptGroup.objects.get()
    assert FIXED not in read(as_lead, f"/prompt-groups/{group.pk}")
    Campaign.objects.update(state="open")
    factories.claim(factories.make_user(), campaign)

    page = read(as_lead, f"/prompt-groups/{group.pk}")
    assert FIXED in page
    assert "Move prompts" not in page
    answer = as_lead.post(f"/prompt-groups/{group.pk}/redraw", {"reason": "Anyway."})
    assert (answer.status_code, FIXED[3:] in answer.content.decode()) == (422, True)


def test_small_splits_are_filled_after_a_preview(as_lead: Client, lead: User) -> None:
    clips = store_clips(SUBJECTS[:60])
    PromptGroup.objects.update(split="train")
    twins = [factories.make_clip(prompt=clip.prompt, group=clip.prompt_group) for clip in clips]
    campaign = make_campaign(lead, [*clips, *twins])

    assert reverse("fill-splits") in read(as_lead, "/prompt-groups")
    path = f"/prompt-groups/fill?campaign={campaign.name}"
    assert "20 groups of train, chosen by chance, move." in read(as_lead, path)
    assert as_lead.post(path, {"reason": ""}).status_code == 422
    assert as_lead.post(path, {"reason": "Both were empty."})["Location"] == path
    assert "Nothing needs to move" in read(as_lead, path)


def test_an_engineer_sets_the_shares_and_holds_a_generator_out(as_engineer: Client) -> None:
    group_prompts([Row("a", SUBJECTS[0], "toy-1")], seed=0)
    odd = as_engineer.post("/prompt-groups/settings", {"train": 80, "val": 10, "test": 20})
    assert "They must add up to 100%" in odd.content.decode()
    answer = as_engineer.post("/prompt-groups/settings", {"train": 60, "val": 20, "test": 20})
    assert (answer.status_code, SplitShares.objects.get().val) == (302, 20)
    assert "20%" in read(as_engineer, "/prompt-groups")

    assert as_engineer.post("/prompt-groups/hold-out", {"hold-generator": "", "hold-reason": "x"}).status_code == 422
    values = {"hold-generator": "toy-9", "hold-reason": "Unseen."}
    assert as_engineer.post("/prompt-groups/hold-out", values).status_code == 302
    assert "held out already" in as_engineer.post("/prompt-groups/hold-out", values).content.decode()
    assert "toy-9" in read(as_engineer, "/prompt-groups")
    as_engineer.post(f"/prompt-groups/let-in/{HeldOutGenerator.objects.get().pk}", {"reason": "Done."})
    assert not HeldOutGenerator.objects.exists()


def test_the_audit_trail_tells_of_the_acts(as_lead: Client) -> None:
    store_clips(SUBJECTS[:2])
    keys = list(PromptGroup.objects.values_list("pk", flat=True))
    as_lead.post("/prompt-groups/change", {"group": keys, "act": "merge", "reason": "One scene."})
    trail = read(as_lead, "/audit")
    assert re.search(r"merged <bdi>2</bdi> prompt groups into .*: <bdi>One scene\.</bdi>", trail)
