"""The starter in the checkout: small, safe, honest about itself, and able to draft; and the demo that shows it."""

import json
import struct
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, User
from annotation.models import Campaign, Draft, Rating
from modelassist.models import Activation
from modelassist.services import drafting
from modelassist.services.starter import CARD, MOST_BYTES, register_starter, starter_folder
from operations import demo_sign_ins


def test_it_is_small_and_in_bfloat16() -> None:
    folder = starter_folder()
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= MOST_BYTES
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"BF16"}


def test_its_card_says_how_it_was_made_what_it_measures_and_how_weak_it_is() -> None:
    card = (starter_folder() / CARD).read_text()
    for heading in ("## How it was made", "## What it measures", "## How weak it is"):
        assert heading in card


@pytest.mark.django_db
def test_it_comes_in_with_what_it_measured(engineer: User) -> None:
    critic = register_starter(actor=engineer)
    assert str(critic) == "starter@1"
    assert critic.evaluation["splits"]
    assert critic.model == "./modelassist/starter"


@pytest.mark.django_db
def test_the_demo_has_people_ratings_and_a_critic_that_drafts() -> None:
    call_command("load_demo", stdout=StringIO())
    campaign = Campaign.objects.get()
    assert campaign.is_simulated
    assert {user.role for user in User.objects.filter(is_simulated=False)} == set(Role)
    assert Rating.objects.count() == 40
    assert set(Rating.objects.values_list("is_simulated", flat=True)) == {True}
    assert Activation.objects.get(campaign=campaign).critic.name == "starter"
    for sign_in in demo_sign_ins.kept():
        assert User.objects.get(username=sign_in.username).check_password(sign_in.password)
    done = drafting.draft_next(campaign=campaign, limit=4)
    assert done.drafted + done.failed == 4
    assert Draft.objects.count() == done.drafted >= 2


@pytest.mark.django_db
def test_the_demo_never_mixes_with_real_people(engineer: User) -> None:
    with pytest.raises(CommandError, match="empty one only"):
        call_command("load_demo", stdout=StringIO())
    assert not Campaign.objects.exists()


@pytest.mark.django_db
def test_a_checkout_without_a_starter_has_a_demo_without_drafts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("modelassist.services.starter.starter_folder", lambda: tmp_path / "none")
    said = StringIO()
    call_command("load_demo", stdout=said)
    assert "nobody drafts" in said.getvalue()
    assert not Activation.objects.exists()
