"""Errors in a run: one line on stderr that says what happened and how to continue, or the run survives."""

import errno
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from modelassist.engine.cli.options import main
from modelassist.engine.evaluation.predictions import predict
from modelassist.engine.evaluation.readable import ADVICE
from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import NEW_NAMES
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.training import train as training
from modelassist.engine.training.journal import Journal
from modelassist.engine.training.sft import SftStage
from qsave.files import lock_exclusively
from qsave.release.reader import ReleaseReader
from qsave.run.files import get_frames_folder
from tests.modelassist.engine.small import make_tiny, read_metrics, seal, write_clip

SETTINGS = {"max_new_tokens": 16, "save_steps": 2, "sft": {"steps": 4, "batch": 2, "warmup_steps": 1}}


class Bench:
    """A copy of a release for a test to damage, and the command that trains on it."""

    def __init__(self, folder: Path, release: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.model, self.capsys = folder, model, capsys
        self.release = shutil.copytree(release, folder / "release")
        self.out, self.settings = folder / "run", folder / "run.json"
        self.configure(SETTINGS)

    def configure(self, settings: Mapping[str, object]) -> None:
        self.settings.write_text(json.dumps(settings))

    def train(self, *more: str) -> tuple[int, str]:
        """Return the exit status and the error. After four steps no answer of the critic can be read."""
        return self.train_critic("--keep-unreadable", *more)

    def train_critic(self, *more: str) -> tuple[int, str]:
        options = ["--release", str(self.release), "--model", str(self.model), "--out", str(self.out)]
        status = main(["train", *options, "--config", str(self.settings), "--stages", "sft", *more])
        errors = [line for line in self.capsys.readouterr().err.splitlines() if line.startswith("error:")]
        return status, "\n".join(errors)

    def media(self, split: str = "train") -> list[Path]:
        lines = (self.release / "sft" / f"{split}.jsonl").read_text().splitlines()
        return [self.release / json.loads(line)["media"]["path"] for line in lines]


def caption(bench: Bench) -> Path:
    """Write a clip with a caption, and settings with it and with a step of the cool-down."""
    write_clip(bench.folder / "seen.mp4", 90)
    path = bench.folder / "captions.jsonl"
    path.write_text(json.dumps({"video": "seen.mp4", "text": "A grey square."}) + "\n")
    bench.configure(SETTINGS | {"sft": {"steps": 4, "captions": str(path)}, "cooldown": {"steps": 1}})
    return path


@pytest.fixture
def bench(tmp_path: Path, release_folder: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, release_folder, tiny_folder, capsys)


def test_a_misspelt_setting_is_refused_with_the_nearest_name(bench: Bench) -> None:
    bench.configure({"sft": {"learnin_rate": 1e-4}})
    error = f"error: {bench.settings}: Unknown setting sft.learnin_rate; did you mean sft.learning_rate?"
    assert bench.train() == (1, error)
    assert not bench.out.exists()


def test_a_changed_release_is_refused_with_the_changed_file(bench: Bench) -> None:
    path = bench.media()[0]
    write_clip(path, 10)
    status, error = bench.train()
    assert status == 1
    assert error.startswith(f"error: {bench.release} is not as it was frozen: media/{path.name}")
    assert not bench.out.exists()


def test_a_release_without_one_of_its_clips_is_refused_with_its_name(bench: Bench) -> None:
    path = bench.media()[0]
    path.unlink()
    status, error = bench.train()
    assert status == 1
    assert f"media/{path.name}: missing. Repair it, or copy it again." in error


def test_a_release_without_readable_clips_is_refused(bench: Bench) -> None:
    for path in bench.media():
        path.write_bytes(b"")
    seal(bench.release)
    status, error = bench.train()
    assert status == 1
    assert error.startswith(f"error: {bench.release}: there is nothing to train on; no clip is left: clip")


def spoil_after_first_step(bench: Bench, monkeypatch: pytest.MonkeyPatch, paths: list[Path]) -> None:
    """Make clips unreadable after the first step, also in the cache."""

    def step(journal: Journal, stage: str, number: int, figures: Mapping[str, float]) -> None:
        whole_step(journal, stage, number, figures)
        for path in paths:
            path.write_bytes(b"gone")
            for cached in get_frames_folder(bench.release, bench.out).glob(f"{path.stem}*"):
                cached.write_bytes(b"gone")

    whole_step = Journal.log_step
    monkeypatch.setattr(Journal, "log_step", step)


def test_a_run_survives_clips_that_become_unreadable_and_reports_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_after_first_step(bench, monkeypatch, bench.media()[:4])
    assert bench.train() == (0, "")
    rows = read_metrics(bench.out)
    assert [row["step"] for row in rows if "loss" in row] == [1, 2, 3, 4]
    problems = [row["problem"] for row in rows if row["stage"] == "data"]
    assert problems
    assert len(set(problems)) == len(problems)
    assert all(problem.startswith("clip clip-") and "left out" in problem for problem in problems)
    assert json.loads((bench.out / "evaluation.json").read_text())["problems"] == sorted(problems)


def test_a_run_stops_if_no_clip_of_a_step_can_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_after_first_step(bench, monkeypatch, bench.media())
    status, error = bench.train()
    assert status == 1
    assert error.startswith("error: No clip of a step is left: clip clip-")


def test_a_clip_that_disappears_has_no_card_and_the_others_do(bench: Bench, critic: LoadedModel) -> None:
    examples = load_examples(ReleaseReader(bench.release), "sft", "train")[:3]
    examples[1].path.unlink()
    feeder = Feeder(critic, FrameStore(bench.folder / "frames", critic.frames))
    predictions = predict(critic, feeder, examples, Sampling(token_budget=4096), label="train")
    errors = [prediction.scored.error or "" for prediction in predictions]
    assert ["cannot be read" in error for error in errors] == [False, True, False]


def test_a_run_does_not_resume_with_other_frames(bench: Bench) -> None:
    few = {"fast_frames": 2, "fast_pixels": 32 * 32, "slow_frames": 1, "slow_pixels": 64 * 64}
    bench.configure(SETTINGS | {"frames": few})
    assert bench.train()[0] == 0
    bench.configure(SETTINGS)
    status, error = bench.train("--resume")
    assert status == 1
    assert "belongs to a run with another frames.fast_frames (2 there, 3 here)" in error


def test_sft_does_not_resume_without_its_captions(bench: Bench) -> None:
    caption(bench)
    assert bench.train()[0] == 0
    bench.configure(SETTINGS | {"cooldown": {"steps": 1}})
    status, error = bench.train("--resume")
    assert status == 1
    assert "belongs to a run with another captions" in error


def test_a_run_does_not_go_back_to_a_stage_that_it_left_out(bench: Bench) -> None:
    bench.configure(SETTINGS | {"grpo": {"rounds": 1}, "cooldown": {"steps": 1, "samples": 2, "probe": 1}})
    assert bench.train("--stages", "sft,cooldown")[0] == 0
    status, error = bench.train("--stages", "grpo", "--resume")
    assert status == 1
    assert error.endswith("holds a run that skipped grpo and cannot go back to it: choose another --out.")


def test_a_run_does_not_resume_with_another_model(bench: Bench) -> None:
    assert bench.train()[0] == 0
    bench.model = bench.folder / "other"
    make_tiny(bench.model, seed=8)
    status, error = bench.train("--resume")
    assert status == 1
    assert "belongs to a run with another model" in error


def test_a_run_resumes_with_the_same_model_and_captions_at_other_paths(bench: Bench) -> None:
    captions = caption(bench)
    assert bench.train()[0] == 0
    bench.model = shutil.copytree(bench.model, bench.folder / "moved")
    captions.rename(bench.folder / "moved.jsonl")
    bench.settings.write_text(bench.settings.read_text().replace("captions.jsonl", "moved.jsonl"))
    assert bench.train("--resume") == (0, "")


def test_captions_are_not_needed_once_sft_is_over(bench: Bench) -> None:
    captions = caption(bench)
    assert bench.train("--stages", "sft")[0] == 0
    captions.unlink()
    assert bench.train("--stages", "cooldown", "--resume")[0] == 0


def test_a_run_of_an_earlier_version_is_evaluated_and_not_resumed(bench: Bench) -> None:
    assert bench.train()[0] == 0
    for path in (bench.out / "run.json", *(bench.out / "checkpoints").glob("*/state.json")):
        text = path.read_text()
        for old, new in NEW_NAMES.items():
            text = text.replace(f'"{new.rpartition(".")[2]}"', f'"{old.rpartition(".")[2]}"')
        path.write_text(text)
    refusal = "was begun by an earlier version, in which save_steps was called save_every, and cannot be resumed."
    status, error = bench.train("--resume")
    assert status == 1
    assert f"error: {bench.out} {refusal} Its critic can still be used and evaluated" in error
    bench.configure({})
    assert bench.train("--resume")[0] == 1
    critic, out = str(bench.out / "model"), str(bench.folder / "evaluation")
    assert main(["evaluate", "--release", str(bench.release), "--model", critic, "--out", out]) == 0


def test_a_run_without_steps_names_the_setting_to_raise(bench: Bench) -> None:
    bench.configure(SETTINGS | {"grpo": {"rounds": 0}})
    status, error = bench.train("--stages", "grpo")
    assert (status, error) == (1, "error: No stage has steps: raise grpo.rounds.")


def test_a_model_with_new_weights_at_the_same_path_is_another_model(bench: Bench) -> None:
    bench.model = shutil.copytree(bench.model, bench.folder / "base")
    assert bench.train()[0] == 0
    shutil.rmtree(bench.model)
    make_tiny(bench.model, seed=8)
    status, error = bench.train("--resume")
    assert status == 1
    assert "belongs to a run with another model, by its content" in error


def test_captions_with_other_clips_or_texts_are_other_captions(bench: Bench) -> None:
    captions = caption(bench)
    assert bench.train()[0] == 0
    write_clip(bench.folder / "seen.mp4", 91)
    for written in (captions.read_text(), captions.read_text().replace("grey", "dark")):
        captions.write_text(written)
        status, error = bench.train("--resume")
        assert status == 1
        assert "belongs to a run with another captions" in error
        write_clip(bench.folder / "seen.mp4", 90)


def test_evaluate_does_not_write_into_a_run(bench: Bench) -> None:
    assert bench.train()[0] == 0
    before = (bench.out / "evaluation.json").read_bytes()
    options = ["--release", str(bench.release), "--model", str(bench.model), "--out", str(bench.out)]
    assert main(["evaluate", *options]) == 1
    assert f"error: {bench.out} is the folder of a run" in bench.capsys.readouterr().err
    assert (bench.out / "evaluation.json").read_bytes() == before


def test_two_processes_do_not_train_into_one_folder(bench: Bench) -> None:
    with lock_exclusively(bench.out / "run.json"):
        assert bench.train() == (1, f"error: {bench.out / 'run.json'}: another process is writing to it.")
    assert list(bench.out.iterdir()) == []


def test_out_of_memory_in_a_step_says_what_to_lower(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(stage: SftStage, index: int) -> dict[str, float]:
        return {"loss": float(torch.empty(2**50).sum())}

    monkeypatch.setattr(SftStage, "step", step)
    status, error = bench.train()
    assert status == 1
    assert error.startswith("error: sft step 1: the machine's memory ran out")
    assert "lower micro_tokens (now 8192)" in error


@pytest.mark.parametrize(("step", "what"), [("prepare", "preparing the model"), ("save", "saving the critic")])
def test_out_of_memory_outside_the_steps_is_reported_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str, what: str
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has no more.")

    monkeypatch.setattr(training, step, full)
    status, error = bench.train()
    assert status == 1
    assert error.startswith(f"error: {what}: CUDA out of memory. Tried to allocate 2.00 GiB; ")


def test_a_full_disk_is_reported_with_the_file(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def note(journal: Journal, row: Mapping[str, object]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(journal.metrics))

    monkeypatch.setattr(Journal, "append", note)
    status, error = bench.train()
    assert status == 1
    disk = f"the disk of {bench.out / 'metrics.jsonl'}"
    assert error == f"error: No space is left on {disk}: free disk space, then run the same command with --resume."


def test_damaged_cached_frames_are_decoded_again(bench: Bench) -> None:
    assert bench.train()[0] == 0
    losses = [row["loss"] for row in read_metrics(bench.out)]
    for cached in get_frames_folder(bench.release, bench.out).iterdir():
        cached.write_bytes(cached.read_bytes()[:100])
    shutil.rmtree(bench.out / "checkpoints")
    assert bench.train() == (0, "")
    assert [row["loss"] for row in read_metrics(bench.out)] == losses


def test_other_file_errors_are_not_reported_as_a_full_disk(bench: Bench) -> None:
    bench.out.write_text("a file where the run should be")
    status, error = bench.train()
    assert status == 1
    assert error == f"error: {bench.out}: there is a file where a folder is needed."


def test_nothing_is_written_into_the_release_or_the_model(bench: Bench) -> None:
    before = sorted(bench.release.rglob("*"))
    for out, read in ((bench.release, "release"), (bench.release / "run", "release"), (bench.model / "run", "model")):
        bench.out = out
        status, error = bench.train()
        assert status == 1
        assert error.startswith(f"error: {out} is inside the {read} ")
    assert sorted(bench.release.rglob("*")) == before


def test_a_folder_with_other_files_is_left_as_it_is(bench: Bench) -> None:
    (bench.out / "model").mkdir(parents=True)
    (bench.out / "model" / "mine").touch()
    status, error = bench.train()
    assert (status, error) == (1, f"error: {bench.out} holds model, and no run that wrote it: choose another --out.")
    (bench.out / "model").rename(bench.out / "other")
    (bench.out / ".notes.2024").touch()
    assert bench.train()[0] == 0
    assert (bench.out / "other" / "mine").exists()
    assert (bench.out / ".notes.2024").exists()


def test_resume_without_a_run_is_refused(bench: Bench) -> None:
    status, error = bench.train("--resume")
    assert status == 1
    assert error == f"error: {bench.out} holds no run to resume: check --out, or leave out --resume."


def test_a_run_that_is_done_is_not_evaluated_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench.train()[0] == 0
    monkeypatch.setattr(training, "measure", pytest.fail)
    assert bench.train("--resume") == (0, "")


def test_a_critic_without_readable_answers_fails_after_everything_is_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = "0 of 6 answers of the trained critic could be read on held-out clips, and a critic needs 10%."
    failed = (1, f"error: {share} Model and report stay in {bench.out}. {ADVICE}")
    assert bench.train_critic() == failed
    assert json.loads((bench.out / "evaluation.json").read_text())["splits"]
    assert (bench.out / "evaluation.md").is_file()
    assert (bench.out / "model" / "config.json").is_file()
    monkeypatch.setattr(training, "measure", pytest.fail)
    assert bench.train_critic("--resume") == failed
    assert bench.train("--resume") == (0, "")


@pytest.mark.parametrize("command", ["score", "evaluate"])
def test_commands_for_one_process_refuse_several(command: str, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    options = {"score": ["clip.mp4"], "evaluate": ["--release", str(bench.release), "--out", str(bench.out)]}[command]
    assert main([command, "--model", str(bench.model), *options]) == 1
    assert f"error: {command} takes one process" in bench.capsys.readouterr().err


def test_a_stopped_command_says_how_to_continue(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(SftStage, "step", stopped)
    assert bench.train()[0] == 130
