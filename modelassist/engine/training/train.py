"""Train a critic: SFT, GRPO, cool-down, evaluation. All stages share one loop, which can resume after any step.

out/run.json                 the description of the run; locked while a process trains
out/metrics.jsonl            one object for each step
out/progress.json            the current step
out/checkpoints/             the newest checkpoint of each stage
out/model/                   the critic, once all stages are done
out/evaluation.json          the figures; written last, so if the file exists, the run is done
out/evaluation.md            the report; `measure` writes its other files to the same folder
"""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stderr
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from modelassist.engine.evaluation.predictions import measure_consistency
from modelassist.engine.evaluation.run import measure, write_evaluation
from modelassist.engine.inputs.examples import Example, load_captions
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.gathering import Material, gather, open_release
from modelassist.engine.models.adapters import is_vision_frozen, merge_adapters, prepare
from modelassist.engine.models.distributed import Machine, join_processes
from modelassist.engine.models.folder import check_model, check_trainable
from modelassist.engine.models.loader import LoadedModel, load
from modelassist.engine.models.saver import save
from modelassist.engine.settings.config import STAGES, Config
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.sizing.flops import compute_speed
from modelassist.engine.support.out_of_memory import SETUP_ADVICE, advise_on_training, explain_out_of_memory
from modelassist.engine.support.seeds import seed_torch
from modelassist.engine.training.checkpoints import (
    Checkpoint,
    CheckpointError,
    check_same_run,
    find_newest,
    restore_stage,
    restore_weights,
    save_checkpoint,
)
from modelassist.engine.training.description import RunDescription, describe_computation, describe_run
from modelassist.engine.training.grpo import GrpoStage, snapshot
from modelassist.engine.training.journal import Journal, format_figures
from modelassist.engine.training.optimise import TrainingError
from modelassist.engine.training.run_folder import require_apart, require_own
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import Stage, StageContext
from qsave.detectors.propose import ENABLED
from qsave.files import atomic_path, lock_exclusively, sweep, sync_to_disk, write_json
from qsave.release.reader import ReleaseReader
from qsave.run.evaluation import Consistency, Evaluation, read_evaluation
from qsave.run.files import (
    CACHE_FOLDER,
    CHECKPOINTS_FOLDER,
    CONSISTENCY_FILE,
    EVALUATION_FILE,
    MODEL_FOLDER,
    PLOTS_FOLDER,
    RUN_FILE,
    get_frames_folder,
)

_ONE_PROCESS = (
    "GRPO takes one process. Run the stages before it with torchrun (--stages sft), then continue without torchrun and"
    " with --resume."
)


def train(
    release: Path,
    model_name: str,
    out: Path,
    config: Config,
    *,
    stages: Sequence[str] = STAGES,
    resume: bool = False,
    previous: str | None = None,
) -> Evaluation | None:
    """Run the stages that have steps, then evaluate the new critic and compare it with `previous`, if given.

    Returns the evaluation. With several processes only the first one evaluates; the others return None.
    Raises ModelError, ReleaseError, DataError, CheckpointError or TrainingError.
    """
    machine = join_processes(config.parallel, getattr(torch, config.dtype))
    if not any(config.count_steps(name) for name in stages):
        raise TrainingError(f"No stage has steps: raise {' or '.join(map(_name_steps, stages))}.")
    stages = [name for name in stages if config.count_steps(name)]
    if machine.size > 1 and "grpo" in stages:
        raise TrainingError(_ONE_PROCESS)
    check_trainable(model_name)
    if previous:
        check_model(previous)
    for name in filter(None, (model_name, previous)):
        require_apart(out, release, name)
    require_own(out, resume=resume)
    reader = open_release(release)
    with lock_exclusively(out / RUN_FILE) if machine.is_leader else nullcontext():
        with explain_out_of_memory(f"loading {model_name}", "set dtype = bfloat16 or take a smaller model"):
            model = load(model_name, device=str(machine.device), dtype=machine.dtype)
        model.set_frames(config.frames or model.frames)
        model.max_new_tokens = config.max_new_tokens
        model.readings = ENABLED if config.readings_in_prompt else ()
        model.simulated = model.simulated or bool(reader.manifest.get("simulated"))
        captioned = load_captions(Path(config.sft.captions)) if config.sft.captions and "sft" in stages else []
        run = _Run(model, config, out, stages, describe_run(config, model, reader, captioned), machine, previous)
        run.frames = get_frames_folder(release, out)
        with explain_out_of_memory("preparing the model", SETUP_ADVICE):
            run.prepare(resume=resume)
        if run.is_done:
            machine.leave()
            return run.read_evaluation() if machine.is_leader else None
        material = gather(reader, run.store, stages, captioned, machine, run.report)
        for name in stages:
            with explain_out_of_memory(name, advise_on_training(config, name)):
                run.run_stage(name, material)
        machine.leave()
        if not machine.is_leader:
            return None
        with explain_out_of_memory("saving the critic", "free memory and resume with --resume"):
            run.save_model()
        return run.evaluate(reader, material)


def _name_steps(stage: str) -> str:
    return "grpo.rounds" if stage == "grpo" else f"{stage}.steps"


class _Run:
    """A run folder and the model that is trained in it."""

    def __init__(
        self,
        model: LoadedModel,
        config: Config,
        out: Path,
        stages: list[str],
        description: RunDescription,
        machine: Machine,
        previous: str | None,
    ) -> None:
        self.model, self.config, self.out, self.stages = model, config, out, stages
        self.description, self.machine, self.previous = description, machine, previous
        self.journal = Journal(out, {name: config.count_steps(name) for name in stages}, writes=machine.is_leader)
        self.frames = out / CACHE_FOLDER
        """Where decoded frames are cached; `train` names the folder that all runs on the release share."""
        self.checkpoint: Checkpoint | None = None
        self.reference: dict[str, Tensor] | None = None
        """The weights at the start of GRPO, if the run resumes in the middle of GRPO and has a KL penalty."""
        self.problems: list[str] = []

    def prepare(self, *, resume: bool) -> None:
        """Mark the trained parameters and, if the run resumes, restore the last checkpoint."""
        checkpoint = find_newest(self._checkpoints)
        if checkpoint and not resume:
            raise CheckpointError(
                f"{self.out} already holds a run: add --resume to resume it, or choose another --out."
            )
        if checkpoint:
            if "sft" not in self.stages:  # only SFT reads captions, so they need not be given
                self.description = replace(self.description, captions=checkpoint.run.captions)
            check_same_run(checkpoint, self.description)
        self.checkpoint = checkpoint
        if self.is_done:
            return
        if self.machine.is_leader:
            self._clean_folder(is_new=checkpoint is None)
        self.machine.gather(None)  # wait until the folder is clean before any process writes into it
        with seed_torch(self.config.seed, "adapters"):
            prepare(self.model, self.config)
        if checkpoint:
            self._restore(checkpoint)
        self.machine.shard(self.model)
        self.journal.rewind(checkpoint.stage if checkpoint else None, checkpoint.step if checkpoint else 0)

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Restore the weights. If the run stopped in GRPO, its weights at the start of GRPO become the reference."""
        if checkpoint.stage == "grpo" and self.config.grpo.beta:
            before = find_newest(self._checkpoints, STAGES[: STAGES.index("grpo")])
            if before:
                restore_weights(self.model, before)
            self.reference = snapshot(self.model)
        restore_weights(self.model, checkpoint)

    @property
    def is_done(self) -> bool:
        """Whether all stages and the evaluation are done. A comparison with a previous critic is always repeated."""
        if self.previous or self.checkpoint is None or not (self.out / EVALUATION_FILE).is_file():
            return False
        last = self.stages[-1]
        return (self.checkpoint.stage, self.checkpoint.step) == (last, self.config.count_steps(last))

    def read_evaluation(self) -> Evaluation:
        """Read the evaluation of a run that is done."""
        tqdm.write(f"{self.out}: the run is done; its evaluation:")
        return read_evaluation(self.out)

    def _clean_folder(self, *, is_new: bool) -> None:
        """Remove unfinished and outdated files, and write the description of the run."""
        if (self.out / RUN_FILE).exists():
            for folder in (self.out, self._checkpoints, self.out / PLOTS_FOLDER):
                sweep(folder)
        self.out.mkdir(parents=True, exist_ok=True)
        for outdated in (EVALUATION_FILE, *([CONSISTENCY_FILE] if is_new else [])):
            (self.out / outdated).unlink(missing_ok=True)
        computation = asdict(describe_computation(self.stages, self.machine))
        write_json(self.out / RUN_FILE, {**self.description.to_json(), "computed": computation})

    def report(self, problem: str) -> None:
        """Print and log a problem with the data once; the run continues."""
        if problem not in self.problems:
            self.problems.append(problem)
            if self.machine.is_leader:
                tqdm.write(problem)
            self.journal.append({"stage": "data", "problem": problem})

    def run_stage(self, name: str, material: Material) -> None:
        """Run a stage, from its checkpoint if there is one. Skip a stage that is done or has no clips."""
        start, examples = self._count_done(name), material.train[name]
        if not examples:
            self.report(f"{name} was skipped: the release has no clips for it.")
            return
        if start is None:
            self._require_done(name)
            return
        stage = self._make_stage(name, examples, material.captioned)
        if self.checkpoint and self.checkpoint.stage == name:
            restore_stage(self.model, stage, self.checkpoint)
        if name == "cooldown" and start == 0:
            self._measure_consistency("before", material)
        self._run_steps(stage, start)
        if name == "cooldown":
            self._measure_consistency("after", material)

    def _count_done(self, name: str) -> int | None:
        """Return how many steps of a stage are done; None if the run is already in a later stage."""
        if self.checkpoint is None or STAGES.index(name) > STAGES.index(self.checkpoint.stage):
            return 0
        return self.checkpoint.step if name == self.checkpoint.stage else None

    def _require_done(self, name: str) -> None:
        """Raise CheckpointError if the run skipped this stage."""
        if name not in self._list_stages():
            raise CheckpointError(
                f"{self.out} holds a run that skipped {name} and cannot go back to it: choose another --out."
            )

    def _list_stages(self) -> list[str]:
        """List the stages of the run so far, including those of earlier calls."""
        return [name for name in STAGES if find_newest(self._checkpoints, [name])]

    def _make_stage(self, name: str, examples: Sequence[Example], captioned: Sequence[Example]) -> Stage:
        config = self.config
        is_frozen = is_vision_frozen(config)
        feeder = Feeder(self.model, self.store, frozen=is_frozen, gigabytes=config.feature_gigabytes)
        context = StageContext(self.model, feeder, config.seed, self.machine, self.report)
        if name == "grpo":
            reference = self._take_reference()
            return GrpoStage(context, examples, config.grpo, max_new_tokens=config.max_new_tokens, reference=reference)
        if name == "cooldown":
            return SftStage(context, examples, config.cooldown, name=name, micro_tokens=config.micro_tokens)
        return SftStage(context, examples, config.sft, captioned=captioned, micro_tokens=config.micro_tokens)

    def _take_reference(self) -> dict[str, Tensor] | None:
        """Return the weights of the reference policy (those at the start of GRPO), or None without a KL penalty."""
        if not self.config.grpo.beta:
            return None
        reference, self.reference = self.reference, None
        return reference or snapshot(self.model)

    def _run_steps(self, stage: Stage, start: int) -> None:
        steps = range(start, stage.steps)
        bar = tqdm(steps, stage.name, unit="step", initial=start, total=stage.steps, disable=not self.machine.is_leader)
        for index in bar:
            started = time.monotonic()
            with explain_out_of_memory(f"{stage.name} step {index + 1}", advise_on_training(self.config, stage.name)):
                figures = stage.step(index)
            figures |= compute_speed(figures, time.monotonic() - started, self.machine)
            self.journal.log_step(stage.name, index + 1, figures)
            bar.set_postfix_str(format_figures(figures))
            if (index + 1) % self.config.save_steps == 0 or index + 1 == stage.steps:
                save_checkpoint(self._checkpoints, self.model, stage, index + 1, self.description)

    def _measure_consistency(self, when: str, material: Material) -> None:
        """Measure the spread of scores over samples, on held-out clips if there are any, otherwise on train clips.

        All processes do the same work, because processes that share the weights must generate together.
        """
        pool = next(iter(material.held_out.values()), material.train["cooldown"])
        examples = pool[: self.config.cooldown.probe]
        feeder = Feeder(self.model, self.store)
        sampling = Sampling(self.config.cooldown.samples, 1.0, self.config.seed, self.config.tokens_per_batch)
        output = nullcontext() if self.machine.is_leader else redirect_stderr(StringIO())  # one progress bar is enough
        with explain_out_of_memory(f"consistency {when} the cool-down", self._generation_advice), output:
            figures = self.machine.run(
                lambda: measure_consistency(self.model, feeder, examples, sampling, label=f"consistency {when}")
            )
        if self.machine.is_leader:
            results = self._read_consistency() | {when: figures}
            write_json(self.out / CONSISTENCY_FILE, {key: value.to_json() for key, value in results.items()})

    def _read_consistency(self) -> dict[str, Consistency]:
        """Read the consistency before and after the cool-down, as far as it is measured."""
        path = self.out / CONSISTENCY_FILE
        values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return {when: Consistency.from_json(value) for when, value in values.items()}

    def save_model(self) -> None:
        """Write the critic as a model folder of its own."""
        if self.machine.size > 1:
            self.model = self._reload_model()
        merge_adapters(self.model)
        with atomic_path(self.out / MODEL_FOLDER) as unfinished:
            unfinished.mkdir()
            save(self.model, unfinished)
            sync_to_disk(unfinished)
        self.model.network.to("meta")  # the evaluation loads the saved model and needs the memory

    def _reload_model(self) -> LoadedModel:
        """Load the model again with the weights of the last checkpoint.

        The model in memory is a shard, or occupies a GPU that the evaluation needs.
        """
        model = load(self.model.name, dtype=self.machine.dtype)
        model.set_frames(self.model.frames)
        model.max_new_tokens, model.simulated = self.model.max_new_tokens, self.model.simulated
        model.readings = self.model.readings
        prepare(model, self.config)
        checkpoint = find_newest(self._checkpoints)
        if checkpoint:
            restore_weights(model, checkpoint)
        return model

    def evaluate(self, reader: ReleaseReader, material: Material) -> Evaluation:
        """Evaluate the saved model and write the figures."""
        self.journal.write_progress("evaluation", 0)
        config = self.config
        sampling = Sampling.for_scores(config.samples, seed=config.seed, token_budget=config.tokens_per_batch)
        with explain_out_of_memory("evaluation", self._generation_advice):
            measured = measure(
                str(self.out / MODEL_FOLDER),
                reader,
                material.held_out,
                material.constant,
                self.out,
                previous=self.previous,
                sampling=sampling,
            )
        evaluation = replace(
            measured,
            cooldown=self._read_consistency(),
            problems=tuple(sorted(self.problems)),
            release=self.description.release,
            model=self.description.model,
            stages=tuple(self._list_stages()),
        )
        write_evaluation(self.out, evaluation)
        self.journal.write_progress("evaluation", 0, finished=True)
        return evaluation

    @property
    def _generation_advice(self) -> str:
        return f"lower tokens_per_batch (now {self.config.tokens_per_batch}) and resume with --resume"

    @property
    def _checkpoints(self) -> Path:
        return self.out / CHECKPOINTS_FOLDER

    @property
    def store(self) -> FrameStore:
        """The decoded frames of the run's clips."""
        return FrameStore(self.frames, self.model.frames)
