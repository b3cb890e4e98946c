"""A whole run: classroom, practice match, final polish, evaluation. One loop for all stages, resumable
to the step.

out/run.json                 what the run is; locked while somebody trains
out/metrics.jsonl            one object a step
out/progress.json            where the run stands
out/checkpoints/             the newest of each stage
out/model/                   the critic, once all stages are done
out/evaluation.json          the figures; written last, so its presence means that the run is done
out/evaluation.md            the report on them; what else `measure` writes lies beside it
"""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stderr
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from modelassist.engine.evaluation.predictions import measure_consistency
from modelassist.engine.evaluation.run import measure, write_evaluation
from modelassist.engine.inputs.examples import Example, Feeder, FrameStore, load_captions
from modelassist.engine.inputs.gathering import Material, gather, open_release
from modelassist.engine.models.adapters import merge_adapters, prepare, vision_is_frozen
from modelassist.engine.models.distributed import Machine, join
from modelassist.engine.models.folder import check_model, check_trainable
from modelassist.engine.models.loader import Loaded, load
from modelassist.engine.models.saver import save
from modelassist.engine.settings.config import STAGES, Config
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.sizing.flops import speed
from modelassist.engine.support.out_of_memory import SETUP_ADVICE, memory_limit, training_advice
from modelassist.engine.support.seeds import seed_torch
from modelassist.engine.training import checkpoints
from modelassist.engine.training.checkpoints import Checkpoint, CheckpointError
from modelassist.engine.training.grpo import GrpoStage, snapshot
from modelassist.engine.training.journal import Journal, in_a_line
from modelassist.engine.training.optimise import Stage, TrainingError
from modelassist.engine.training.run_folder import RUN_FILE, computed, described, digest, require_apart, require_own
from modelassist.engine.training.sft import SftStage
from qsave.files import atomic_path, only_one, sweep, to_disk, write_json
from qsave.release.reader import ReleaseReader
from qsave.run import CONSISTENCY_FILE, EVALUATION_FILE, Consistency, Evaluation, read_evaluation

_ALONE = (
    "practice (grpo) takes one process: with torchrun run the stages before it (--stages sft), then go on "
    "without torchrun and with --resume"
)


def train(
    release: Path,
    model: str,
    out: Path,
    config: Config,
    *,
    stages: Sequence[str] = STAGES,
    resume: bool = False,
    previous: str | None = None,
) -> Evaluation | None:
    """Run the stages that have steps, and the evaluation (beside the critic `previous`, if named); returns the
    evaluation. Of several processes the first evaluates; the others return None.

    Raises ModelError, ReleaseError, DataError, CheckpointError or TrainingError, each with what to do about it.
    """
    machine = join(config.parallel, getattr(torch, config.dtype))
    if not any(config.steps_of(name) for name in stages):
        raise TrainingError(f"no stage has steps: raise {' or '.join(f'{name}.steps' for name in stages)}")
    stages = [name for name in stages if config.steps_of(name)]
    if machine.size > 1 and "grpo" in stages:
        raise TrainingError(_ALONE)
    check_trainable(model)
    if previous:
        check_model(previous)
    for named in filter(None, (model, previous)):
        require_apart(out, release, named)
    require_own(out, resume=resume)
    reader = open_release(release)
    with only_one(out / RUN_FILE) if machine.leads else nullcontext():
        with memory_limit(f"loading {model}", "set dtype = bfloat16 or take a smaller model"):
            critic = load(model, device=str(machine.device), dtype=machine.dtype)
        critic.set_frames(config.frames or critic.frames)
        critic.max_new_tokens = config.max_new_tokens
        critic.simulated = critic.simulated or bool(reader.manifest.get("simulated"))
        captioned = load_captions(Path(config.sft.captions)) if config.sft.captions and "sft" in stages else []
        what = described(config, critic, reader) | ({"captions": digest(captioned)} if "sft" in stages else {})
        run = _Run(critic, config, out, stages, what, machine, previous)
        with memory_limit("preparing what is trained", SETUP_ADVICE):
            run.begin(resume=resume)
        if run.is_done:
            machine.leave()
            return run.found() if machine.leads else None
        material = gather(reader, run.store, stages, captioned, machine, run.report)
        for name in stages:
            with memory_limit(name, training_advice(config, name)):
                run.stage(name, material)
        machine.leave()
        if not machine.leads:
            return None
        with memory_limit("keeping the critic", "make room and go on with --resume"):
            run.keep_model()
        return run.measure(reader, material)


class _Run:
    """One run folder and the model in it."""

    def __init__(
        self,
        critic: Loaded,
        config: Config,
        out: Path,
        stages: list[str],
        described: Mapping[str, Any],
        machine: Machine,
        previous: str | None,
    ) -> None:
        self.critic, self.config, self.out, self.stages = critic, config, out, stages
        self.described, self.machine, self.previous = described, machine, previous
        self.journal = Journal(out, {name: config.steps_of(name) for name in stages}, writes=machine.leads)
        self.place: Checkpoint | None = None
        self.begun: dict[str, Tensor] | None = None
        """The weights that practice began with, where it is gone on with."""
        self.problems: list[str] = []

    def begin(self, *, resume: bool) -> None:
        """Prepare what is trained; go back to the last checkpoint where one is to be gone on from."""
        found = checkpoints.newest_checkpoint(self._checkpoints)
        if found and not resume:
            raise CheckpointError(
                f"{self.out} holds a run already: add --resume to go on with it, or name another --out"
            )
        if found:
            checkpoints.check_same_run(found, self.described)
            self.described = {**found.run, **self.described}
        self.place = found
        if self.is_done:
            return
        if self.machine.leads:
            self._tidy(fresh=found is None)
        self.machine.gathered(None)  # nobody writes into the folder before it is tidy
        with seed_torch(self.config.seed, "adapters"):
            prepare(self.critic, self.config)
        if found:
            self._go_back(found)
        self.machine.spread(self.critic)
        self.journal.rewind(found.stage if found else None, found.step if found else 0)

    def _begun_stages(self) -> list[str]:
        """The stages of the run so far, those of earlier calls too."""
        return [name for name in STAGES if checkpoints.newest_checkpoint(self._checkpoints, [name])]

    def _go_back(self, found: Checkpoint) -> None:
        """Put the weights back to where they were; on the way, to where practice began."""
        if found.stage == "grpo" and self.config.grpo.kl_beta:
            before = checkpoints.newest_checkpoint(self._checkpoints, STAGES[: STAGES.index("grpo")])
            if before:
                checkpoints.restore_weights(self.critic, before)
            self.begun = snapshot(self.critic)
        checkpoints.restore_weights(self.critic, found)

    @property
    def is_done(self) -> bool:
        """Whether all of it was done before, the evaluation included; one beside another critic is done anew."""
        place, last = self.place, self.stages[-1]
        learnt = place is not None and (place.stage, place.step) == (last, self.config.steps_of(last))
        return learnt and not self.previous and (self.out / EVALUATION_FILE).is_file()

    def found(self) -> Evaluation:
        """Read what the evaluation found when the run was done."""
        tqdm.write(f"{self.out}: nothing is left to do; the evaluation was:")
        return read_evaluation(self.out)

    def _tidy(self, *, fresh: bool) -> None:
        """Leave in the folder what the run goes on from, and say what it is."""
        if (self.out / RUN_FILE).exists():
            for folder in (self.out, self._checkpoints, self.out / "plots", self.store.folder):
                sweep(folder)
        self.out.mkdir(parents=True, exist_ok=True)
        for leftover in (EVALUATION_FILE, *([CONSISTENCY_FILE] if fresh else [])):
            (self.out / leftover).unlink(missing_ok=True)
        write_json(self.out / RUN_FILE, {**self.described, "computed": computed(self.stages, self.machine)})

    def report(self, problem: str) -> None:
        """Say what is wrong with a clip, once; the run goes on."""
        if problem not in self.problems:
            self.problems.append(problem)
            if self.machine.leads:
                tqdm.write(problem)
            self.journal.note({"stage": "data", "problem": problem})

    def stage(self, name: str, material: Material) -> None:
        """Run one stage from where the checkpoint left it; one that is done already is passed over."""
        start, examples = self._done_of(name), material.train[name]
        if not examples:
            self.report(f"{name} was passed over: the release has no clips for it")
            return
        if start is None:
            self._require_done(name)
            return
        stage = self._make(name, examples, material.captioned)
        if self.place and self.place.stage == name:
            checkpoints.restore_stage(self.critic, stage, self.place)
        if name == "cooldown" and start == 0:
            self._probe("before", material)
        self._loop(stage, start)
        if name == "cooldown":
            self._probe("after", material)

    def _require_done(self, name: str) -> None:
        """Refuse a stage that the run went past without."""
        if name not in self._begun_stages():
            raise CheckpointError(
                f"{self.out} holds a run that went on without {name}, and cannot go back: name another --out"
            )

    def keep_model(self) -> None:
        """Write the critic as a model folder of its own."""
        if self.machine.size > 1:
            self.critic = self._kept()
        merge_adapters(self.critic)
        with atomic_path(self.out / "model") as unfinished:
            unfinished.mkdir()
            save(self.critic, unfinished)
            to_disk(unfinished)
        self.critic.network.to("meta")  # what is measured is what was kept, and needs the room

    def _kept(self) -> Loaded:
        """The critic as its last checkpoint has it: what stands in memory here is a part of it, or on a GPU that the
        evaluation needs."""
        critic = load(self.critic.name, dtype=self.machine.dtype)
        critic.set_frames(self.critic.frames)
        critic.max_new_tokens, critic.simulated = self.critic.max_new_tokens, self.critic.simulated
        prepare(critic, self.config)
        place = checkpoints.newest_checkpoint(self._checkpoints)
        if place:
            checkpoints.restore_weights(critic, place)
        return critic

    def measure(self, reader: ReleaseReader, material: Material) -> Evaluation:
        """Evaluate what was kept, as it was kept, and write the figures."""
        self.journal.stand("evaluation", 0)
        with memory_limit("evaluation", self._generation_advice):
            measured = measure(
                str(self.out / "model"),
                reader,
                material.held_out,
                material.constant,
                self.out,
                previous=self.previous,
                sampling=Sampling.for_scores(
                    self.config.samples, seed=self.config.seed, token_budget=self.config.tokens_per_batch
                ),
            )
        evaluation = replace(
            measured,
            cooldown=self._probes(),
            problems=tuple(sorted(self.problems)),
            release=self.described["release"],
            model=self.described["model"],
            stages=tuple(self._begun_stages()),
        )
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
    def store(self) -> FrameStore:
        """Where the frames of clips are kept."""
        return FrameStore(self.out / "cache" / "frames", self.critic.frames)

    def _done_of(self, name: str) -> int | None:
        """How many steps of a stage are done; None where all of it is."""
        if self.place is None or STAGES.index(name) > STAGES.index(self.place.stage):
            return 0
        finished = name != self.place.stage
        return None if finished else self.place.step

    def _make(self, name: str, examples: Sequence[Example], captioned: Sequence[Example]) -> Stage:
        feeder = Feeder(
            self.critic,
            self.store,
            frozen=vision_is_frozen(self.config),
            gigabytes=self.config.feature_gigabytes,
        )
        if name != "grpo":
            return SftStage(
                self.critic,
                feeder,
                examples,
                getattr(self.config, name),
                captioned=captioned if name == "sft" else (),
                name=name,
                seed=self.config.seed,
                micro_tokens=self.config.micro_tokens,
                machine=self.machine,
                report=self.report,
            )
        return GrpoStage(
            self.critic,
            feeder,
            examples,
            self.config.grpo,
            seed=self.config.seed,
            max_new_tokens=self.config.max_new_tokens,
            reference=self._reference(),
            machine=self.machine,
            report=self.report,
        )

    def _reference(self) -> dict[str, Tensor] | None:
        """The weights that practice began with, for the stage to hold; none where divergence costs nothing."""
        if not self.config.grpo.kl_beta:
            return None
        begun, self.begun = self.begun, None
        return begun or snapshot(self.critic)

    def _loop(self, stage: Stage, start: int) -> None:
        todo = range(start, stage.steps)
        bar = tqdm(todo, stage.name, unit="step", initial=start, total=stage.steps, disable=not self.machine.leads)
        for index in bar:
            started = time.monotonic()
            with memory_limit(f"{stage.name} step {index + 1}", training_advice(self.config, stage.name)):
                figures = stage.step(index)
            told = {**figures, **speed(figures, time.monotonic() - started, self.machine)}
            self.journal.step(stage.name, index + 1, told)
            bar.set_postfix_str(in_a_line(told))
            if (index + 1) % self.config.save_every == 0 or index + 1 == stage.steps:
                checkpoints.save_checkpoint(self._checkpoints, self.critic, stage, index + 1, self.described)

    def _probe(self, when: str, material: Material) -> None:
        """Measure how calm the critic is, on held-out clips where there are some. Processes that share its weights can
        only do so in step, so all of them do the same."""
        pool = next(iter(material.held_out.values()), material.train["cooldown"])
        examples = pool[: self.config.cooldown.probe]
        feeder = Feeder(self.critic, self.store)
        silence = nullcontext() if self.machine.leads else redirect_stderr(StringIO())  # one progress bar is enough
        with memory_limit(f"consistency {when} the cool-down", self._generation_advice), silence:
            figures = self.machine.run(
                lambda: measure_consistency(
                    self.critic,
                    feeder,
                    examples,
                    Sampling(self.config.cooldown.samples, 1.0, self.config.seed, self.config.tokens_per_batch),
                    label=f"consistency {when}",
                )
            )
        if self.machine.leads:
            probes = self._probes() | {when: figures}
            write_json(self.out / CONSISTENCY_FILE, {key: value.to_json() for key, value in probes.items()})

    def _probes(self) -> dict[str, Consistency]:
        """Read what was measured before and after the cool-down."""
        path = self.out / CONSISTENCY_FILE
        probes = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {when: Consistency.from_json(figures) for when, figures in probes.items()}
