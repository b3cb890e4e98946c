"""Critics come in as versions, and at most one drafts for a campaign."""

import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import Role, User
from annotation.models import Campaign
from annotation.services.campaigns import create_campaign
from modelassist.bridge import model_of, stored_model
from modelassist.models import Activation, Critic
from modelassist.services import critics
from modelassist.services.critics import activate, deactivate, register_critic
from modelassist.services.model_folder import NotAModel
from operations.models import AuditEntry, Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    return create_campaign(actor=engineer, name="spring", title="Spring")


def test_a_name_counts_its_versions(engineer: User, tiny_model: Path) -> None:
    names = [str(register_critic(actor=engineer, name=name, model=str(tiny_model))) for name in ("ada", "ada", "bob")]
    assert names == ["ada@1", "ada@2", "bob@1"]
    assert AuditEntry.objects.filter(action="critic.registered", actor=engineer).count() == 3


def test_what_is_no_model_is_refused_and_leaves_nothing(engineer: User, tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match=r"no config\.json"):
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
    assert Path(model_of(critic)) == tmp_path / "there" / "models" / "tiny"
    assert Path(model_of(critic)).is_dir()


def test_a_hub_id_is_stored_as_it_is() -> None:
    assert stored_model("Qwen/Qwen3-VL-8B-Instruct") == "Qwen/Qwen3-VL-8B-Instruct"


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
    with pytest.raises(NotAModel):
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


def test_a_campaign_knows_whether_a_critic_is_active(engineer: User, campaign: Campaign, tiny_model: Path) -> None:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    activate(actor=engineer, critic=critic, campaign=campaign)
    assert (campaign.critic_active, Campaign.objects.get().critic_active) == (True, True)
    deactivate(actor=engineer, campaign=campaign)
    assert (campaign.critic_active, Campaign.objects.get().critic_active) == (False, False)


def test_an_activation_that_fails_leaves_the_campaign_without_a_critic(
    engineer: User, campaign: Campaign, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    monkeypatch.setattr(critics, "enqueue_drafts", Mock(side_effect=RuntimeError))
    with pytest.raises(RuntimeError):
        activate(actor=engineer, critic=critic, campaign=campaign)
    assert not Campaign.objects.get().critic_active
