"""A model from elsewhere is loaded on trial before it becomes a critic."""

import json
import shutil
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from modelassist.engine.models.folder import CRITIC_FILE, ModelError
from modelassist.models import Critic
from modelassist.services import adding
from operations import jobs
from operations.models import Job, JobState

pytestmark = pytest.mark.django_db


def add(client: Client, model: object) -> str:
    return client.post("/critics/add", {"name": "ada", "model": str(model)}, follow=True).content.decode()


def do_job() -> Job:
    job = jobs.run(Job.objects.get(kind=adding.KIND).pk)
    assert job is not None
    return job


@pytest.fixture
def as_engineer(client: Client, engineer: User) -> Client:
    client.force_login(engineer)
    return client


def test_a_model_that_loads_and_writes_is_added_once(as_engineer: Client, tiny_model: Path) -> None:
    assert "The model is being loaded." in add(as_engineer, tiny_model)
    assert not Critic.objects.exists()
    job = do_job()
    assert (job.state, job.error) == (JobState.DONE, "")
    critic = Critic.objects.get()
    assert (str(critic), critic.learned_from_simulated) == ("ada@1", False)
    Job.objects.update(state=JobState.QUEUED)  # as where the worker died before it could say so
    assert do_job().result["critic"] == "ada@1"
    assert Critic.objects.count() == 1


def test_a_quantised_folder_is_refused_at_once_with_its_package(
    as_engineer: Client, tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "awq")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "awq"}}))
    assert "pip install gptqmodel" in add(as_engineer, folder)
    assert not Job.objects.exists()


def test_what_only_shows_when_it_is_loaded_fails_the_try_in_one_line(
    as_engineer: Client, tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 5
    (folder / "config.json").write_text(json.dumps(config))
    add(as_engineer, folder)
    job = do_job()
    assert job.state == JobState.FAILED
    assert "weights are missing" in job.error
    assert "\n" not in job.error
    assert not Critic.objects.exists()


def test_a_folder_says_that_its_critic_learned_from_simulated_data(
    engineer: User, tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    settings = json.loads((folder / CRITIC_FILE).read_text())
    (folder / CRITIC_FILE).write_text(json.dumps(settings | {"simulated": True}))
    adding.request_critic(actor=engineer, name="ada", model=str(folder))
    assert do_job().state == JobState.DONE
    assert Critic.objects.get().learned_from_simulated


def test_nothing_is_queued_for_what_is_no_model(engineer: User, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        adding.request_critic(actor=engineer, name="ada", model=str(tmp_path))
    assert not Job.objects.exists()
