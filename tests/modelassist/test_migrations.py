"""Rows of an older database get the facts that later columns store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps.registry import Apps

from annotation.models import AxisAnswer, Campaign, Draft, Rating
from annotation.rating.drafts import read_proposal
from qsave import scratch
from qsave.axes import AXES
from qsave.proposal import AxisProposal, Proposal
from tests.support.migrating import list_newest, migrate, use_empty_database

BEFORE = [
    ("accounts", "0006_audit_entry"),
    ("annotation", "0006_settled_reports"),
    ("modelassist", "0002_failed_draft"),
    ("operations", "0001_initial"),
]
AFTER = [("annotation", "0007_critic_active"), ("modelassist", "0003_fill_critic_active")]
BEFORE_STRIPPING = [("annotation", "0030_rows_done_before"), ("modelassist", "0004_drafting_pause")]
BEFORE_CAMPAIGNS = [
    ("accounts", "0006_audit_entry"),
    ("annotation", "0014_plain_texts"),
    ("datasets", "0002_release_format"),
    ("modelassist", "0006_learned_from_simulated"),
]
AFTER_CAMPAIGNS = [("modelassist", "0007_fill_audit_campaign")]
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_database(transactional_db: None) -> Iterator[None]:
    with use_empty_database():
        yield


class OlderCampaign:
    """A campaign as the older code stored it, with one rating an hour from nine o'clock on."""

    def __init__(self, apps: Apps, name: str) -> None:
        self.apps = apps
        self.person, _ = self._model("accounts", "User").get_or_create(username="ada")
        self.campaign = self._model("annotation", "Campaign").create(name=name, title=name, created_by=self.person)

    def _model(self, app: str, name: str) -> Any:
        return self.apps.get_model(app, name)._default_manager

    def add_item(self) -> Any:
        count = self._model("annotation", "Clip").count()
        group = self._model("annotation", "PromptGroup").create(representative=str(count), split="train")
        size = {"width": 64, "height": 48, "fps_numerator": 8, "fps_denominator": 1, "duration": 1.0, "frames": 8}
        clip = self._model("annotation", "Clip").create(
            clip_id=str(count), sha256=f"{count:064}", prompt_group=group, has_audio=False, bytes=1, **size
        )
        return self._model("annotation", "Item").create(campaign=self.campaign, clip=clip)

    def add_draft(self, item: Any, hour: int) -> Any:
        draft = self._model("annotation", "Draft").create(item=item, critic="c@1", card={}, text="")
        self._model("annotation", "Draft").filter(pk=draft.pk).update(created_at=NINE + timedelta(hours=hour))
        return draft

    def add_rating(self, arm: str, hour: int, draft: Any = None, **fields: Any) -> int:
        item = draft.item if draft else self.add_item()
        slot = self._model("annotation", "Slot").create(
            item=item, campaign=self.campaign, number=1, arm=arm, rater=self.person, state="done"
        )
        rating = self._model("annotation", "Rating").create(
            slot=slot,
            item=item,
            rater=self.person,
            arm=arm,
            draft=draft,
            exposure="late" if draft else "none",
            **fields,
        )
        self._model("annotation", "Rating").filter(pk=rating.pk).update(created_at=NINE + timedelta(hours=hour))
        return int(rating.pk)

    def add_answers(self, rating: Any, **values: Any) -> None:
        revision = self._model("annotation", "RatingRevision").create(rating=rating, number=1)
        for axis in AXES:
            self._model("annotation", "AxisAnswer").create(revision=revision, axis=axis.value, score=3, **values)

    def add_activation(self, hour: int, *, still_active: bool) -> None:
        entry = self._model("operations", "AuditEntry").create(
            action="critic.activated", target_type="annotation.campaign", target_id=str(self.campaign.pk)
        )
        self._model("operations", "AuditEntry").filter(pk=entry.pk).update(at=NINE + timedelta(hours=hour))
        if still_active:
            self.activate()

    def activate(self) -> None:
        critic = self._model("modelassist", "Critic").create(name=self.campaign.name, version=1, model="m")
        self._model("modelassist", "Activation").create(campaign=self.campaign, critic=critic, activated_by=self.person)


def test_older_ratings_are_told_apart_by_the_drafts_and_activations_before_them() -> None:
    older_apps = migrate(BEFORE)
    plain, drafted, activated = (OlderCampaign(older_apps, name) for name in ("plain", "drafted", "activated"))
    expected = {plain.add_rating("assisted", hour=5): True, plain.add_rating("blind", hour=5): True}
    draft = drafted.add_draft(drafted.add_item(), hour=2)
    expected |= {
        drafted.add_rating("assisted", hour=1): True,
        drafted.add_rating("assisted", hour=3): False,
        drafted.add_rating("blind", hour=3): True,
        drafted.add_rating("assisted", hour=4, draft=draft): False,
    }
    activated.add_activation(2, still_active=True)
    plain.add_activation(6, still_active=False)
    expected |= {activated.add_rating("assisted", hour=1): True, activated.add_rating("assisted", hour=3): False}

    apps = migrate(AFTER)

    ratings = apps.get_model("annotation", "Rating").objects.all()
    assert {one.pk: one.arm == "blind" or not one.critic_active for one in ratings} == expected
    campaigns = apps.get_model("annotation", "Campaign").objects.values_list("name", "critic_active")
    assert dict(campaigns) == {"plain": False, "drafted": False, "activated": True}


def test_older_audit_entries_get_their_campaign_from_their_data_or_their_target() -> None:
    older = OlderCampaign(migrate(BEFORE_CAMPAIGNS), "autumn")
    item = older.add_item()
    panel = older._model("annotation", "Panel").create(
        campaign=older.campaign, name="p", created_by=older.person, token_hash="x", quota=1
    )
    release = older._model("datasets", "Release").create(
        number=1, name="r", campaign=older.campaign, created_by=older.person
    )
    run = older._model("modelassist", "Run").create(release=release, base_model="m", created_by=older.person)
    targets = {"annotation.campaign": older.campaign, "annotation.item": item, "annotation.panel": panel}
    targets |= {"datasets.release": release, "modelassist.run": run}
    expected = {}
    for label, target in targets.items():
        expected[_add_entry(older, label, target.pk)] = "autumn"
    expected[_add_entry(older, "accounts.user", older.person.pk, campaign="spring")] = "spring"
    expected[_add_entry(older, "accounts.user", older.person.pk, verdict="out")] = ""
    expected[_add_entry(older, "annotation.item", 987654)] = ""

    entries = migrate(AFTER_CAMPAIGNS).get_model("accounts", "AuditEntry").objects
    assert dict(entries.values_list("pk", "campaign")) == expected


def _add_entry(older: OlderCampaign, label: str, key: int, **data: str) -> int:
    entries = older._model("accounts", "AuditEntry")
    return int(entries.create(action="a.b", target_type=label, target_id=str(key), data=data).pk)


def test_older_drafts_become_proposals_and_each_answer_gets_its_exposure() -> None:
    older = OlderCampaign(migrate(BEFORE_STRIPPING), "autumn")
    reports = {
        axis.value: {"score": 3, "evidence": [], "reason": f"{scratch.MAP} - red -. A sea. Blue."} for axis in AXES
    }
    drafts = older._model("annotation", "Draft")
    whole = drafts.create(item=older.add_item(), critic="starter@1", card=reports, text="as generated")
    part = drafts.create(item=older.add_item(), critic="starter@1", card={"visual": reports["visual"]}, text="")
    seen, of_part = (older.add_rating("assisted", 1, draft, critic_active=True) for draft in (whole, part))
    unseen, blind = older.add_rating("assisted", 2), older.add_rating("blind", 2)
    ratings = older._model("annotation", "Rating")
    ratings.filter(pk=seen).update(exposure="none")  # the oldest versions took it from the client
    ratings.filter(pk=unseen).update(exposure="late")
    for rating in ratings.all():
        older.add_answers(rating, draft_use="edited", draft_edit_distance=4)

    older.activate()
    migrate(list_newest("annotation", "modelassist"))

    assert Campaign.objects.get().active_critic == "autumn@1"
    draft = Draft.objects.get(pk=whole.pk)
    assert read_proposal(draft) == Proposal(*[AxisProposal((), "Blue.", 3)] * 3)
    assert draft.text == "as generated"
    assert dict(Rating.objects.values_list("pk", "exposure")) == {
        seen: "from_start",
        of_part: "late",
        unseen: "none",
        blind: "none",
    }
    edited, none = ("edited", 4), ("none", None)
    assert read_uses(seen) == dict.fromkeys(AXES, ("from_start", *edited))
    assert read_uses(of_part) == dict.fromkeys(AXES, ("none", *none)) | {"visual": ("late", *edited)}
    assert read_uses(unseen) == read_uses(blind) == dict.fromkeys(AXES, ("none", *none))


def read_uses(rating: int) -> dict[str, tuple[str, str, int | None]]:
    """Return the exposure, the use of the draft and the edit distance of each answer."""
    answers = AxisAnswer.objects.filter(revision__rating=rating)
    rows = answers.values_list("axis", "exposure", "draft_use", "draft_edit_distance")
    return {axis: (exposure, use, distance) for axis, exposure, use, distance in rows}
