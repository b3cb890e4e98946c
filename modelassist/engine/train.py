"""A whole run: warm-up, classroom, practice match, final polish, evaluation. One loop for all stages, resumable
to the step.

out/metrics.jsonl            one object a step
out/progress.json            where the run stands
out/checkpoints/             the newest of each stage
out/model/                   the critic, once all stages are done
out/evaluation.json          the figures; written last, so its presence means that the run is done
out/evaluation.md            the report on them; what else `measure` writes lies beside it
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from modelassist.engine import checkpoints
from modelassist.engine.adapt import merge_adapters, prepare, vision_is_frozen
from modelassist.engine.checkpoints import Checkpoint, CheckpointError
from modelassist.engine.config import STAGES, Config, config_to
from modelassist.engine.data import DataError, Example, Feeder, FrameStore, load_captions, load_examples, readable
from modelassist.engine.evaluate import consistency
from modelassist.engine.files import atomic_path, sweep, write_json
from modelassist.engine.grpo import GrpoStage, frozen_copy
from modelassist.engine.journal import Journal
from modelassist.engine.measure import measure, write_evaluation
from modelassist.engine.memory import memory_limit, training_advice
from modelassist.engine.model import Loaded, check, load, save
from modelassist.engine.optimise import Stage
from modelassist.engine.seeds import seeded
from modelassist.engine.sft import SftStage
from qsave.frames.slowfast import FrameConfig
from qsave.release import ReleaseError, ReleaseReader, verify_release

_KIND_OF_STAGE = {"sft": "sft", "grpo": "rl", "cooldown": "cooldown"}
_HELD_OUT = ("val", "test")
_FIRST_STAGE_NEEDS = "a critic needs rated clips in the train split"


@dataclass(frozen=True, slots=True)
class Material:
    """What a run learns from and is measured on."""

    train: Mapping[str, Sequence[Example]]
    """Examples of each stage."""
    held_out: Mapping[str, Sequence[Example]]
    """Examples of each split that is measured; splits without any are left out."""
    constant: Sequence[Example]
    """The train clips whose mean is the constant predictor."""


def train(
    release: Path,
    model: str,
    out: Path,
    config: Config,
    *,
    stages: Sequence[str] = STAGES,
    resume: bool = False,
    previous: str | None = None,
) -> dict[str, Any]:
    """Run the stages and the evaluation (beside the critic `previous`, if named); returns what `evaluation.json` holds.

    Raises ModelError, ReleaseError, DataError, CheckpointError or TrainingError, each with what to do about it.
    """
    if previous:
        check(previous)
    with memory_limit(f"loading {model}", "set dtype = bfloat16 or take a smaller model"):
        critic = load(model, device="cuda" if torch.cuda.is_available() else "cpu", dtype=getattr(torch, config.dtype))
    critic.frames = config.frames or critic.frames
    critic.max_new_tokens = config.max_new_tokens
    reader = open_release(release)
    described = {"config": config_to(config), "model": model, "release": reader.manifest["content_hash"]}
    run = _Run(critic, config, out, list(stages), model, described)
    run.begin(resume=resume)
    material = run.gather(reader)
    for name in stages:
        run.stage(name, material)
    run.keep_model()
    return run.measure(reader, material, previous)


def open_release(folder: Path) -> ReleaseReader:
    """A release that is as it was frozen; raises ReleaseError, naming the first things that are not."""
    reader = ReleaseReader(folder)
    problems = verify_release(folder)
    if problems:
        raise ReleaseError(f"{folder} is not as it was frozen: {'; '.join(problems[:3])}")
    return reader


def gather_held_out(reader: ReleaseReader, store: FrameStore, splits: Sequence[str]) -> dict[str, list[Example]]:
    """The readable examples of the splits that hold any."""
    found = {split: _examples(reader, store, "sft", split)[0] for split in splits}
    return {split: examples for split, examples in found.items() if examples}


class _Run:
    """One run folder and the model in it."""

    def __init__(
        self, critic: Loaded, config: Config, out: Path, stages: list[str], model: str, described: Mapping[str, Any]
    ) -> None:
        self.critic, self.config, self.out, self.stages, self.model = critic, config, out, stages, model
        self.described = described
        self.journal = Journal(out, {name: config.steps_of(name) for name in stages})
        self.place: Checkpoint | None = None
        self.problems: list[str] = []

    def begin(self, *, resume: bool) -> None:
        """Prepare what is trained; go back to the last checkpoint where one is to be gone on from."""
        self.out.mkdir(parents=True, exist_ok=True)
        for folder in (self.out, self._checkpoints):
            sweep(folder)
        found = checkpoints.newest_checkpoint(self._checkpoints, self.stages)
        if found and not resume:
            raise CheckpointError(
                f"{self.out} holds a run already: add --resume to go on with it, or name another --out"
            )
        if found:
            checkpoints.check_same_run(found, self.described)
        else:
            for leftover in ("cooldown.json", "evaluation.json"):
                (self.out / leftover).unlink(missing_ok=True)
        self.place = found
        with seeded(self.config.seed, "adapters"):
            prepare(self.critic, self.config)
        if found:
            checkpoints.restore_weights(self.critic, found)
        self.journal.rewind(found.stage if found else None, found.step if found else 0)
        write_json(self.out / "run.json", dict(self.described))

    def gather(self, reader: ReleaseReader) -> Material:
        """Decode every clip once; bad ones are reported and left out."""
        store = self._store(self.critic.frames)
        train: dict[str, list[Example]] = {}
        for stage in self.stages:
            train[stage], problems = self._examples_of(stage, reader, store)
            for problem in problems:
                self.report(problem)
        judged = [examples for stage, examples in train.items() if stage != "describe" and examples]
        if not judged:
            raise DataError(f"{reader.folder}: there is nothing to train on; {_FIRST_STAGE_NEEDS}")
        held_out = gather_held_out(reader, store, _HELD_OUT)
        if "describe" in train:
            unseen = {example.sha256 for examples in held_out.values() for example in examples}
            train["describe"] = [example for example in train["describe"] if example.sha256 not in unseen]
        return Material(train=train, held_out=held_out, constant=max(judged, key=len))

    def _examples_of(self, stage: str, reader: ReleaseReader, store: FrameStore) -> tuple[list[Example], list[str]]:
        """What a stage learns from, and what is wrong with what it does not."""
        if stage != "describe":
            return _examples(reader, store, _KIND_OF_STAGE[stage], "train")
        captions = self.config.describe.captions
        return readable(store, load_captions(Path(captions)), "captions") if captions else ([], [])

    def report(self, problem: str) -> None:
        """Say what is wrong with a clip, once; the run goes on."""
        if problem not in self.problems:
            self.problems.append(problem)
            tqdm.write(problem)
            self.journal.note({"stage": "data", "problem": problem})

    def stage(self, name: str, material: Material) -> None:
        """Run one stage from where the checkpoint left it; one that is done already is passed over."""
        start = self._done_of(name)
        examples = material.train[name]
        stage = self._make(name, examples, start) if examples else None
        if stage is None or start is None:
            return
        if self.place and self.place.stage == name:
            checkpoints.restore_stage(self.critic, stage, self.place)
        if name == "cooldown" and start == 0:
            self._probe("before", material)
        self._loop(stage, start)
        if name == "cooldown":
            self._probe("after", material)

    def keep_model(self) -> None:
        """Write the critic as a model folder of its own."""
        merge_adapters(self.critic)
        with atomic_path(self.out / "model") as unfinished:
            unfinished.mkdir()
            save(self.critic, unfinished)

    def measure(self, reader: ReleaseReader, material: Material, previous: str | None) -> dict[str, Any]:
        """Evaluate what was kept, as it was kept, and write the figures."""
        self.journal.stand("evaluation", 0)
        with memory_limit("evaluation", self._generation_advice):
            found = measure(
                str(self.out / "model"),
                reader,
                material.held_out,
                material.constant,
                self.out,
                previous=previous,
                budget=self.config.tokens_per_batch,
                seed=self.config.seed,
            )
        evaluation = found | {
            "cooldown": self._probes(),
            "problems": sorted(self.problems),
            "release": self.described["release"],
            "model": self.model,
            "stages": self.stages,
        }
        write_evaluation(self.out, evaluation)
        self.journal.stand("evaluation", 0, finished=True)
        return evaluation

    @property
    def _generation_advice(self) -> str:
        return f"lower tokens_per_batch (now {self.config.tokens_per_batch}) and go on with --resume"

    @property
    def _checkpoints(self) -> Path:
        return self.out / "checkpoints"

    @property
    def _frames(self) -> Path:
        return self.out / "cache" / "frames"

    def _store(self, frames: FrameConfig) -> FrameStore:
        return FrameStore(self._frames, frames)

    def _done_of(self, name: str) -> int | None:
        """How many steps of a stage are done; None where all of it is."""
        if self.place is None or self.stages.index(name) > self.stages.index(self.place.stage):
            return 0
        finished = name != self.place.stage
        return None if finished else self.place.step

    def _make(self, name: str, examples: Sequence[Example], start: int | None) -> Stage:
        feeder = Feeder(self.critic, self._store(self.critic.frames), frozen=vision_is_frozen(self.config))
        if name != "grpo":
            return SftStage(
                self.critic,
                feeder,
                examples,
                getattr(self.config, name),
                name=name,
                seed=self.config.seed,
                micro_tokens=self.config.micro_tokens,
                report=self.report,
            )
        return GrpoStage(
            self.critic,
            feeder,
            examples,
            self.config.grpo,
            seed=self.config.seed,
            max_new_tokens=self.config.max_new_tokens,
            reference=self._reference(start),
            report=self.report,
        )

    def _reference(self, start: int | None) -> nn.Module | None:
        """The model as practice found it: itself at the start, else what the stage before it kept."""
        if self.config.grpo.kl_beta == 0 or self.config.lora.rank:
            return None
        if not start:
            return frozen_copy(self.critic.network)
        earlier = self.stages[: self.stages.index("grpo")]
        first = load(self.model, device=str(self.critic.device), dtype=self.critic.base.dtype)
        prepare(first, self.config)
        before = checkpoints.newest_checkpoint(self._checkpoints, earlier)
        if before:
            checkpoints.restore_weights(first, before)
        return frozen_copy(first.network)

    def _loop(self, stage: Stage, start: int) -> None:
        bar = tqdm(range(start, stage.steps), desc=stage.name, unit="step", initial=start, total=stage.steps)
        for index in bar:
            with memory_limit(f"{stage.name} step {index + 1}", training_advice(self.config, stage.name)):
                figures = stage.step(index)
            self.journal.step(stage.name, index + 1, figures)
            bar.set_postfix_str(f"loss {figures['loss']:.3f}")
            if (index + 1) % self.config.save_every == 0 or index + 1 == stage.steps:
                checkpoints.save_checkpoint(self._checkpoints, self.critic, stage, index + 1, self.described)

    def _probe(self, when: str, material: Material) -> None:
        """Measure how calm the critic is, on held-out clips where there are some."""
        pool = next(iter(material.held_out.values()), material.train["cooldown"])
        examples = pool[: self.config.cooldown.probe]
        feeder = Feeder(self.critic, self._store(self.critic.frames))
        with memory_limit(f"consistency {when} the cool-down", self._generation_advice):
            figures = consistency(
                self.critic,
                feeder,
                examples,
                samples=self.config.cooldown.samples,
                budget=self.config.tokens_per_batch,
                seed=self.config.seed,
                label=f"consistency {when}",
            )
        write_json(self.out / "cooldown.json", self._probes() | {when: figures})

    def _probes(self) -> dict[str, Any]:
        path = self.out / "cooldown.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return found


def _examples(reader: ReleaseReader, store: FrameStore, kind: str, split: str) -> tuple[list[Example], list[str]]:
    if f"{kind}/{split}.jsonl" not in reader.manifest["files"]:
        return [], []
    return readable(store, load_examples(reader, kind, split), f"{kind}/{split}")
