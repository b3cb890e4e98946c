"""Critics are registered as versions, and at most one drafts for a campaign."""

import shutil
from importlib import import_module
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client

from accounts.models import AuditEntry, Role, User
from annotation.campaigns.campaigns import add_clips, create_campaign
from annotation.models import Campaign, Draft
from modelassist.bridge import resolve_critic, shorten_model_path
from modelassist.engine.models.folder import ModelError
from modelassist.models import Activation, Critic, FailedDraft
from modelassist.reads.critics import list_critics, read_critic_line
from modelassist.services import critics
from modelassist.services.critics import (
    LearnedFromSimulated,
    Lineage,
    activate,
    deactivate,
    describe_readable,
    register_critic,
)
from modelassist.services.starter import register_starter
from operations.models import Job
from tests.annotation.factories import SHORT_VIDEO, make_clip

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    return create_campaign(actor=engineer, name="spring", title="Spring")


def test_a_name_counts_its_versions(engineer: User, tiny_model: Path) -> None:
    names = [str(register_critic(actor=engineer, name=name, model=str(tiny_model))) for name in ("ada", "ada", "bob")]
    assert names == ["ada@1", "ada@2", "bob@1"]
    assert AuditEntry.objects.filter(action="critic.registered", actor=engineer).count() == 3


def test_what_is_no_model_is_refused_and_leaves_nothing(engineer: User, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        register_critic(actor=engineer, name="ada", model=str(tmp_path))
    assert not Critic.objects.exists()


def test_annotators_and_leads_take_no_model_in(tiny_model: Path) -> None:
    lead = User.objects.create_user("lea", None, role=Role.LEAD)
    with pytest.raises(PermissionDenied):
        register_critic(actor=lead, name="ada", model=str(tiny_model))


def test_a_model_in_the_checkout_is_found_after_the_checkout_has_moved(
    engineer: User, tiny_model: Path, tmp_path: Path, settings: object
) -> None:
    settings.BASE_DIR = tmp_path / "here"  # type: ignore[attr-defined]
    shutil.copytree(tiny_model, tmp_path / "here" / "models" / "tiny")
    critic = register_critic(actor=engineer, name="ada", model=str(tmp_path / "here" / "models" / "tiny"))
    (tmp_path / "here").rename(tmp_path / "there")
    settings.BASE_DIR = tmp_path / "there"  # type: ignore[attr-defined]
    assert Path(resolve_critic(critic)) == tmp_path / "there" / "models" / "tiny"
    assert Path(resolve_critic(critic)).is_dir()


def test_a_hub_id_is_stored_as_it_is() -> None:
    assert shorten_model_path("Qwen/Qwen3-VL-8B-Instruct") == "Qwen/Qwen3-VL-8B-Instruct"


def test_activating_another_critic_replaces_the_first(engineer: User, campaign: Campaign, tiny_model: Path) -> None:
    first = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    second = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    activate(actor=engineer, critic=first, campaign=campaign)
    activate(actor=engineer, critic=second, campaign=campaign)
    assert Activation.objects.get(campaign=campaign).critic == second


def test_activating_asks_for_drafts_once(engineer: User, campaign: Campaign, tiny_model: Path) -> None:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    activate(actor=engineer, critic=critic, campaign=campaign)
    activate(actor=engineer, critic=critic, campaign=campaign)
    assert [job.arguments for job in Job.objects.filter(kind="draft_items")] == [{"campaign": campaign.pk}]


def test_a_critic_whose_files_are_gone_is_not_activated(
    engineer: User, campaign: Campaign, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    critic = register_critic(actor=engineer, name="ada", model=str(tmp_path / "model"))
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelError):
        activate(actor=engineer, critic=critic, campaign=campaign)
    assert not Activation.objects.exists()


def test_an_annotator_activates_nothing(engineer: User, campaign: Campaign, tiny_model: Path) -> None:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    with pytest.raises(PermissionDenied):
        activate(actor=User.objects.create_user("ann", None), critic=critic, campaign=campaign)


def test_deactivating_leaves_nobody_drafting(engineer: User, campaign: Campaign, tiny_model: Path) -> None:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    activate(actor=engineer, critic=critic, campaign=campaign)
    deactivate(actor=engineer, campaign=campaign)
    deactivate(actor=engineer, campaign=campaign)
    assert not Activation.objects.exists()
    assert AuditEntry.objects.filter(action="critic.deactivated").count() == 1


def test_a_campaign_names_its_active_critic(engineer: User, campaign: Campaign, tiny_model: Path) -> None:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    activate(actor=engineer, critic=critic, campaign=campaign)
    assert campaign.active_critic == Campaign.objects.get().active_critic == "ada@1"
    deactivate(actor=engineer, campaign=campaign)
    assert campaign.active_critic == Campaign.objects.get().active_critic == ""


def test_an_activation_that_fails_leaves_the_campaign_without_a_critic(
    engineer: User, campaign: Campaign, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    monkeypatch.setattr(critics, "enqueue_drafts", Mock(side_effect=RuntimeError))
    with pytest.raises(RuntimeError):
        activate(actor=engineer, critic=critic, campaign=campaign)
    assert not Campaign.objects.get().active_critic


def test_a_critic_of_simulated_data_needs_a_second_confirmation_that_quotes_its_readable_answers(
    engineer: User, campaign: Campaign, client: Client
) -> None:
    starter = register_starter(actor=engineer)
    assert starter.learned_from_simulated
    with pytest.raises(LearnedFromSimulated, match=r"804 of its 804 answers could be read \(100%\)"):
        activate(actor=engineer, critic=starter, campaign=campaign)
    client.force_login(engineer)
    address = f"/critics/{starter.pk}/activate"
    page = client.post(address, {"campaign": campaign.pk}).content.decode()
    assert "learned from simulated data, and \u2068Spring\u2069 is not simulated" in page
    assert "804 of its 804 answers could be read (100%)" in page
    assert not Activation.objects.exists()
    client.post(address, {"campaign": campaign.pk, "accepts_simulated": "yes"})
    assert Activation.objects.get().critic == starter
    entry = AuditEntry.objects.get(action="critic.activated")
    assert entry.data == {"critic": "starter@1", "simulated": True}


def test_answers_about_real_clips_are_quoted_where_there_are_any(engineer: User, campaign: Campaign) -> None:
    starter = register_starter(actor=engineer)
    add_clips(
        actor=engineer, campaign=campaign, clips=[make_clip(f"clip{number}", video=SHORT_VIDEO) for number in range(5)]
    )
    items = list(campaign.items.order_by("pk"))
    proposals: list[dict[str, object]] = [{}, {"visual": {"evidence": []}}]
    for item, proposal in zip(items[:2], proposals, strict=True):
        Draft.objects.create(item=item, critic=str(starter), proposal=proposal, text="")
    for item, text in zip(items[2:], ["babble", "babble", ""], strict=True):
        FailedDraft.objects.create(critic=starter, item=item, error="not in the grammar", text=text)
    assert describe_readable(starter) == (
        "Of its 4 answers about clips that are not simulated, 1 proposed something (25%), 1 proposed nothing, and 2"
        " could not be read."
    )
    (line,) = list_critics()
    assert line == read_critic_line(starter)
    assert (line.drafts, line.silent, line.failed, line.unusable_share) == (1, 1, 3, 0.6)


def test_in_a_simulated_campaign_it_drafts_without_a_word(engineer: User) -> None:
    campaign = create_campaign(actor=engineer, name="toy", title="Toy", is_simulated=True)
    activate(actor=engineer, critic=register_starter(actor=engineer), campaign=campaign)
    assert Activation.objects.exists()


def test_what_learns_on_from_a_critic_of_simulated_data_is_one_too(engineer: User, tiny_model: Path) -> None:
    starter = register_starter(actor=engineer)
    assert register_critic(
        actor=engineer, name="ada", model=str(tiny_model), lineage=Lineage(parent=starter)
    ).learned_from_simulated


def test_critics_of_an_older_version_are_marked_at_the_upgrade(engineer: User, tiny_model: Path) -> None:
    starter = register_starter(actor=engineer)
    child = register_critic(actor=engineer, name="ada", model=str(tiny_model), lineage=Lineage(parent=starter))
    other = register_critic(actor=engineer, name="bob", model=str(tiny_model))
    Critic.objects.update(learned_from_simulated=False)
    migration = import_module("modelassist.migrations.0006_learned_from_simulated")
    migration.fill_from_releases(apps, connection.schema_editor())
    marked = set(Critic.objects.filter(learned_from_simulated=True))
    assert marked == {starter, child}
    assert other not in marked
