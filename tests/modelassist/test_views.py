"""The engineer's pages of runs and critics."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Role, User
from datasets.models import Release
from modelassist.models import Activation, Critic, Run
from modelassist.services.critics import Lineage, Papers, register_critic
from operations.models import Job
from tests.annotation.factories import make_campaign, make_user

FIGURES = {
    "clips": 9,
    "unparsable_rate": 0.25,
    "axes": {
        "visual": {
            "critic": {
                "srcc": {"value": 0.7125, "low": 0.5, "high": 0.9},
                "plcc": {"undefined": "all clips have the same MOS"},
            },
            "constant": {"rmse": {"value": 1.25}},
            "people": {"baseline_srcc": {"value": 0.66}, "ceiling_srcc": {"value": 0.88, "low": 0.8, "high": 0.93}},
        },
        "dynamic": {"people": {"missing": "the release has no ratings.parquet"}},
    },
}


@pytest.fixture
def as_engineer(client: Client, engineer: User) -> Client:
    client.force_login(engineer)
    return client


@pytest.fixture
def release(engineer: User) -> Release:
    release: Release = Release.objects.create(
        number=1, name="spring", campaign=make_campaign(), created_by=engineer, folder="0001-spring"
    )
    return release


def freeze(release: Release) -> Release:
    Release.objects.filter(pk=release.pk).update(state="frozen", content_hash="0" * 64, frozen_at=release.created_at)
    return release


def form(release: Release, **changes: str) -> dict[str, str]:
    return {"release": str(release.pk), "base_model": "", "critic": "", "name": "critic", "settings": ""} | changes


def critic_of(model: Path, **fields: Any) -> Critic:
    return register_critic(actor=User.objects.get(username="enno"), name="starter", model=str(model), **fields)


def test_only_engineers_get_there(client: Client, db: None) -> None:
    client.force_login(make_user(role=Role.LEAD))
    for path in ("/runs", "/runs/1", "/runs/1/files/evaluation.md", "/critics", "/critics/1"):
        assert client.get(path).status_code == 403, path
    for path in ("/runs/start", "/runs/1/cancel", "/runs/1/resume", "/critics/1/activate"):
        assert client.post(path).status_code == 403, path


def test_without_a_frozen_release_the_page_says_what_comes_first(as_engineer: Client, release: Release) -> None:
    page = as_engineer.get("/runs").content.decode()
    assert "There is no release to train on" in page
    assert 'action="/runs/start"' not in page


def test_a_run_starts_from_a_model_folder_with_its_settings(
    as_engineer: Client, release: Release, tiny_model: Path
) -> None:
    freeze(release)
    answer = as_engineer.post(
        "/runs/start", form(release, base_model=str(tiny_model), settings='{"sft": {"steps": 2}}')
    )
    run = Run.objects.get()
    assert answer["Location"] == f"/runs/{run.pk}"
    assert run.settings_json == {"sft": {"steps": 2}}
    assert Job.objects.get(kind="train_critic").arguments["name"] == "critic"
    assert "waiting" in as_engineer.get(f"/runs/{run.pk}").content.decode()


def test_a_pretrained_model_gets_the_settings_of_adapters_and_lines_go_over_them(
    as_engineer: Client, release: Release
) -> None:
    lines = "sft.learning_rate = 2e-5\nsft.steps=7"
    as_engineer.post("/runs/start", form(freeze(release), base_model="Qwen/Qwen3-VL-2B-Instruct", settings=lines))
    settings_json = Run.objects.get().settings_json
    assert (settings_json["lora"]["rank"], settings_json["sft"]["learning_rate"]) == (64, 2e-5)
    assert settings_json["sft"]["steps"] == 7


def test_a_recipe_is_a_choice_of_the_form(as_engineer: Client, release: Release) -> None:
    sent = form(freeze(release), base_model="Qwen/Qwen3-VL-2B-Instruct", recipe="qwen3-vl-8b-full")
    as_engineer.post("/runs/start", sent)
    assert Run.objects.get().settings_json["sft"]["learning_rate"] == 1e-5
    assert Run.objects.get().settings_json["lora"] == {"rank": 0}


def test_a_rate_that_ruins_the_model_needs_the_box(as_engineer: Client, release: Release) -> None:
    sent = form(freeze(release), base_model="Qwen/Qwen3-VL-2B-Instruct", settings="sft.learning_rate=4e-3")
    page = as_engineer.post("/runs/start", sent).content.decode()
    assert "sft.learning_rate = 0.004 ruins adapters on a pretrained model" in page
    assert "recipe qwen3-vl-8b-lora" in page
    assert not Run.objects.exists()
    as_engineer.post("/runs/start", {**sent, "allow_high_rates": "on"})
    assert Run.objects.get().settings_json["allow_high_rates"] is True


def test_an_old_name_of_a_setting_is_refused_with_the_new_one(as_engineer: Client, release: Release) -> None:
    for typed in ("grpo.group = 4", '{"grpo": {"group": 4}}'):
        sent = form(freeze(release), base_model="Qwen/Qwen3-VL-2B-Instruct", settings=typed)
        page = as_engineer.post("/runs/start", sent).content.decode()
        assert "grpo.group is called grpo.num_generations now; rename it." in page
    assert not Run.objects.exists()


def test_a_run_starts_from_a_critic(as_engineer: Client, release: Release, tiny_model: Path) -> None:
    critic = critic_of(tiny_model)
    as_engineer.post("/runs/start", form(freeze(release), critic=str(critic.pk)))
    assert Run.objects.get().base_model == critic.model


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, "exactly one of the two"),
        ({"base_model": "/nowhere"}, "no such model folder"),
        ({"base_model": "a/b", "settings": "{"}, "not JSON"),
        ({"base_model": "a/b", "settings": "[]"}, "JSON object"),
        ({"base_model": "a/b", "settings": '{"sfft": {}}'}, "sfft"),
    ],
)
def test_what_cannot_start_says_why(
    as_engineer: Client, release: Release, changes: dict[str, str], complaint: str
) -> None:
    page = as_engineer.post("/runs/start", form(freeze(release), **changes)).content.decode()
    assert complaint in page
    assert not Run.objects.exists()


def test_a_run_shows_its_curves_and_figures(as_engineer: Client, engineer: User, release: Release) -> None:
    run = Run.objects.create(
        release=release, base_model="a/b", folder="run-1", created_by=engineer, evaluation={"splits": {"test": FIGURES}}
    )
    folder = Path(settings.RUN_ROOT) / "run-1"
    folder.mkdir(parents=True)
    steps = [{"stage": "sft", "step": n, "loss": 2 / n} for n in range(1, 6)] + [{"stage": "grpo", "step": 1}]
    (folder / "metrics.jsonl").write_text("\n".join(json.dumps(step) for step in steps) + '\n{"stage": "gr')
    page = as_engineer.get(f"/runs/{run.pk}").content.decode()
    assert 'aria-label="Loss by step, from 2 at step 1 to 0.4 at step 5."' in page
    assert '0.71 <span class="interval">[0.50, 0.90]</span>' in page
    assert "all clips have the same MOS" in page
    assert "1.25" in page
    assert "25% of these clips" in page
    assert "0.66" in page
    assert '0.88 <span class="interval">[0.80, 0.93]</span>' in page
    assert "the release has no ratings.parquet" in page


def run_with_files(engineer: User, release: Release) -> Run:
    """A run with an evaluation, its predictions and a picture of them."""
    evaluation = {"splits": {"test": FIGURES | {"plots": {"predicted": "plots/test-predicted.png"}}}}
    run = Run.objects.create(
        release=release, base_model="a/b", folder="run-2", created_by=engineer, evaluation=evaluation
    )
    folder = Path(settings.RUN_ROOT) / "run-2"
    (folder / "plots").mkdir(parents=True)
    (folder / "plots" / "test-predicted.png").write_bytes(b"\x89PNG")
    (folder / "evaluation.md").write_text("# Evaluation")
    (folder / "predictions-test.csv").write_text("clip_id,visual_mos,visual_score\na,3,2.5\n")
    (folder / "trainer.log").write_text("words")
    (folder / "model").mkdir()
    (folder / "model" / "model.safetensors").write_bytes(b"weights")
    return run


def test_a_run_plots_its_predictions_and_gives_its_files(
    as_engineer: Client, engineer: User, release: Release, tiny_model: Path
) -> None:
    run = run_with_files(engineer, release)
    critic = critic_of(tiny_model, lineage=Lineage(run=run), papers=Papers(evaluation=run.evaluation))
    for page in (f"/runs/{run.pk}", f"/critics/{critic.pk}"):
        shown = as_engineer.get(page).content.decode()
        assert "Predicted score of 1 clip against its MOS on the axis visual, on test." in shown
    for name in ("predictions-test.csv", "plots/test-predicted.png"):
        assert f'href="/runs/{run.pk}/files/{name}"' in as_engineer.get(f"/runs/{run.pk}").content.decode()
    picture = as_engineer.get(f"/runs/{run.pk}/files/plots/test-predicted.png")
    assert (picture["Content-Type"], picture["Content-Disposition"]) == (
        "image/png", f'inline; filename="run-{run.pk}-test-predicted.png"',
    )  # fmt: skip
    assert picture.getvalue() == b"\x89PNG"
    report = as_engineer.get(f"/runs/{run.pk}/files/evaluation.md")
    assert report["Content-Disposition"] == f'attachment; filename="run-{run.pk}-evaluation.md"'
    assert report.getvalue() == b"# Evaluation"


@pytest.mark.parametrize(
    "name", ["trainer.log", "model/model.safetensors", "../run-2/evaluation.md", "plots/../evaluation.md", "none.csv"]
)
def test_of_a_run_nothing_else_can_be_had(as_engineer: Client, engineer: User, release: Release, name: str) -> None:
    run = run_with_files(engineer, release)
    assert as_engineer.get(f"/runs/{run.pk}/files/{name}").status_code == 404


def test_a_critic_without_figures_says_so_and_its_card_is_shown_safely(as_engineer: Client, tiny_model: Path) -> None:
    critic = critic_of(tiny_model, papers=Papers(card="Weak. <script>alert(1)</script>"))
    page = as_engineer.get(f"/critics/{critic.pk}").content.decode()
    assert "was added without an evaluation" in page
    assert "<script>alert" not in page


def test_a_critic_is_put_to_work_and_stopped(as_engineer: Client, tiny_model: Path) -> None:
    critic, campaign = critic_of(tiny_model), make_campaign(2)
    as_engineer.post(f"/critics/{critic.pk}/activate", {"campaign": str(campaign.pk)})
    assert Activation.objects.get(campaign=campaign).critic == critic
    page = as_engineer.get("/critics").content.decode()
    assert "starter@1" in page
    assert "Some clips wait for a draft" in page
    as_engineer.post(f"/drafting/{campaign.name}/stop")
    assert not Activation.objects.exists()


def test_a_critic_can_be_put_to_work_where_clips_are_still_rated_and_no_campaign_is_chosen_beforehand(
    as_engineer: Client, tiny_model: Path
) -> None:
    critic = critic_of(tiny_model)
    page = f"/critics/{critic.pk}"
    make_campaign(name="over", title="Over", state="closed")
    assert "every campaign is closed" in as_engineer.get(page).content.decode()
    make_campaign(name="next", title="Next", state="draft")
    options = re.findall(r"<option [^>]*?( selected)?>([^<]*)</option>", as_engineer.get(page).content.decode())
    assert options == [(" selected", "Choose a campaign"), ("", "\u2068Next\u2069")]


def test_a_critic_whose_files_are_gone_is_not_put_to_work(as_engineer: Client, tiny_model: Path) -> None:
    critic, campaign = critic_of(tiny_model), make_campaign()
    Critic.objects.update(model="/nowhere")
    page = as_engineer.post(f"/critics/{critic.pk}/activate", {"campaign": str(campaign.pk)}, follow=True)
    assert "no such model folder" in page.content.decode()
    assert not Activation.objects.exists()


def test_a_run_is_cancelled_and_resumed_from_its_page(as_engineer: Client, release: Release, tiny_model: Path) -> None:
    as_engineer.post("/runs/start", form(freeze(release), base_model=str(tiny_model)))
    run = Run.objects.get()
    assert "Cancel this run" in as_engineer.get(f"/runs/{run.pk}").content.decode()
    page = as_engineer.post(f"/runs/{run.pk}/cancel", follow=True).content.decode()
    assert "Its checkpoints are kept" in page
    assert "Cancel this run" not in page
    page = as_engineer.post(f"/runs/{run.pk}/resume", follow=True).content.decode()
    assert "resumes from its last checkpoint" in page
    assert "Cancel this run" in page
