"""Evaluate a model on held-out clips, for the `evaluate` command and at the end of a training run.

out/predictions-<split>.csv             the critic's predictions, clip by clip
out/predictions-<split>-blank_frames.csv, -direct.csv, -previous.csv    those of its rivals
out/plots/<split>-*.png                 predicted against MOS, residuals, calibration
out/evaluation.md                       the report
out/evaluation.json                     the figures (`qsave.run.evaluation`); written last
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from modelassist.engine.evaluation import intervals
from modelassist.engine.evaluation.baselines import measure_people
from modelassist.engine.evaluation.detector_rival import fit_rival
from modelassist.engine.evaluation.markdown import render_report
from modelassist.engine.evaluation.plots import draw_plots
from modelassist.engine.evaluation.predictions import Prediction, predict, predict_directly, write_predictions
from modelassist.engine.evaluation.split import compute_mean_mos, measure_split
from modelassist.engine.generation.critic import Critic
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.reading_store import ReadingStore
from modelassist.engine.models.folder import identify_model
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.sampling import Sampling
from qsave.files import atomic_path, write_json
from qsave.release.reader import ReleaseReader
from qsave.run.evaluation import About, Evaluation
from qsave.run.figures import BLANK_FRAMES, DIRECT, PREVIOUS
from qsave.run.files import EVALUATION_FILE, REPORT_FILE, get_frames_folder, name_predictions_file
from qsave.splits import SPLITS
from qsave.statistics.figures import CONFIDENCE

HeldOut = Mapping[str, Sequence[Example]]


def measure(
    model: str,
    reader: ReleaseReader,
    held_out: HeldOut,
    constant: Sequence[Example],
    out: Path,
    *,
    previous: str | None,
    sampling: Sampling,
) -> Evaluation:
    """Measure a critic and its rivals on each split of `held_out`, and write predictions and plots.

    The rivals are the critic with blank frames, its direct answers, the detectors and, if given, the `previous` critic.
    `constant` are the train clips whose mean is the constant predictor, and to which the detectors are fitted. The
    scores of a clip's samples are averaged. The seed of the sampling is also the seed of the intervals.
    """
    frames = get_frames_folder(reader.folder, out)
    critic = Critic.load(model).loaded
    predictions = _predict_splits(critic, held_out, frames, sampling)
    rivals = {
        BLANK_FRAMES: _predict_splits(critic, held_out, frames, sampling, blank=True),
        DIRECT: _predict_directly(critic, held_out, frames, sampling),
    }
    del critic  # frees its memory for the previous critic
    if previous:
        rivals[PREVIOUS] = _predict_splits(Critic.load(previous).loaded, held_out, frames, sampling)
    readings = ReadingStore(frames)
    detectors = fit_rival(constant, readings, sampling.seed)
    splits = {}
    for name, of_critic in predictions.items():
        others = {rival: by_split[name] for rival, by_split in rivals.items()}
        groups = {each.example.clip_id: each.example.prompt_group for each in of_critic}
        people = measure_people(reader, groups)
        split = measure_split(
            of_critic,
            others,
            compute_mean_mos(constant),
            people,
            seed=sampling.seed,
            detectors=detectors.predict(held_out[name], readings, f"readings {name}"),
        )
        splits[name] = replace(split, plots=draw_plots(out, name, of_critic))
        write_predictions(out / name_predictions_file(name), of_critic)
        for rival, of_rival in others.items():
            write_predictions(out / name_predictions_file(name, rival), of_rival)
    about = _describe(model, reader, previous, out, sampling)
    return Evaluation(splits, replace(about, detectors=detectors.described))


def write_evaluation(out: Path, evaluation: Evaluation) -> None:
    """Write the report, then the figures. Only the report has a date, so the same clips give the same figures file."""
    with atomic_path(out / REPORT_FILE) as unfinished:
        unfinished.write_text(render_report(evaluation, datetime.now(UTC)), encoding="utf-8")
    write_json(out / EVALUATION_FILE, evaluation.to_json())


def _predict_splits(
    critic: LoadedModel, held_out: HeldOut, frames: Path, sampling: Sampling, *, blank: bool = False
) -> dict[str, list[Prediction]]:
    feeder = Feeder(critic, FrameStore(frames, critic.frames), blank=blank)
    name = f"{critic.name}, blank" if blank else critic.name
    return {
        split: predict(critic, feeder, examples, sampling, label=f"{split} by {name}")
        for split, examples in held_out.items()
    }


def _predict_directly(
    critic: LoadedModel, held_out: HeldOut, frames: Path, sampling: Sampling
) -> dict[str, list[Prediction]]:
    feeder = Feeder(critic, FrameStore(frames, critic.frames))
    return {
        split: predict_directly(
            critic, feeder, examples, sampling.token_budget, label=f"{split} by {critic.name}, direct"
        )
        for split, examples in held_out.items()
    }


def _describe(model: str, reader: ReleaseReader, previous: str | None, out: Path, sampling: Sampling) -> About:
    """Describe what is measured; a critic inside `out` is named by its path relative to `out`."""
    clips = {split: sum(1 for _ in reader.rows("sft", split)) for split in SPLITS if _has_rows(reader, split)}
    return About(
        critic=str(Path(model).relative_to(out)) if Path(model).is_relative_to(out) else model,
        identity=identify_model(model),
        release=f"{reader.manifest['name']}, number {reader.manifest['number']}",
        release_clips=clips,
        previous=previous,
        previous_identity=identify_model(previous) if previous else None,
        seed=sampling.seed,
        resamples=intervals.RESAMPLES,
        confidence=CONFIDENCE,
        samples=sampling.samples,
    )


def _has_rows(reader: ReleaseReader, split: str) -> bool:
    return f"sft/{split}.jsonl" in reader.manifest["files"]
