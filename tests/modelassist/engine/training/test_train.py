"""Real training of a tiny model on a CPU: losses fall, seeds decide, runs resume, files are what they should be."""

import csv
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modelassist.engine.cli.options import main
from modelassist.engine.evaluation.predictions import predict
from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.read_scores import find_level_positions
from modelassist.engine.inputs.examples import DataError, Feeder, FrameStore, load_captions, load_examples
from modelassist.engine.inputs.rows import completion_logits, pack
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models import loader
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import Loaded
from modelassist.engine.models.saver import save
from modelassist.engine.settings.config import Config, CooldownConfig, GrpoConfig, LoraConfig, SftConfig
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.training import grpo
from modelassist.engine.training import train as training
from modelassist.engine.training.checkpoints import CheckpointError
from modelassist.engine.training.journal import Journal
from modelassist.engine.training.optimise import TrainingError, batch_at
from modelassist.engine.training.sft import SftStage, Whole, sft_loss
from qsave.axes import AXES
from qsave.prompt import user_prompt
from qsave.release.encoding import ReleaseError
from qsave.release.reader import ReleaseReader
from tests.modelassist.engine.small import read_metrics, seal

Figures = list[dict[str, float]]
CONFIG = Config(
    max_new_tokens=48,
    save_every=2,
    sft=SftConfig(steps=3, batch=4, warmup=1),
    grpo=GrpoConfig(steps=3, clips=2, group=2),
    cooldown=CooldownConfig(steps=2, batch=2, samples=2, probe=2),
)


def feeder_of(critic: Loaded, tmp_path: Path) -> Feeder:
    return Feeder(critic, FrameStore(tmp_path / "frames", critic.frames))


@contextmanager
def cut_after(monkeypatch: pytest.MonkeyPatch, cut: int) -> Iterator[None]:
    """A run in this block ends after so many steps, as if it had been killed."""
    steps = 0

    def step(journal: Journal, stage: str, number: int, figures: Mapping[str, float]) -> None:
        nonlocal steps
        steps += 1
        if steps > cut:
            raise KeyboardInterrupt
        whole_step(journal, stage, number, figures)

    whole_step = Journal.step
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Journal, "step", step)
        yield


def losses(out: Path) -> list[tuple[str, int, float]]:
    return [(str(row["stage"]), int(row["step"]), row["loss"]) for row in read_metrics(out)]


@pytest.fixture(scope="module")
def finished(tiny_folder: Path, release_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("run")
    training.train(release_folder, str(tiny_folder), out, CONFIG)
    return out


@pytest.fixture(scope="module")
def taught(tiny_folder: Path, release_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Figures]:
    """A critic that has learnt the eight train clips by heart, and the figures of its steps."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("taught")
    critic = loader.load(str(tiny_folder))
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    config = SftConfig(steps=100, batch=8, learning_rate=4e-3, warmup=5, shift=0)
    stage = SftStage(critic, feeder_of(critic, folder), examples, config, name="sft", seed=0)
    figures = [stage.step(index) for index in range(config.steps)]
    save(critic, folder / "model")
    return folder / "model", figures


def test_sft_learns_a_small_set_by_heart_and_says_it_freely(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path
) -> None:
    folder, figures = taught
    assert figures[-1]["cross_entropy"] < 0.01 < 4 < figures[0]["cross_entropy"]
    assert figures[-1]["huber"] < 0.1 * figures[0]["huber"]
    critic = loader.load(str(folder))
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    predictions = predict(critic, feeder_of(critic, tmp_path), examples, Sampling(token_budget=4096), label="train")
    errors = [
        abs(each.scored.card.axis(axis).score - each.example.targets[axis].mos)
        for each in predictions
        for axis in AXES
        if each.scored.card
    ]
    assert len(errors) == len(examples) * len(AXES)
    assert sum(errors) / len(errors) < 0.4


def test_weight_zero_is_plain_sft(critic: Loaded, release_folder: Path, tmp_path: Path) -> None:
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")[:2]
    rows = [feeder_of(critic, tmp_path).row(example) for example in examples]
    packed = pack(critic, rows)
    mos = torch.tensor([[example.targets[axis].mos for axis in AXES] for example in examples])
    logits = completion_logits(critic, rows, packed, encode(critic, [row.prompt for row in rows]))
    plain, dual = (
        sft_loss(critic, logits, packed, mos, weight, whole=Whole.of(rows, [], Machine())) for weight in (0.0, 2.0)
    )
    assert plain.total.item() == plain.cross_entropy.item()
    assert plain.total.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, packed.targets).item())
    assert dual.total.item() == pytest.approx(plain.total.item() + 2 * dual.huber.item())


def test_a_direct_answer_teaches_its_level_words_and_nothing_else(
    critic: Loaded, release_folder: Path, tmp_path: Path
) -> None:
    example = load_examples(ReleaseReader(release_folder), "sft", "train")[0]
    row = feeder_of(critic, tmp_path).row(example, direct=True)
    packed = pack(critic, [row])
    logits = torch.randn(len(packed.targets), len(critic.tokenizer), requires_grad=True)
    mos = torch.tensor([[example.targets[axis].mos for axis in AXES]])
    whole = Whole.of([row], [], Machine())
    sft_loss(critic, logits, packed, mos, huber_weight=1.0, direct_weight=1.0, whole=whole).direct.backward()
    assert logits.grad is not None
    taught = packed.targets[logits.grad.abs().sum(dim=1) > 0].tolist()
    places = find_level_positions(critic, row.completions[1]) or ()
    assert taught == [row.completions[1][place] for place in places]
    assert len(taught) == len(AXES)


def captions_of(release_folder: Path, tmp_path: Path, *splits: str) -> Path:
    """The clips of some splits, each with a few words."""
    examples = [example for split in splits for example in load_examples(ReleaseReader(release_folder), "sft", split)]
    path = tmp_path / "captions.jsonl"
    lines = [{"video": os.path.relpath(example.path, tmp_path), "text": "a square wanders"} for example in examples]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_captions_are_learnt_beside_the_judged_clips_and_resume(
    tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions = captions_of(release_folder, tmp_path, "train")
    sft = replace(CONFIG.sft, captions=str(captions), captions_batch=3, steps=4, warmup=1)
    config = replace(CONFIG, sft=sft)
    training.train(release_folder, str(tiny_folder), tmp_path / "whole", config, stages=("sft",))
    whole = losses(tmp_path / "whole")
    told = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    described = [line["captions"] for line in told]
    assert described[3] < described[0]
    for line in told:
        assert line["loss"] == pytest.approx(
            line["captions"] + line["cross_entropy"] + config.sft.huber_weight * line["huber"] + line["direct"],
            rel=1e-5,
        )
    with cut_after(monkeypatch, 3):
        training.train(release_folder, str(tiny_folder), tmp_path / "cut", config, stages=("sft",))
    training.train(release_folder, str(tiny_folder), tmp_path / "cut", config, stages=("sft",), resume=True)
    assert losses(tmp_path / "cut") == whole


def test_captions_change_what_is_learnt_and_not_what_the_judged_add(
    tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    captions = captions_of(release_folder, tmp_path, "train")
    told = []
    for name, sft in (("without", CONFIG.sft), ("with", replace(CONFIG.sft, captions=str(captions)))):
        config = replace(CONFIG, sft=replace(sft, steps=1))
        training.train(release_folder, str(tiny_folder), tmp_path / name, config, stages=("sft",))
        told.append(json.loads((tmp_path / name / "metrics.jsonl").read_text()))
    without, beside = told
    assert "captions" not in without
    assert beside["cross_entropy"] == pytest.approx(without["cross_entropy"], rel=1e-5)
    assert beside["gradient_norm"] != pytest.approx(without["gradient_norm"], rel=1e-3)


def test_held_out_clips_are_not_described_either(tiny_folder: Path, release_folder: Path, tmp_path: Path) -> None:
    captions = captions_of(release_folder, tmp_path, "val", "test")
    config = replace(CONFIG, sft=replace(CONFIG.sft, captions=str(captions), steps=1))
    training.train(release_folder, str(tiny_folder), tmp_path / "run", config, stages=("sft",))
    told, step = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert "none of the clips with captions is left" in told["problem"]
    assert "captions" not in step


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (None, "no such file of captions"),
        ("{}", "captions.jsonl:1: not a line"),
        ("nonsense", "captions.jsonl:1: not a line"),
        ('{"video": "missing.mp4", "text": "x"}', "captions.jsonl:1: not a line .* with its video"),
    ],
)
def test_captions_that_are_none_are_named(line: str | None, error: str, tmp_path: Path) -> None:
    path = tmp_path / "captions.jsonl"
    if line is not None:
        path.write_text(line + "\n")
    with pytest.raises(DataError, match=error):
        load_captions(path)


def test_a_caption_may_stand_beside_a_prompt(release_folder: Path, tmp_path: Path) -> None:
    path = captions_of(release_folder, tmp_path, "train")
    first, second = (json.loads(line) for line in path.read_text().splitlines()[:2])
    path.write_text(json.dumps(first) + "\n" + json.dumps(second | {"prompt": "A <b> cat"}) + "\n")
    alone, beside = (example.messages[1]["content"] for example in load_captions(path))
    assert beside == f"{alone} {user_prompt('A <b> cat')}"


def test_a_run_leaves_what_it_says(finished: Path) -> None:
    assert [(stage, step) for stage, step, _ in losses(finished)] == [
        ("sft", 1), ("sft", 2), ("sft", 3), ("grpo", 1), ("grpo", 2), ("grpo", 3), ("cooldown", 1), ("cooldown", 2),
    ]  # fmt: skip
    assert sorted(path.name for path in (finished / "checkpoints").iterdir()) == ["cooldown-2", "grpo-3", "sft-3"]
    run = json.loads((finished / "run.json").read_text())
    assert run["config"]["frames"]["fast_frames"] == 3  # the model's own, as the settings name none
    assert (run["computed"]["processes"], run["computed"]["versions"]["torch"]) == (1, torch.__version__)
    progress = json.loads((finished / "progress.json").read_text())
    assert (progress["finished"], progress["share"]) == (True, 1.0)
    evaluation = json.loads((finished / "evaluation.json").read_text())
    assert set(evaluation["splits"]) == {"val", "test"}
    assert set(evaluation["cooldown"]) == {"before", "after"}
    for split in ("val", "test"):
        with (finished / f"predictions-{split}.csv").open() as file:
            assert len(list(csv.DictReader(file))) == evaluation["splits"][split]["clips"] == 3
    assert not [path for path in finished.rglob("*") if path.suffix in (".pt", ".bin", ".pkl")]
    assert Critic.load(str(finished / "model"), "cpu").loaded.max_new_tokens == 48


def test_practice_logs_every_term(finished: Path) -> None:
    row = next(row for row in read_metrics(finished) if row["stage"] == "grpo")
    for name in ("format", "accuracy", "rank", "defects", "evidence", "consistency", "length"):
        assert 0 <= row[f"reward_{name}"] <= 1
    assert {"zero_spread", "clip_share", "length", "entropy", "kl", "finished"} <= set(row)


@pytest.mark.parametrize("cut", [2, 5, 7])
def test_a_run_that_was_cut_goes_on_with_the_same_losses(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    with cut_after(monkeypatch, cut):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG)
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, resume=True)
    assert losses(tmp_path) == losses(finished)
    assert (tmp_path / "predictions-test.csv").read_bytes() == (finished / "predictions-test.csv").read_bytes()
    assert json.loads((tmp_path / "evaluation.json").read_text()) == json.loads(
        (finished / "evaluation.json").read_text()
    )


def test_later_stages_go_on_from_the_earlier_ones_that_were_run_by_themselves(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["sft"])
    assert (tmp_path / "evaluation.json").exists()
    with pytest.raises(CheckpointError, match="--resume"):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["grpo", "cooldown"])
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["grpo", "cooldown"], resume=True)
    assert losses(tmp_path) == losses(finished)
    assert (tmp_path / "predictions-test.csv").read_bytes() == (finished / "predictions-test.csv").read_bytes()
    assert json.loads((tmp_path / "evaluation.json").read_text())["stages"] == ["sft", "grpo", "cooldown"]


def test_a_run_that_is_gone_on_with_is_not_done(
    tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["sft"])
    with cut_after(monkeypatch, 1):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, resume=True)
    assert not (tmp_path / "evaluation.json").exists()


def test_a_stage_without_steps_is_none(tiny_folder: Path, release_folder: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, grpo=replace(CONFIG.grpo, steps=0), cooldown=replace(CONFIG.cooldown, steps=0))
    evaluation = training.train(release_folder, str(tiny_folder), tmp_path, config)
    assert evaluation is not None
    assert evaluation.stages == ("sft",)
    assert evaluation.cooldown == {}


def test_another_seed_takes_another_way(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    training.train(release_folder, str(tiny_folder), tmp_path, replace(CONFIG, seed=1), stages=["sft"])
    assert losses(tmp_path) != losses(finished)[:3]


def test_a_second_run_into_the_same_folder_is_refused(finished: Path, tiny_folder: Path, release_folder: Path) -> None:
    with pytest.raises(CheckpointError, match="--resume"):
        training.train(release_folder, str(tiny_folder), finished, CONFIG)


def test_a_run_is_not_resumed_with_other_settings(finished: Path, tiny_folder: Path, release_folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"another seed \(0 there, 9 here\)"):
        training.train(release_folder, str(tiny_folder), finished, replace(CONFIG, seed=9), resume=True)


def test_a_run_that_ran_out_of_memory_may_be_resumed_with_smaller_passes(
    finished: Path, tiny_folder: Path, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cut_after(monkeypatch, 2):
        training.train(release_folder, str(tiny_folder), tmp_path, CONFIG, stages=["sft"])
    thriftier = replace(CONFIG, micro_tokens=1, gradient_checkpointing=True)
    training.train(release_folder, str(tiny_folder), tmp_path, thriftier, stages=["sft"], resume=True)
    assert [loss for _, _, loss in losses(tmp_path)] == pytest.approx([loss for _, _, loss in losses(finished)[:3]])


def test_adapters_leave_the_rest_alone_and_are_merged_at_the_end(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path
) -> None:
    config = replace(CONFIG, lora=LoraConfig(rank=4, alpha=8), gradient_checkpointing=True, max_new_tokens=192)
    training.train(release_folder, str(taught[0]), tmp_path, config, stages=["sft", "grpo"])
    before, after = (loader.load(str(path)).base.state_dict() for path in (taught[0], tmp_path / "model"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("language_model" in name and "_proj" in name for name in changed)


@pytest.mark.parametrize("rank", [0, 4])
def test_divergence_is_measured_from_the_model_that_practice_began_with(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    # Whether samples of a group differ, and so whether anything is learnt of them, is up to the last bits of a machine.
    monkeypatch.setattr(grpo, "advantages", lambda rewards, scale: torch.ones_like(rewards))
    practice = replace(CONFIG.grpo, steps=2, clips=4, group=4, updates=1, kl_beta=0.1, temperature=1.5)
    config = replace(CONFIG, grpo=practice, lora=LoraConfig(rank=rank), max_new_tokens=96)
    training.train(release_folder, str(taught[0]), tmp_path, config, stages=["sft", "grpo"])
    first, second = (row["kl"] for row in read_metrics(tmp_path) if row["stage"] == "grpo")
    assert first == pytest.approx(0, abs=1e-9)  # whatever the classroom changed
    assert second > 1e-9


@pytest.mark.parametrize("rank", [0, 4])
def test_divergence_is_measured_from_the_same_model_after_a_cut(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    monkeypatch.setattr(grpo, "advantages", lambda rewards, scale: torch.ones_like(rewards))  # as above
    practice = replace(CONFIG.grpo, steps=3, clips=2, group=3, kl_beta=0.1, temperature=1.5)
    config = replace(
        CONFIG,
        save_every=1,
        sft=replace(CONFIG.sft, steps=1, learning_rate=1e-6),
        grpo=practice,
        lora=LoraConfig(rank=rank),
        max_new_tokens=96,
    )

    def train(out: Path, *, resume: bool = False) -> None:
        training.train(release_folder, str(taught[0]), out, config, stages=["sft", "grpo"], resume=resume)

    train(tmp_path / "whole")
    with cut_after(monkeypatch, 3):
        train(tmp_path / "cut")
    train(tmp_path / "cut", resume=True)
    whole, resumed = ([row["kl"] for row in read_metrics(tmp_path / name)[1:]] for name in ("whole", "cut"))
    assert resumed == whole
    assert whole[-1] > 0


def test_a_clip_that_cannot_be_read_is_reported_and_left_out(
    tiny_folder: Path, release_folder: Path, tmp_path: Path
) -> None:
    release = shutil.copytree(release_folder, tmp_path / "release")
    row = json.loads((release / "sft" / "train.jsonl").read_text().splitlines()[0])
    (release / row["media"]["path"]).write_bytes(b"no video")
    seal(release)
    evaluation = training.train(release, str(tiny_folder), tmp_path / "run", CONFIG, stages=["sft"])
    assert evaluation is not None
    assert [row["clip_id"] in problem for problem in evaluation.problems or ()] == [True]
    assert len(losses_of_sft(tmp_path / "run")) == CONFIG.sft.steps


def test_a_held_out_clip_that_cannot_be_read_is_reported_too(
    finished: Path, release_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release = shutil.copytree(release_folder, tmp_path / "release")
    row = json.loads((release / "sft" / "test.jsonl").read_text().splitlines()[0])
    (release / row["media"]["path"]).write_bytes(b"no video")
    seal(release)
    options = ["--release", str(release), "--model", str(finished / "model"), "--out", str(tmp_path / "out")]
    assert main(["evaluate", *options]) == 0
    assert f"clip {row['clip_id']} left out" in capsys.readouterr().err
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert [row["clip_id"] in problem for problem in found["problems"]] == [True]
    assert row["clip_id"] in (tmp_path / "out" / "evaluation.md").read_text()


def losses_of_sft(out: Path) -> list[float]:
    return [row["loss"] for row in read_metrics(out) if row["stage"] == "sft"]


def test_a_changed_release_is_not_trained_on(tiny_folder: Path, release_folder: Path, tmp_path: Path) -> None:
    release = shutil.copytree(release_folder, tmp_path / "release")
    (release / "rl" / "train.jsonl").write_text("")
    with pytest.raises(ReleaseError, match="not as it was frozen"):
        training.train(release, str(tiny_folder), tmp_path / "run", CONFIG)


def test_a_loss_that_is_no_number_stops_with_the_clips_named(
    critic: Loaded, release_folder: Path, tmp_path: Path
) -> None:
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")
    stage = SftStage(critic, feeder_of(critic, tmp_path), examples, CONFIG.sft, name="sft", seed=0)
    with torch.no_grad():
        critic.base.lm_head.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"sft step 1, clips clip-.*nan"):
        stage.step(0)


def test_every_example_is_taken_once_a_round() -> None:
    taken = [place for step in range(6) for place in batch_at(12, 4, step, 0, "sft")]
    assert sorted(taken[:12]) == sorted(taken[12:]) == list(range(12))
    assert taken[:12] != taken[12:]


def test_score_prints_a_card_or_the_reason_there_is_none(
    finished: Path, release_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = next((release_folder / "media").iterdir())
    status = main(["score", str(video), "--prompt", "A square", "--model", str(finished / "model")])
    said = capsys.readouterr()
    assert (status, ": the output" in said.err) in ((0, False), (1, True))
    (tmp_path / "empty.mp4").touch()
    assert main(["score", str(tmp_path / "empty.mp4"), "--prompt", "A", "--model", str(finished / "model")]) == 1
    assert "empty.mp4: The file is empty (0 bytes)." in capsys.readouterr().err


def test_evaluate_writes_figures_of_one_split(finished: Path, release_folder: Path, tmp_path: Path) -> None:
    options = ["--release", str(release_folder), "--model", str(finished / "model"), "--out", str(tmp_path)]
    assert main(["evaluate", *options, "--split", "val"]) == 0
    mine = json.loads((tmp_path / "evaluation.json").read_text())["splits"]
    assert mine == {"val": json.loads((finished / "evaluation.json").read_text())["splits"]["val"]}


def test_evaluate_may_average_several_answers(finished: Path, release_folder: Path, tmp_path: Path) -> None:
    options = ["--release", str(release_folder), "--model", str(finished / "model"), "--split", "val"]
    assert main(["evaluate", *options, "--out", str(tmp_path / "mean"), "--samples", "3"]) == 0
    about = json.loads((tmp_path / "mean" / "evaluation.json").read_text())["about"]
    assert about["samples"] == 3
    assert "the mean of 3 answers" in (tmp_path / "mean" / "evaluation.md").read_text()
    with pytest.raises(SystemExit):
        main(["evaluate", *options, "--out", str(tmp_path / "none"), "--samples", "0"])


@pytest.mark.parametrize("which", ["--model", "--previous"])
def test_a_folder_that_is_no_model_is_one_line(
    which: str, tiny_folder: Path, release_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = {"--model": str(tiny_folder)} | {which: str(tmp_path)}
    options = ["--release", str(release_folder), "--out", str(tmp_path / "out")]
    assert main(["train", *options, *(word for pair in models.items() for word in pair)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path} is not a model folder")
    assert not (tmp_path / "out").exists()
